"""The way to the product: registration, and requests with their headers (OCPI 2.2.1 §4, §7)."""

import asyncio
import base64
import logging
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from apps.simulation.roaming.objects import Object, Party
from apps.simulation.state_file import state_read, state_write

log = logging.getLogger(__name__)

VERSION = "2.2.1"
TIMEOUT_S = 15.0
_UNAUTHORIZED = 401


class RefusedError(Exception):
    """The other side did not do as asked."""

    def __init__(self, message: str, http: int = 0) -> None:
        super().__init__(message)
        self.http = http


@dataclass(frozen=True)
class Reply:
    """The envelope of an answer."""

    http: int
    status_code: int
    message: str
    data: Any

    def checked(self) -> Any:
        """The data; RefusedError when the answer is no."""
        if self.http < 400 and 1000 <= self.status_code < 2000:  # noqa: PLR2004
            return self.data
        text = f"HTTP {self.http}, OCPI {self.status_code} {self.message}"
        raise RefusedError(text, self.http)


class Link:
    """One partner's connection to one operator; what it must not forget is in a file."""

    def __init__(
        self, party: Party, *, versions_url: str, own_url: str, invitation: str, file: Path
    ) -> None:
        self.party = party
        self.own_url = own_url
        self._versions_url = versions_url
        self._invitation = invitation
        self._file = file
        state = state_read(file)
        self.token_in: str = state.get("token_in") or secrets.token_urlsafe(32)
        self.token_out: str = state.get("token_out", "")
        self.endpoints: list[Object] = state.get("endpoints", [])
        self.parties: list[Object] = state.get("parties", [])
        self.is_registered = False
        self._is_waiting = False

    # --- registration ---

    async def register(self) -> bool:
        """Register, or find that one is registered; False when the product is not there yet."""
        try:
            if self.token_out and await self._is_known():
                self.is_registered = True
                return True
            await self._handshake()
        except (aiohttp.ClientError, TimeoutError, RefusedError, ValueError) as err:
            if not self._is_waiting:
                log.info("simulation.roaming_waits party=%s error=%s", self.party.party_id, err)
            self._is_waiting = True
            return False
        self.is_registered, self._is_waiting = True, False
        log.info("simulation.roaming_registered party=%s", self.party.party_id)
        return True

    async def _is_known(self) -> bool:
        reply = await self.request("GET", self.endpoint("credentials"))
        if reply.http == _UNAUTHORIZED:
            return False
        reply.checked()
        return True

    async def _handshake(self) -> None:
        """GET versions, GET details, POST credentials, all with the invitation."""
        invited = self._invitation
        self._save()
        versions = (await self.request("GET", self._versions_url, token=invited)).checked()
        url = next(one["url"] for one in versions if one["version"] == VERSION)
        details = (await self.request("GET", url, token=invited)).checked()
        self.endpoints = details["endpoints"]
        told = await self.request(
            "POST", self.endpoint("credentials"), self.credentials(), token=invited
        )
        answer = told.checked()
        self.token_out, self.parties = answer["token"], answer["roles"]
        self._save()

    def credentials(self) -> Object:
        """What the partner tells of itself."""
        role = {
            "role": self.party.role,
            **self.party.owner,
            "business_details": {"name": self.party.name},
        }
        return {"token": self.token_in, "url": f"{self.own_url}/versions", "roles": [role]}

    def _save(self) -> None:
        state_write(
            self._file,
            {
                "token_in": self.token_in,
                "token_out": self.token_out,
                "endpoints": self.endpoints,
                "parties": self.parties,
            },
        )

    def credentials_taken(self, told: Object) -> None:
        """The product rotated its token (PUT credentials)."""
        self.token_out, self.parties = told["token"], told["roles"]
        self._save()

    def forget(self) -> None:
        """The product ended the registration."""
        self.token_out, self.is_registered = "", False
        self._save()

    def is_token(self, header: str) -> bool:
        """Whether a request to the partner carries its token."""
        scheme, _space, text = header.partition(" ")
        try:
            token = base64.b64decode(text, validate=True).decode()
        except ValueError:
            return False
        return scheme == "Token" and secrets.compare_digest(token.encode(), self.token_in.encode())

    # --- requests ---

    def endpoint(self, module: str, role: str = "RECEIVER") -> str:
        """Where the product serves a module; RefusedError when it does not."""
        for one in self.endpoints:
            if one["identifier"] == module and (module == "credentials" or one["role"] == role):
                return str(one["url"])
        raise RefusedError(f"{module} {role} is not served")

    async def request(
        self, method: str, url: str, body: Any = None, *, token: str | None = None
    ) -> Reply:
        """One request. aiohttp.ClientError, TimeoutError, ValueError for no envelope."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if host.endswith("localhost"):
            # Names below .localhost are this machine (RFC 6761); not every resolver knows.
            url = parts._replace(netloc=f"127.0.0.1:{parts.port or 80}").geturl()
        text = base64.b64encode((self.token_out if token is None else token).encode()).decode()
        headers = {
            "Host": parts.netloc,
            "Authorization": f"Token {text}",
            "X-Request-ID": str(uuid.uuid4()),
            "X-Correlation-ID": str(uuid.uuid4()),
            **self._routing(url),
        }
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(method, url, json=body, headers=headers) as answer,
        ):
            envelope = await answer.json(content_type=None)
            if not isinstance(envelope, dict):
                raise RefusedError("not an envelope", answer.status)
            return Reply(
                answer.status,
                int(envelope.get("status_code", 0)),
                str(envelope.get("status_message", "")),
                envelope.get("data"),
            )

    def _routing(self, url: str) -> dict[str, str]:
        """OCPI-from and OCPI-to on functional modules (§4.1.8)."""
        if any(word in url for word in ("/credentials", "/versions")) or url.endswith(VERSION):
            return {}
        headers = {
            "OCPI-from-country-code": self.party.country_code,
            "OCPI-from-party-id": self.party.party_id,
        }
        wanted = "CPO" if self.party.role == "EMSP" else "EMSP"
        other = next((one for one in self.parties if one["role"] == wanted), None)
        if other is not None:
            headers["OCPI-to-country-code"] = other["country_code"]
            headers["OCPI-to-party-id"] = other["party_id"]
        return headers

    async def tell(self, method: str, module: str, path: str, body: Any) -> bool:
        """Push to a receiver interface; False (and a line in the log) when it was not taken."""
        try:
            url = f"{self.endpoint(module)}/{path}".rstrip("/")
            (await self.request(method, url, body)).checked()
        except (aiohttp.ClientError, TimeoutError, RefusedError, ValueError) as err:
            log.warning("simulation.roaming_refused module=%s path=%s error=%s", module, path, err)
            if isinstance(err, RefusedError) and err.http == _UNAUTHORIZED:
                self.is_registered = False
            return False
        return True

    async def page(self, module: str, limit: int = 50) -> list[Object]:
        """The first page of a list of the product."""
        url = f"{self.endpoint(module, 'SENDER')}?limit={limit}"
        found: list[Object] = (await self.request("GET", url)).checked()
        return found


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until `stop`."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
