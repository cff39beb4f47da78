"""What the simulated partners answer by OCPI 2.2.1: pages, windows, refusals, routing."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from apps.simulation.clock import ManualClock
from apps.simulation.process import HttpServer
from apps.simulation.roaming.fleet import RoamingFleet, Surroundings
from apps.simulation.roaming.network import Network
from apps.simulation.roaming.provider import Provider
from apps.simulation.roaming.server import roaming_app
from tests.simulation.conftest import NOON, free_port

pytestmark = pytest.mark.asyncio

TOKENS, LOCATIONS = "sender/tokens", "sender/locations"
ASKED_BY = {"OCPI-from-country-code": "GP", "OCPI-from-party-id": "CFG"}


@dataclass(frozen=True)
class Heard:
    """One answer."""

    http: int
    headers: dict[str, str]
    body: Any

    @property
    def codes(self) -> tuple[int, int]:
        return self.http, self.body["status_code"]

    @property
    def names(self) -> list[str]:
        return [one.get("uid") or one["id"] for one in self.body["data"]]


class Asker:
    """Guadeloupe's requests to one of its partners, which need no product to answer."""

    def __init__(self, partner: Provider | Network) -> None:
        self.partner = partner

    async def ask(self, method: str, path: str, *, body: Any = None, **headers: str) -> Heard:
        own_url, token = self.partner.link.own_url, self.partner.link.token_in
        url = path if path.startswith("http") else f"{own_url}/{path}"
        given = {"Authorization": f"Token {base64.b64encode(token.encode()).decode()}"} | headers
        async with (
            ClientSession() as http,
            http.request(method, url, json=body, headers=given) as answer,
        ):
            found = None if method == "HEAD" else await answer.json()
            return Heard(answer.status, dict(answer.headers), found)

    async def get(self, path: str, **headers: str) -> Heard:
        return await self.ask("GET", f"2.2.1/{path}", **headers)


@asynccontextmanager
async def asking(kind: str, folder: Path) -> AsyncIterator[Asker]:
    fleet = RoamingFleet(
        Surroundings(free_port(), port := free_port(), "secret", folder, 1.0), ManualClock(NOON)
    )
    server = HttpServer(roaming_app(fleet.partners), port)
    await server.start()
    try:
        yield Asker(fleet.partners["guadeloupe", kind])
    finally:
        await server.stop()


async def test_a_list_comes_in_pages_up_to_the_last(tmp_path: Path) -> None:
    async with asking("emsp", tmp_path) as asker:
        pages = [await asker.get(f"{TOKENS}?limit=3&date_from=2026-01-01T00:00:00Z")]
        while link := pages[-1].headers.get("Link"):
            url, relation = link.split("; ")
            assert relation == 'rel="next"'
            pages.append(await asker.ask("GET", url.strip("<>")))
        whole = await asker.get(TOKENS)

    assert [len(page.names) for page in pages] == [3, 3, 2]
    assert [name for page in pages for name in page.names] == whole.names
    assert {page.headers["X-Total-Count"] for page in pages} == {"8"}
    assert {page.headers["X-Limit"] for page in pages} == {"100"}
    assert "date_from=2026-01-01T00%3A00%3A00Z" in pages[0].headers["Link"]
    assert "Link" not in whole.headers


@pytest.mark.parametrize(
    ("window", "names"),
    [
        ("date_from=2026-03-01T10:00:02Z", ["KRB-3", "KRB-4"]),
        ("date_to=2026-03-01T10:00:02", ["KRB-1", "KRB-2"]),
        ("date_from=2026-03-01T10:00:01Z&date_to=2026-03-01T10:00:03Z", ["KRB-2", "KRB-3"]),
        ("date_from=2026-03-01T10:00:02.5Z", ["KRB-4"]),
        ("date_from=2026-03-01T10:00:02Z&date_to=2026-03-01T10:00:02Z", []),
        ("date_from=2026-03-01T10:00:01Z&limit=1&offset=1", ["KRB-3"]),
        ("offset=9", []),
    ],
)
async def test_a_window_has_its_beginning_and_not_its_end(
    tmp_path: Path, window: str, names: list[str]
) -> None:
    async with asking("emsp", tmp_path) as asker:
        assert isinstance(asker.partner, Provider)
        asker.partner.tokens = {
            f"KRB-{nth + 1}": {
                "uid": f"KRB-{nth + 1}", "last_updated": f"2026-03-01T10:00:0{nth}Z",
            }
            for nth in range(4)
        }  # fmt: skip

        heard = await asker.get(f"{TOKENS}?{window}")

    assert heard.codes == (200, 1000)
    assert heard.names == names


@pytest.mark.parametrize(
    "query",
    [
        "date_from=yesterday",
        "date_to=2026-03-01",
        "date_from=2026-02-30T10:00:00Z",
        "date_from=2026-03-01T10:00:00-04:00",
        "limit=0",
        "limit=ten",
        "offset=-1",
    ],
)
async def test_a_parameter_that_is_none_is_2001(tmp_path: Path, query: str) -> None:
    async with asking("emsp", tmp_path) as asker:
        heard = await asker.get(f"{TOKENS}?{query}")

    assert heard.codes == (200, 2001)
    assert "data" not in heard.body
    assert heard.body["status_message"].startswith(query.partition("=")[0])


async def test_sessions_are_asked_for_from_an_instant_on(tmp_path: Path) -> None:
    async with asking("cpo", tmp_path) as asker:
        without = await asker.get("sender/sessions")
        with_one = await asker.get("sender/sessions?date_from=2026-01-01T00:00:00Z")

    assert without.codes == (200, 2001)
    assert with_one.codes == (200, 1000)
    assert with_one.names == []


@pytest.mark.parametrize(
    ("kind", "method", "path", "allowed"),
    [
        ("emsp", "DELETE", "versions", "GET"),
        ("emsp", "HEAD", "versions", "GET"),
        ("cpo", "PUT", "2.2.1", "GET"),
        ("emsp", "POST", "2.2.1/credentials", "GET, PUT, DELETE"),
        ("emsp", "POST", "2.2.1/sender/tokens", "GET"),
        ("emsp", "GET", "2.2.1/sender/tokens/KRB-APP-02/authorize", "POST"),
        ("emsp", "PATCH", "2.2.1/receiver/tariffs/FR/RAN/T1", "GET, PUT, DELETE"),
        ("cpo", "DELETE", "2.2.1/sender/locations/RAN-1", "GET"),
        ("cpo", "GET", "2.2.1/receiver/commands/START_SESSION", "POST"),
    ],
)
async def test_a_method_that_an_address_does_not_have_is_405(
    tmp_path: Path, kind: str, method: str, path: str, allowed: str
) -> None:
    async with asking(kind, tmp_path) as asker:
        heard = await asker.ask(method, path)

    assert (heard.http, heard.headers["Allow"]) == (405, allowed)


@pytest.mark.parametrize(
    "path", ["2.1.1", "2.2.1/sender", "2.2.1/receiver/locations", "2.2.1/sender/cdrs/C1"]
)
async def test_an_address_that_is_none_is_404(tmp_path: Path, path: str) -> None:
    async with asking("cpo", tmp_path) as asker:
        heard = await asker.ask("GET", path)

    assert heard.codes == (404, 2000)


async def test_an_answer_goes_back_to_who_asked(tmp_path: Path) -> None:
    async with asking("emsp", tmp_path) as asker:
        answers = [
            await asker.get(TOKENS, **ASKED_BY),
            await asker.get(f"{TOKENS}?limit=0", **ASKED_BY),
            await asker.ask("DELETE", f"2.2.1/{TOKENS}", **ASKED_BY),
        ]
        unsaid = await asker.get(TOKENS)
        versions = await asker.ask("GET", "versions", **ASKED_BY)

    swapped = {
        "OCPI-from-country-code": "FR",
        "OCPI-from-party-id": "KRB",
        "OCPI-to-country-code": "GP",
        "OCPI-to-party-id": "CFG",
    }
    assert [heard.http for heard in answers] == [200, 200, 405]
    for heard in answers:
        assert heard.headers.items() >= swapped.items()
    for heard in (unsaid, versions):
        assert not heard.headers.keys() & swapped.keys()


async def test_a_message_for_somebody_else_is_not_taken(tmp_path: Path) -> None:
    other = {"OCPI-to-country-code": "FR", "OCPI-to-party-id": "XYZ"}

    async with asking("emsp", tmp_path) as asker:
        heard = await asker.get(TOKENS, **ASKED_BY, **other)

    assert heard.codes == (200, 2001)


async def test_a_location_has_parts_with_addresses_of_their_own(tmp_path: Path) -> None:
    async with asking("cpo", tmp_path) as asker:
        evse = await asker.get(f"{LOCATIONS}/RAN-1/ran-1-2")
        connector = await asker.get(f"{LOCATIONS}/RAN-1/RAN-1-2/1")
        unknown = await asker.get(f"{LOCATIONS}/RAN-1/RAN-1-3")

    assert evse.body["data"]["uid"] == "RAN-1-2"
    assert connector.body["data"]["standard"] == "IEC_62196_T2"
    assert unknown.codes == (404, 2003)


async def test_a_cdr_is_told_where_it_is(tmp_path: Path) -> None:
    cdr = {"id": "C/1", "total_energy": 5.5}

    async with asking("emsp", tmp_path) as asker:
        posted = await asker.ask("POST", "2.2.1/receiver/cdrs", body=cdr)
        again = await asker.ask("POST", "2.2.1/receiver/cdrs", body=cdr)
        nameless = await asker.ask("POST", "2.2.1/receiver/cdrs", body={"total_energy": 1})
        found = await asker.ask("GET", posted.headers["Location"])

    assert [posted.http, again.http] == [201, 200]
    assert nameless.codes == (200, 2001)
    assert found.body["data"] == cdr


async def test_a_body_that_is_no_object_is_refused(tmp_path: Path) -> None:
    async with asking("cpo", tmp_path) as asker:
        heard = await asker.ask("PUT", "2.2.1/receiver/tokens/GP/CFG/04A2", body=["04A2"])

    assert heard.codes == (200, 2001)
