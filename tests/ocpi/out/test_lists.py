"""What partners fetch, over real HTTP: pages, filters, single objects, and nobody else's."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.chargers.models import ChargingStation, IdToken
from apps.ocpi.choices import ObjectKind, PartyRole
from apps.ocpi.models import Partner, Party, Published, PublishedCount
from apps.ocpi.selectors.published import published_page
from apps.ocpi.services.publish_cdrs import cdr_publish
from apps.ocpi.services.publish_locations import location_publish
from apps.ocpi.services.publish_sessions import session_publish
from apps.ocpi.services.publish_tariffs import tariffs_publish
from apps.ocpi.services.publish_tokens import tokens_publish
from apps.tenants.context import operator_context
from tests.contracts.ocpi_partner import OcpiPartner, Reply, ocpi_partner
from tests.ocpi.out import world
from tests.ocpi.out.world import NOW
from tests.ocpi.server import Site, connect

GUADELOUPE, MARTINIQUE = "guadeloupe", "martinique"


@dataclass
class Emsp:
    """A platform that is registered with Guadeloupe, where the test works."""

    platform: OcpiPartner
    partner: Partner
    station: ChargingStation

    def get(self, module: str, path: str = "", **options: Any) -> Reply:
        return self.platform.call("GET", self.platform.ours(module, "SENDER") + path, **options)


@pytest.fixture
def emsp(site: Site) -> Iterator[Emsp]:
    with ocpi_partner(role="EMSP") as platform, operator_context(GUADELOUPE):
        world.party_make()
        world.tariff_everywhere()
        partner = world.partner_make(platform, pushed_kinds=[], page_limit=3)
        connect(platform, site, GUADELOUPE)
        yield Emsp(platform, partner, world.station_make())


def rows_make(
    kind: str, count: int, *, partner: Partner | None, step: timedelta = timedelta(minutes=1)
) -> None:
    """Published objects by the hundred, without what they are of."""
    party = Party.objects.get()
    Published.objects.bulk_create(
        Published(
            kind=kind,
            party=party,
            audience=partner,
            object_id=f"X{nth}",
            position=nth,
            content=f'{{"id":"X{nth}"}}',
            content_2_2_1=f'{{"id":"X{nth}"}}',
            last_updated=NOW + nth * step,
            created_at=NOW,
        )
        for nth in range(1, count + 1)
    )
    PublishedCount.objects.create(kind=kind, audience=partner, last_position=count)


def ids(reply: Reply) -> list[str]:
    return [row["id"] for row in reply.data]


def walk(emsp: Emsp, module: str, query: str = "") -> list[list[str]]:
    """The ids of each page, by the Link of the one before."""
    pages, url = [], emsp.platform.ours(module, "SENDER") + query
    while url:
        reply = emsp.platform.call("GET", url)
        assert reply.http == 200, reply.body
        pages.append(ids(reply))
        link = reply.headers.get("link", "")
        url = link.split(">")[0].lstrip("<")
        assert len(pages) < 50
    return pages


def test_a_list_is_walked_by_its_links(emsp: Emsp) -> None:
    rows_make("cdrs", 8, partner=emsp.partner)

    first = emsp.get("cdrs")

    assert (first.headers["x-total-count"], first.headers["x-limit"]) == ("8", "3")
    assert walk(emsp, "cdrs") == [["X1", "X2", "X3"], ["X4", "X5", "X6"], ["X7", "X8"]]
    assert walk(emsp, "cdrs", "?limit=2&offset=5") == [["X6", "X7"], ["X8"]]
    assert walk(emsp, "cdrs", "?offset=8") == [[]]


def test_dates_filter_and_stay_in_the_links(emsp: Emsp) -> None:
    rows_make("cdrs", 8, partner=emsp.partner)
    # X2 inclusive to X7 exclusive.
    query = "?date_from=2026-03-10T12:02:00Z&date_to=2026-03-10T12:07:00Z"

    first = emsp.get("cdrs", query)

    assert first.headers["x-total-count"] == "5"
    assert "date_from=2026-03-10T12%3A02%3A00Z" in first.headers["link"]
    assert walk(emsp, "cdrs", query) == [["X2", "X3", "X4"], ["X5", "X6"]]
    assert walk(emsp, "cdrs", query + "&offset=4") == [["X6"]]
    assert emsp.get("cdrs", query + "&after=zero").status_code == 2001


def test_a_list_that_changes_while_it_is_read_gives_each_once(emsp: Emsp) -> None:
    rows_make("sessions", 6, partner=emsp.partner)
    query = "?date_from=2026-03-10T12:00:00Z"
    first = emsp.get("sessions", query)
    url = first.headers["link"].split(">")[0].lstrip("<")
    # One that was on the first page leaves the filter.
    Published.objects.filter(object_id="X2").update(last_updated=NOW - timedelta(days=1))

    second = emsp.platform.call("GET", url)

    assert ids(first) + ids(second) == ["X1", "X2", "X3", "X4", "X5", "X6"]


def test_everything_is_given_as_it_was_published(emsp: Emsp) -> None:
    tariffs_publish(now=NOW)
    location_publish(emsp.station.pk, NOW)
    session = world.session_of(emsp.station, emsp.partner)
    session_publish(session.pk, NOW)
    cdr = world.cdr_of(session)
    cdr_publish(cdr.pk, NOW)

    assert emsp.get("locations").data[0]["evses"][1]["uid"] == "CS-001-2"
    assert emsp.get("sessions").data[0]["id"] == str(session.pk)
    assert emsp.get("cdrs").data[0]["id"] == cdr.reference
    assert emsp.get("tariffs").data[0]["type"] == "REGULAR"


def test_one_location_evse_and_connector(emsp: Emsp) -> None:
    location_publish(emsp.station.pk, NOW)

    assert emsp.get("locations", "/cs-001").data["name"] == "Marina"
    assert emsp.get("locations", "/CS-001/CS-001-2").data["evse_id"] == "FR*CFG*ECS001*2"
    assert emsp.get("locations", "/CS-001/CS-001-2/1").data["standard"] == "IEC_62196_T2"
    for path in ("/CS-009", "/CS-001/CS-001-9", "/CS-001/CS-001-1/9", "/CS-001/CS-001-1/1/x"):
        assert emsp.get("locations", path).http == 404
    assert emsp.get("cdrs", "/anything").http == 404


def test_the_oldest_version_is_made_when_it_is_asked_for(site: Site) -> None:
    with ocpi_partner(role="EMSP", version="2.1.1") as platform, operator_context(GUADELOUPE):
        world.party_make()
        world.tariff_everywhere()
        partner = world.partner_make(platform, pushed_kinds=[])
        connect(platform, site, GUADELOUPE)
        emsp = Emsp(platform, partner, world.station_make())
        location_publish(emsp.station.pk, NOW)
        session_publish(world.session_of(emsp.station, partner).pk, NOW)

        assert "country_code" not in emsp.get("locations").data[0]
        assert emsp.get("locations", "/CS-001").data["id"] == "CS-001"
        assert emsp.get("sessions").data[0]["location"]["id"] == "CS-001"


def test_a_partner_sees_its_own_sessions_and_cdrs_only(emsp: Emsp) -> None:
    other = world.partner_without_http("other")
    session = world.session_of(emsp.station, other)
    session_publish(session.pk, NOW)
    cdr_publish(world.cdr_of(session).pk, NOW)

    for module in ("sessions", "cdrs"):
        reply = emsp.get(module)
        assert (reply.data, reply.headers["x-total-count"]) == ([], "0")
    assert put_preferences(emsp, str(session.pk)).status_code == 2000


def test_a_partner_sees_nothing_of_another_operator(emsp: Emsp, site: Site) -> None:
    with operator_context(MARTINIQUE):
        world.party_make(party_id="CFM")
        world.tariff_everywhere()
        station = world.station_make("MQ-001")
        location_publish(station.pk, NOW)
        tariffs_publish(now=NOW)

    assert emsp.get("locations").data == []
    assert emsp.get("locations", "/MQ-001").http == 404
    for module in ("locations", "sessions", "cdrs", "tariffs", "tokens"):
        url = site.address(MARTINIQUE, "2.2.1", module, "SENDER")
        assert emsp.platform.call("GET", url).http == 401


def test_who_is_not_meant_gets_an_empty_list(emsp: Emsp) -> None:
    world.party_make(PartyRole.EMSP, "CFE")
    IdToken.objects.create(id_token="04AABBCC")
    tokens_publish(now=NOW)
    assert emsp.get("tokens").data == []  # for charge point operators

    emsp.partner.roles.create(role="CPO", country_code="FR", party_id="ABC")
    assert emsp.get("tokens").data[0]["uid"] == "04AABBCC"


def put_preferences(emsp: Emsp, session_id: str, **body: Any) -> Reply:
    url = emsp.platform.ours("sessions", "SENDER") + f"/{session_id}/charging_preferences"
    told = {"profile_type": "CHEAP", **body}
    return emsp.platform.call("PUT", url, told)


def test_preferences_are_refused_where_no_evse_follows_them(emsp: Emsp) -> None:
    session = world.session_of(emsp.station, emsp.partner, ended=False)
    session_publish(session.pk, NOW)

    refused = put_preferences(emsp, str(session.pk), energy_need=20)
    assert (refused.http, refused.status_code) == (404, 2001)
    assert put_preferences(emsp, "12345").http == 404
    wrong = put_preferences(emsp, str(session.pk), profile_type="HOLIDAY")
    assert (wrong.http, wrong.status_code) == (200, 2001)


@pytest.mark.parametrize("kind", [ObjectKind.CDRS, ObjectKind.SESSIONS])
@pytest.mark.parametrize("query", [{}, {"date_from": NOW}, {"date_from": NOW, "after": 200}])
def test_any_page_costs_the_same_queries(
    operator_a: object, partner: Partner, kind: ObjectKind, query: dict[str, Any]
) -> None:
    rows_make(kind, 300, partner=partner)

    def cost(**options: Any) -> int:
        with CaptureQueriesContext(connection) as captured:
            page = published_page(partner=partner, kind=kind, version="2.2.1", **query, **options)
        assert page.texts
        return sum(one["sql"].startswith("SELECT") for one in captured.captured_queries)

    queries = 3 if query and kind == ObjectKind.CDRS else 2
    assert cost(limit=1) == cost(limit=100) == queries
    assert cost(limit=10, offset=0 if "after" in query else 280) == queries


@pytest.mark.parametrize(
    ("date_from", "date_to", "offset", "wanted", "total"),
    [
        (None, None, 6, [7, 8], 8),
        (3, None, 0, [3, 4, 5], 6),
        (3, 6, 1, [4, 5], 3),
        (None, 3, 0, [1, 2], 2),
        (9, None, 0, [], 0),
        (None, 0, 0, [], 0),
        (6, 3, 0, [], 0),
        (3, None, 99, [], 6),
    ],
)
@pytest.mark.parametrize("kind", [ObjectKind.CDRS, ObjectKind.SESSIONS])
def test_pages_between_dates(
    operator_a: object,
    partner: Partner,
    kind: ObjectKind,
    date_from: int | None,
    date_to: int | None,
    offset: int,
    wanted: list[int],
    total: int,
) -> None:
    rows_make(kind, 8, partner=partner)

    def at(minute: int | None) -> Any:
        return None if minute is None else NOW + timedelta(minutes=minute)

    page = published_page(
        partner=partner,
        kind=kind,
        version="2.2.1",
        date_from=at(date_from),
        date_to=at(date_to),
        offset=offset,
        limit=3,
    )

    assert page.texts == [f'{{"id":"X{n}"}}'.encode() for n in wanted]
    assert page.total == total
