"""Rules of transport over real HTTP, for two operators and both roles (2.2.1 §4, §5)."""

import base64
import itertools
import json
import socket
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from apps.ocpi.choices import InterfaceRole
from apps.ocpi.models import Exchange, Partner
from apps.ocpi.server import routes
from apps.ocpi.server.calls import ALL
from apps.tenants.context import operator_context
from tests.contracts.ocpi_partner import OcpiPartner, Reply, http_call, ocpi_partner
from tests.ocpi.server import Site, connect, partner_of

A, B = "guadeloupe", "martinique"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
Peer = tuple[OcpiPartner, str]
SWAPPED = [(B, "EMSP"), (A, "CPO")]


@pytest.fixture(
    params=[(A, "EMSP"), (B, "EMSP"), (A, "CPO"), (B, "CPO")], ids=lambda p: "-".join(p)
)
def peer(request: pytest.FixtureRequest, site: Site) -> Iterator[Peer]:
    """A registered platform, and the operator that it is registered at."""
    operator, role = request.param
    with ocpi_partner(role=role) as platform:
        with operator_context(operator):
            partner_of(platform)
        connect(platform, site, operator)
        yield platform, operator


@pytest.fixture
def emsp(site: Site) -> Iterator[OcpiPartner]:
    """One registered at Guadeloupe."""
    with ocpi_partner(role="EMSP") as platform:
        with operator_context(A):
            partner_of(platform)
        connect(platform, site, A)
        yield platform


def listed(platform: OcpiPartner) -> str:
    """A list that the platform may read."""
    return platform.ours("tokens" if platform.role == "CPO" else "tariffs", "SENDER")


def check_envelope(reply: Reply) -> dict[str, Any]:
    """The envelope of an answer; fails when it is none."""
    assert reply.headers["content-type"] == "application/json"
    found = reply.envelope
    assert set(found) <= {"data", "status_code", "status_message", "timestamp"}
    assert isinstance(found["status_code"], int)
    assert found["timestamp"].endswith("Z")
    assert reply.headers["x-request-id"]
    assert reply.headers["x-correlation-id"]
    return found


def everywhere(site: Site, operator: str, *versions: str) -> list[str]:
    """Every endpoint of the versions, an object of each, and places that are none."""
    root = site.root_url(operator)
    found = [f"{root}/versions"]
    for version in versions or ALL:
        found.append(f"{root}/{version}")
        for module, role in routes.interfaces(version):
            if module != "versions":
                found.append(routes.address(root, version, module, role))
    return [
        *found,
        root,
        f"{root}/",
        f"{root}/9.9",
        f"{root}/2.2.1/sender/nothing",
        f"{root}/x/y/z",
    ]


@pytest.mark.parametrize(
    "peer",
    [(A, "EMSP"), (B, "CPO"), *(pytest.param(p, marks=pytest.mark.slow) for p in SWAPPED)],
    indirect=True,
)
def test_every_answer_is_an_envelope(peer: Peer, site: Site) -> None:
    platform, operator = peer
    seen = set()
    for url in everywhere(site, operator, "2.2.1"):
        objects = ["", "/FR/ABC/X1"] if "er/" in url else [""]
        for method, rest in itertools.product(METHODS, objects):
            if method == "DELETE" and url.endswith("/credentials"):
                continue
            has_body = method in ("POST", "PUT", "PATCH")
            for body in (b"{}", b'{"a":') if has_body else (None,):
                reply = http_call(method, url + rest, platform.headers(), body)
                assert reply.http not in (403, 422, 500), (method, url + rest, body, reply.body)
                seen.add(reply.http)
                if method != "HEAD":
                    check_envelope(reply)
    assert {200, 400, 404, 405} <= seen


@pytest.mark.parametrize(
    "header",
    [
        None, "", "Token", "Token ", "Bearer abc", "Basic YTpi", "Token not-base64!",
        "Token dW5rbm93bg==", "Token /w==", "Token " + "A" * 5000,
    ],
)  # fmt: skip
def test_without_a_good_token_everything_is_401(
    emsp: OcpiPartner, site: Site, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    for url in everywhere(site, A, "2.2.1"):
        for method in ("GET", "PUT"):
            reply = http_call(method, url, headers, b"{}" if method == "PUT" else None)
            assert reply.http == 401, (method, url)
            assert check_envelope(reply)["status_code"] == 2000


def test_token_of_one_operator_is_401_everywhere_at_the_other(
    emsp: OcpiPartner, site: Site
) -> None:
    for url in everywhere(site, B, "2.2.1"):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            assert http_call(method, url, emsp.headers(), None).http == 401


def test_unencoded_token_counts_only_for_who_may(site: Site, emsp: OcpiPartner) -> None:
    url = site.versions_url(A)
    plain = {"Authorization": f"Token {emsp.token_out}"}
    assert http_call("GET", url, plain).http == 401

    with operator_context(A):
        Partner.objects.update(accepts_unencoded_token=True)

    assert http_call("GET", url, plain).http == 200
    assert emsp.call("GET", url).http == 200
    assert http_call("GET", url, {"Authorization": f"token  {emsp.token_out}"}).http == 200


def test_token_with_the_line_feed_of_the_specifications_sample(
    site: Site, emsp: OcpiPartner
) -> None:
    sample = base64.b64encode(f"{emsp.token_out}\n".encode()).decode()
    reply = http_call("GET", site.versions_url(A), {"Authorization": f"Token {sample}"})
    assert reply.http == 200


def test_invitation_opens_registration_only(site: Site, emsp: OcpiPartner) -> None:
    with operator_context(A):
        Partner.objects.update(is_token_in_invitation=True, state="invited")
    for url in everywhere(site, A):
        reply = emsp.call("GET", url)
        is_open = "/sender/" not in url and "/receiver/" not in url
        if not is_open or url.endswith(("/9.9", "/x/y/z", "/ocpi/", "/ocpi")):
            assert reply.http == 401, url
        else:
            assert reply.http in (200, 404), url


def test_ids_are_echoed(peer: Peer, site: Site) -> None:
    platform, operator = peer
    ids = {"X-Request-ID": str(uuid.uuid4()), "X-Correlation-ID": str(uuid.uuid4())}
    for url in (listed(platform), f"{site.root_url(operator)}/none"):
        reply = platform.call("GET", url, headers=ids)
        assert reply.headers["x-request-id"] == ids["X-Request-ID"]
        assert reply.headers["x-correlation-id"] == ids["X-Correlation-ID"]
    with operator_context(operator):
        found = Exchange.objects.filter(correlation_id=ids["X-Correlation-ID"])
        assert found.count() == 2
        assert {one.request_id for one in found} == {ids["X-Request-ID"]}


def test_routing_headers_are_swapped_in_the_answer(peer: Peer, site: Site) -> None:
    platform, operator = peer
    own = ("GP", "CFG") if operator == A else ("MQ", "CFM")
    from apps.ocpi.services.parties import parties_ensure

    with operator_context(operator):
        parties_ensure()
    for to in (own, None, (own[0].lower(), own[1].lower())):
        reply = platform.call("GET", listed(platform), to=to)
        assert reply.status_code == 1000, reply.body
        told = {name: text for name, text in reply.headers.items() if name.startswith("ocpi-")}
        back = to or own
        assert told == {
            "ocpi-from-country-code": back[0], "ocpi-from-party-id": back[1],
            "ocpi-to-country-code": "FR", "ocpi-to-party-id": "ABC",
        }  # fmt: skip


def test_configuration_modules_have_no_routing_headers(peer: Peer, site: Site) -> None:
    platform, operator = peer
    root = site.root_url(operator)
    wrong = {"OCPI-from-country-code": "XX", "OCPI-from-party-id": "YYY"}
    for path in ("versions", "2.2.1", "2.2.1/credentials"):
        reply = platform.call("GET", f"{root}/{path}", headers=wrong)
        assert reply.status_code == 1000
        assert not [name for name in reply.headers if name.startswith("ocpi-")]


@pytest.mark.parametrize(
    "change",
    [
        {"OCPI-from-country-code": None, "OCPI-from-party-id": None},
        {"OCPI-from-country-code": None},
        {"OCPI-from-party-id": "XYZ"},
        {"OCPI-from-country-code": "F"},
        {"OCPI-to-country-code": "GP", "OCPI-to-party-id": "NOT"},
        {"OCPI-to-country-code": "GP"},
    ],
)
def test_bad_routing_headers_are_2001(emsp: OcpiPartner, change: dict[str, Any]) -> None:
    reply = emsp.call("GET", listed(emsp), headers=change)
    assert (reply.http, reply.status_code) == (200, 2001)


def test_partner_may_do_without_routing_headers(emsp: OcpiPartner) -> None:
    with operator_context(A):
        Partner.objects.update(needs_routing_headers=False)
    none = {"OCPI-from-country-code": None, "OCPI-from-party-id": None}
    reply = emsp.call("GET", listed(emsp), headers=none)
    assert reply.status_code == 1000
    assert not [name for name in reply.headers if name.startswith("ocpi-")]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"), ("limit=-1", "limit"), ("limit=x", "limit"), ("offset=-1", "offset"),
        ("offset=1e3", "offset"), ("offset=99999999999999999999", "offset"),
        ("date_from=yesterday", "date_from"), ("date_from=2026-01-01", "date_from"),
        ("date_from=2026-01-01T00:00:00%2B00:00", "date_from"),
        ("date_from=2026-01-01T00:00:00-04:00", "date_from"),
        ("date_to=2026-13-01T00:00:00Z", "date_to"),
        ("date_from=2026-02-01T00:00:00Z&date_to=2026-01-01T00:00:00Z", "date_to"),
    ],
)  # fmt: skip
def test_bad_paging_is_2001(emsp: OcpiPartner, query: str, field: str) -> None:
    reply = emsp.call("GET", f"{listed(emsp)}?{query}")
    assert (reply.http, reply.status_code) == (200, 2001)
    assert field in reply.envelope["status_message"]


@pytest.mark.parametrize(
    "text", ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.123Z"]
)
def test_good_dates(emsp: OcpiPartner, text: str) -> None:
    reply = emsp.call("GET", f"{listed(emsp)}?date_from={text}")
    assert reply.status_code == 1000
    assert reply.data == []
    assert reply.headers["x-total-count"] == "0"
    assert reply.headers["x-limit"] == "100"
    assert "link" not in reply.headers


def test_hubclientinfo_is_not_served_by_who_is_no_hub(emsp: OcpiPartner, site: Site) -> None:
    reply = emsp.call("GET", site.address(A, "2.2.1", "hubclientinfo", InterfaceRole.SENDER))
    assert reply.http == 404
    details = emsp.call("GET", f"{site.root_url(A)}/2.2.1").data["endpoints"]
    roles = [one["role"] for one in details if one["identifier"] == "hubclientinfo"]
    assert roles == ["RECEIVER"]


@pytest.mark.parametrize("body", [b"{", b"nonsense", b'{"a": NaN}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_json_is_400(emsp: OcpiPartner, body: bytes) -> None:
    url = emsp.ours("tokens", "RECEIVER") + "/FR/ABC/U1"
    reply = http_call("PUT", url, emsp.headers(), body)
    assert reply.http == 400
    assert check_envelope(reply)["status_code"] == 2001


@pytest.mark.parametrize("body", [b'{"uid":"a\\u0000b"}', b'{"uid":"\\\\\\u0000"}'])
def test_nul_is_refused(emsp: OcpiPartner, body: bytes) -> None:
    url = emsp.ours("tokens", "RECEIVER") + "/FR/ABC/U1"
    reply = http_call("PUT", url, emsp.headers(), body)
    assert (reply.http, reply.status_code) == (200, 2001)
    assert emsp.call("GET", emsp.ours("tokens", "RECEIVER") + "/FR/ABC/%00").http == 404
    assert emsp.call("GET", listed(emsp) + "?limit=%00").status_code == 2001


def test_body_of_more_than_a_megabyte_is_413(emsp: OcpiPartner) -> None:
    url = emsp.ours("tokens", "RECEIVER") + "/FR/ABC/U1"
    reply = http_call("PUT", url, emsp.headers(), b'"' + b"x" * 1_000_000 + b'"')
    assert reply.http == 413
    assert check_envelope(reply)["status_code"] == 2000


def raw_put(site: Site, platform: OcpiPartner, framing: str, piece: bytes, most: int) -> bytes:
    """What comes back for a body sent in pieces; how many bytes of it were taken is bounded."""
    heads = "".join(f"{name}: {text}\r\n" for name, text in platform.headers().items())
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as sender:
        sender.sendall(
            f"PUT /ocpi/2.2.1/receiver/tokens/FR/ABC/U1 HTTP/1.1\r\nHost: {A}.localhost\r\n"
            f"{heads}{framing}\r\n\r\n".encode()
        )
        sent = 0
        try:
            while sent < most:
                sender.sendall(piece)
                sent += len(piece)
        except OSError:
            # The server has closed: it does not want the rest.
            assert sent < most
        answer = b""
        try:
            while piece := sender.recv(65_536):
                answer += piece
                if b'"timestamp"' in answer:
                    break
        except OSError:
            assert answer
        return answer


@pytest.mark.parametrize("framing", ["Content-Length: 10000000", "Transfer-Encoding: chunked"])
def test_ten_megabytes_are_refused_before_they_are_read(
    site: Site, emsp: OcpiPartner, framing: str
) -> None:
    chunk = b"x" * 65_536
    if "chunked" in framing:
        chunk = b"10000\r\n" + chunk + b"\r\n"
    answer = raw_put(site, emsp, framing, chunk, 1_200_000)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413"), answer
    assert json.loads(body)["status_code"] == 2000
    assert b"connection: close" in head.lower()


def test_compressed_bodies_are_not_taken(emsp: OcpiPartner) -> None:
    url = emsp.ours("tokens", "RECEIVER") + "/FR/ABC/U1"
    reply = http_call("PUT", url, {**emsp.headers(), "Content-Encoding": "gzip"}, b"x")
    assert reply.http == 415
    check_envelope(reply)


def test_too_many_calls_are_429(
    emsp: OcpiPartner, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr("apps.ocpi.server.throttle.time.time", lambda: 1_000_003.0)
    settings.OCPI_CALLS_PER_10_S = 3
    with operator_context(A):
        cache.delete(f"ocpi:calls:{Partner.objects.get().pk}:100000")

    replies = [emsp.call("GET", listed(emsp)) for _ in range(4)]

    assert [reply.http for reply in replies] == [200, 200, 200, 429]
    assert check_envelope(replies[3])["status_code"] == 2000
    assert replies[3].headers["retry-after"] == "7"


def test_fault_of_ours_is_500_in_an_envelope(
    emsp: OcpiPartner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_call: Any) -> Any:
        raise RuntimeError("boom")

    place = ("2.2.1", "tariffs", InterfaceRole.SENDER)
    monkeypatch.setitem(routes._handlers[place], "GET", broken)
    reply = emsp.call("GET", listed(emsp))
    assert reply.http == 500
    found = check_envelope(reply)
    assert found["status_code"] == 3000
    assert "boom" not in reply.body.decode()
    with operator_context(A):
        assert Exchange.objects.get(http_status=500).error == "RuntimeError"


def test_ids_may_hold_a_slash(emsp: OcpiPartner, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def look(call: Any) -> Any:
        seen.append(call.segments)
        from apps.ocpi.server import Answer

        return Answer()

    place = ("2.2.1", "tokens", InterfaceRole.RECEIVER)
    monkeypatch.setitem(routes._handlers[place], "GET", look)
    emsp.call("GET", emsp.ours("tokens", "RECEIVER") + "/FR/ABC/a%2Fb%20c")
    assert seen == [("FR", "ABC", "a/b c")]


def test_exchanges_are_written_down(peer: Peer) -> None:
    platform, operator = peer
    platform.call("GET", listed(platform))
    platform.call("GET", listed(platform), token="unknown")
    with operator_context(operator):
        bad, good = Exchange.objects.order_by("-pk")
        assert good.partner == Partner.objects.get()
        assert (good.direction, good.http_status, good.status_code) == ("in", 200, 1000)
        assert good.from_party == "FR*ABC"
        assert good.version == "2.2.1"
        assert good.module in ("tokens", "tariffs")
        assert good.latency_ms > 0
        assert '"status_code":1000' in good.response_body
        assert (bad.partner, bad.http_status) == (None, 401)
        assert Partner.objects.get().last_in_at == good.at
