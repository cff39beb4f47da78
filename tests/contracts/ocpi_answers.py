"""The server side of ocpi_partner: what it answers, with its faults."""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote, urlencode

from tests.contracts.ocpi_platform import (
    DROPPED,
    FUNCTIONAL,
    SENDER,
    SERVED,
    Fault,
    Rejected,
    Request,
    is_date,
    is_within,
    text_of,
)


class Answering:
    """What a platform answers; its fields are those of OcpiPartner."""

    role: str
    url: str
    party: tuple[str, str]
    version: str
    versions: list[str]
    unencoded: bool
    token_in: str
    token_out: str
    invitation: str
    credentials: dict[str, Any] | None
    hidden_modules: set[str]
    page_limit: int
    lists: dict[str, list[dict[str, Any]]]
    received: dict[str, dict[str, Any]]
    allowed: dict[str, dict[str, Any]]
    command_response: dict[str, Any]
    commands: list[tuple[str, Any]]
    fault: Fault
    _lock: threading.Lock

    def answer(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a request."""
        segments = [unquote(part) for part in request.path.strip("/").split("/")]
        module = segments[2] if len(segments) > 2 else "versions"
        if len(segments) == 2 and segments[1] == "credentials":
            module = "credentials"
        fault = self.fault if self.fault.strikes(module) else Fault()
        time.sleep(fault.slow_s)
        if fault.retry_after_s is not None:
            return 429, {"Retry-After": f"{fault.retry_after_s:g}"}, b"slow down"
        if fault.status is not None or fault.is_500():
            return fault.status or 500, {"Content-Type": "text/html"}, b"<h1>Oops</h1>"
        try:
            http_status, headers, data = self._serve(request, module, segments, fault)
            status_code, message = fault.status_code or 1000, ""
        except Rejected as err:
            http_status, headers, data = err.http, {}, None
            status_code, message = err.status_code, err.message
        body = {
            "data": data, "status_code": status_code, "status_message": message,
            "timestamp": text_of(datetime.now(UTC)),
        }  # fmt: skip
        if fault.drop or fault.answers_left == 0:
            return DROPPED, {}, b""
        if fault.answers_left is not None:
            fault.answers_left -= 1
        if fault.breaks == "timestamp":
            body["timestamp"] = "2026-03-10T12:00:00+02:00"
        if fault.breaks == "status_code" and status_code == 1000:
            del body["status_code"]
        content = json.dumps(data if fault.no_envelope else body).encode()
        if fault.truncated:
            content = content[: len(content) // 2]
        for name in ("X-Request-ID", "X-Correlation-ID"):
            if name.lower() in request.headers:
                headers[name] = request.headers[name.lower()]
        headers |= self._routing(request, module, fault.breaks)
        if fault.breaks == "request_id":
            headers.pop("X-Request-ID", None)
        if fault.breaks == "correlation_id":
            headers["X-Correlation-ID"] = "another"
        media = "text/html" if fault.breaks == "content_type" else "application/json"
        return http_status, {"Content-Type": media, **headers}, content

    def _routing(self, request: Request, module: str, breaks: str) -> dict[str, str]:
        """Sender and receiver of the request, swapped (2.2.1 transport §4.1.8)."""
        came = {
            which: (
                request.headers.get(f"ocpi-{which}-country-code", ""),
                request.headers.get(f"ocpi-{which}-party-id", ""),
            )
            for which in ("from", "to")
        }
        if breaks == "routing_versions" and module == "versions":
            came = {"from": self.party, "to": self.party}
        elif module not in FUNCTIONAL or self.version == "2.1.1" or breaks == "routing":
            return {}
        if not came["from"][0]:
            return {}
        came["to"] = came["to"] if came["to"][0] else self.party
        parties = {"to": came["from"], "from": came["to"]}
        if breaks == "routing_swap":
            parties = came
        return {
            f"OCPI-{which}-{name}": value
            for which, party in parties.items()
            for name, value in zip(("country-code", "party-id"), party, strict=True)
        }

    def _serve(
        self, request: Request, module: str, segments: list[str], fault: Fault
    ) -> tuple[int, dict[str, str], Any]:
        is_invited = False if fault.breaks == "token" else self._check_token(request)
        if is_invited and module not in ("versions", "credentials"):
            raise Rejected(401, 2000, "invitation")
        if module == "versions":
            if request.method != "GET" and fault.breaks != "method":
                raise Rejected(405, 2000, "method")
            return 200, {}, self._versions(segments, fault.breaks)
        if module == "credentials":
            return 200, {}, self._credentials(request, is_invited=is_invited)
        role, rest = segments[1].upper(), segments[3:]
        if (module, role) not in SERVED[self.role]:
            raise Rejected(404, 2000, "not served")
        if module == "commands" and request.method == "POST":
            self.commands.append((rest[0] if rest else "", request.json()))
            return 200, {}, self.command_response
        if module == "tokens" and role == SENDER and rest[1:] == ["authorize"]:
            if rest[0] not in self.allowed:
                raise Rejected(404, 2004, "unknown token")
            return 200, {}, self.allowed[rest[0]]
        if role == SENDER and not rest:
            if request.method != "GET":
                raise Rejected(405, 2000, "method")
            return self._page(request, module, fault)
        if fault.breaks == "unknown" and request.method == "GET":
            return 200, {}, self.lists[module][0]
        return self._stored(request, module, rest)

    def _check_token(self, request: Request) -> bool:
        """Whether it came with the invitation; Rejected for a token that is not known."""
        scheme, _space, text = request.headers.get("authorization", "").partition(" ")
        if not self.unencoded:
            try:
                text = base64.b64decode(text, validate=True).decode()
            except ValueError:
                text = ""
        if scheme == "Token" and text and text in (self.token_in, self.invitation):
            return text == self.invitation
        raise Rejected(401, 2000, "token")

    def _versions(self, segments: list[str], breaks: str) -> Any:
        if segments == ["versions"]:
            told = ["2.0"] if breaks == "version" else self.versions
            return [{"version": one, "url": f"{self.url}/{one}"} for one in told]
        if len(segments) != 1 or segments[0] not in self.versions:
            raise Rejected(404, 2000, "no such version")
        version = segments[0]
        rows = [("credentials", SENDER), *SERVED[self.role]]
        endpoints = []
        for module, role in rows:
            if module in self.hidden_modules:
                continue
            path = module if module == "credentials" else f"{role.lower()}/{module}"
            path = f"moved/{path}" if breaks == "endpoints" else path
            named = {} if version == "2.1.1" else {"role": role}
            endpoints.append({"identifier": module, **named, "url": f"{self.url}/{version}/{path}"})
        return {"version": version, "endpoints": endpoints}

    def _credentials(self, request: Request, *, is_invited: bool) -> Any:
        if request.method in ("PUT", "DELETE") and is_invited:
            raise Rejected(405, 2000, "not registered")
        if request.method == "POST" and not is_invited:
            raise Rejected(405, 2000, "registered already")
        if request.method == "DELETE":
            self.credentials, self.token_out = None, ""
            return None
        if request.method != "GET":
            told = request.json()
            self.credentials, self.token_out = told, told["token"]
            self._read_versions(told["url"], told["token"])
            self.token_in, self.invitation = "in-" + uuid.uuid4().hex, ""
        return self.own_credentials()

    def _page(self, request: Request, module: str, fault: Fault) -> tuple[int, dict[str, str], Any]:
        query = self._filters(request.query, fault.breaks)
        with self._lock:
            rows = self.lists.setdefault(module, [])
            if fault.shrinking and rows:
                rows.pop()
            found = [row for row in rows if is_within(row, query, fault.breaks)]
        limit = min(int(query.get("limit") or self.page_limit), self.page_limit)
        limit = 1 if fault.one_item_pages else limit
        limit = self.page_limit if fault.breaks == "limit" else limit
        offset = int(query.get("offset") or 0)
        page = found[offset : offset + limit]
        headers = {"X-Total-Count": str(len(found)), "X-Limit": str(limit)}
        following = offset if fault.self_link else offset + limit
        following = 0 if fault.breaks == "link_circle" and offset else following
        if fault.foreign_link:
            headers["Link"] = f'<{fault.foreign_link}>; rel="next"'
        elif following < len(found) or fault.self_link or fault.breaks == "link_last":
            words = {**query, "offset": str(following), "limit": str(limit)}
            headers["Link"] = f'<{self.url}{quote(request.path)}?{urlencode(words)}>; rel="next"'
        self._break_page(fault.breaks, headers)
        if fault.huge_bytes:
            page = [{"id": "HUGE", "name": "x" * fault.huge_bytes}, *page]
        return 200, headers, _broken(page, fault.breaks)

    def _filters(self, query: dict[str, str], breaks: str) -> dict[str, str]:
        """The query with filters that are dates; Rejected with 2001 for one that is none."""
        bad = [
            one for one in ("date_from", "date_to") if query.get(one) and not is_date(query[one])
        ]
        if bad and breaks == "bad_date_500":
            raise Rejected(500, 3000, "a fault")
        if bad and breaks != "bad_date_ignored":
            raise Rejected(200, 2001, f"{bad[0]}: no date")
        return {name: text for name, text in query.items() if name not in bad}

    def _break_page(self, breaks: str, headers: dict[str, str]) -> None:
        link = headers.get("Link", "")
        if breaks == "total":
            headers["X-Total-Count"] = "many"
        if breaks == "x_limit":
            del headers["X-Limit"]
        if breaks == "link":
            headers.pop("Link", None)
        if link and breaks == "link_relative":
            headers["Link"] = link.replace(self.url, "")
        if link and breaks == "link_filters":
            headers["Link"] = link.replace("date_", "x_")

    def _stored(
        self, request: Request, module: str, rest: list[str]
    ) -> tuple[int, dict[str, str], Any]:
        objects = self.received.setdefault(module, {})
        key = "/".join(rest)
        if request.method == "GET":
            if key not in objects:
                raise Rejected(404, 2003 if module == "locations" else 2000, "unknown")
            return 200, {}, objects[key]
        if request.method == "DELETE":
            objects.pop(key, None)
            return 200, {}, None
        told = request.json() if request.body else None
        if request.method == "POST" and module == "cdrs":
            # CDRs of 2.1.1 name no party.
            names = (told.get("country_code"), told.get("party_id"), told["id"])
            key = "/".join(name for name in names if name)
            objects[key] = told
            where = f"{self.url}{request.path}/{quote(key)}"
            return 201, {"Location": where}, None
        is_new = key not in objects
        is_patch = request.method == "PATCH" and not is_new
        objects[key] = {**objects[key], **told} if is_patch else told
        return 201 if is_new else 200, {}, None


def _broken(page: list[dict[str, Any]], breaks: str) -> list[dict[str, Any]]:
    """The first object of a page without its last_updated's rule or a field that it needs."""
    if not page or breaks not in ("object", "dates"):
        return page
    first = dict(page[0])
    if breaks == "dates":
        first["last_updated"] = first["last_updated"].replace("Z", "+00:00")
    else:
        del first["currency" if "currency" in first else "coordinates" if "coordinates" in first
                  else "issuer"]  # fmt: skip
    return [first, *page[1:]]
