"""The same calls from a CPO and from an eMSP, put together at random: always an envelope.

What both are refused before it is looked at who they are must be refused in the same words.
"""

import random

from apps.ocpi.server import routes
from apps.tenants.context import operator_context
from tests.contracts.ocpi_partner import http_call, ocpi_partner
from tests.ocpi.server import Site, partner_of

A = "guadeloupe"
SEED, CALLS = 7, 150
PARTS = [
    "a", "%00", "%ff%fe", "%F0%9F%98%80", "x" * 300, "..", "%2F", "FR", "ABC", "-1",
    "'%20OR%201=1", "a%20b", "%0d%0a", "START_SESSION", "authorize", "T1", "",
]  # fmt: skip
QUERIES = [
    "limit=5", "type=%00", "type=RFID", "offset=4611686018427387904", "after=%ff",
    "after=abc&offset=3", "duration=x&response_url=y", "duration=-5&response_url=http://10.0.0.1/",
    "date_from=0001-01-01T00:00:00Z", "date_to=9999-12-31T23:59:59Z", "=&&=", "a=b;c",
]  # fmt: skip
BODIES = [
    b"null", b"[]", b"1", b'""', b"{}", b'{"id":null}', b'{"id":1e400}',
    b'{"last_updated":"2026-01-01T00:00:00Z"}',
    b'{"status":"X","last_updated":"2026-01-01T00:00:00Z"}',
    b'{"token":{"uid":"\xc3\xa9"}}', b"[" * 900 + b"]" * 900, b'{"a":' * 300 + b"1" + b"}" * 300,
    b'{"response_url":"http://[::1"}',
    b'{"response_url":"http://127.0.0.1:1/x","location_id":"L","token":{}}',
]  # fmt: skip
HEADERS = ["OCPI-to-country-code", "OCPI-from-party-id", "X-Request-ID", "X-Correlation-ID"]
VALUES = ["", "\xe9\xff", "x" * 200, "GP", "\t"]
SKIPPED = {"versions", "credentials"}


Said = tuple[int, int]


def test_both_roles_are_answered_in_an_envelope(site: Site) -> None:
    as_emsp, as_cpo = answers(site, "EMSP"), answers(site, "CPO")

    assert len(as_emsp) == len(as_cpo) == CALLS
    of_the_address = {(404, 2000), (405, 2000), (400, 2001)}
    differ = [pair for pair in zip(as_emsp, as_cpo, strict=True) if pair[0] != pair[1]]
    assert [pair for pair in differ if of_the_address & set(pair)] == []


def answers(site: Site, role: str) -> list[Said]:
    """HTTP status and status code of each call of a partner; fails outside of the envelope."""
    chance, said = random.Random(SEED), list[Said]()
    interfaces = [one for one in routes.interfaces("2.2.1") if one[0] not in SKIPPED]
    with ocpi_partner(role=role) as platform:
        with operator_context(A):
            partner_of(platform)
        for _call in range(CALLS):
            address = routes.address(site.root_url(A), "2.2.1", *chance.choice(interfaces))
            parts = ["FR", "ABC"] if chance.random() < 0.5 else []
            parts += chance.choices(PARTS, k=chance.randint(0, 5))
            url = "/".join([address, *parts])
            if chance.random() < 0.3:
                url += f"?{chance.choice(QUERIES)}"
            headers = platform.headers()
            if chance.random() < 0.2:
                headers[chance.choice(HEADERS)] = chance.choice(VALUES)
            method = chance.choice(["GET", "PUT", "PATCH", "POST", "DELETE"])
            body = chance.choice(BODIES) if method in ("PUT", "PATCH", "POST") else None

            reply = http_call(method, url, headers, body)

            shown = (method, url, body, reply.http, reply.body[:200])
            assert reply.http < 500, shown
            assert reply.http != 422, shown
            assert isinstance(reply.envelope["status_code"], int), shown
            said.append((reply.http, reply.status_code))
    return said
