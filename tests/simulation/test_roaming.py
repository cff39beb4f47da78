"""The simulated roaming partners: they register, charge both ways and bill, over real HTTP."""

import asyncio
import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from apps.billing.models import PartnerCdr
from apps.chargers.models import ChargingStation
from apps.console.services.demo_roaming import demo_roaming_seed
from apps.console.services.demo_seed import roaming_partners
from apps.ocpi.choices import PartnerState
from apps.ocpi.models import (
    Partner,
    PartnerLocation,
    PartnerSession,
    PartnerTariff,
    PartnerToken,
    RemoteCommand,
)
from apps.ocpi.services.publish_locations import locations_publish
from apps.ocpi.services.publish_tokens import tokens_publish
from apps.ocpi.services.remote_results import DESTINATION
from apps.outbox.services import outbox_deliver_due
from apps.simulation.clock import Clock
from apps.simulation.process import HttpServer
from apps.simulation.roaming.fleet import RoamingFleet, Surroundings
from apps.simulation.roaming.objects import Charge, Party, locations, tariff, tokens
from apps.simulation.roaming.server import roaming_app
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.chargers.conftest import PASSWORD_A, STATION_ID, TOKEN, csms, csms_server  # noqa: F401
from tests.chargers.server import BOOT, A, B, Csms, at, eventually
from tests.ocpi.commands.conftest import answer
from tests.ocpi.conftest import site  # noqa: F401
from tests.ocpi.server import Site
from tests.simulation.conftest import free_port

SECRET = "demo-secret-of-tests"
SPEED = 60.0
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Partners:
    """The simulation, asked over its own HTTP."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/partners"

    def state(self, kind: str, operator: str = A) -> dict[str, Any]:
        with urllib.request.urlopen(self.url, timeout=10) as reply:
            rows = json.load(reply)
        return next(one for one in rows if (one["operator"], one["kind"]) == (operator, kind))

    def ask(self, path: str, **body: str) -> Any:
        request = urllib.request.Request(
            f"{self.url}/{A}/{path}", json.dumps(body).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)


@contextmanager
def running(
    web_port: int, folder: Path, *, clock: Clock | None = None, speed: float = SPEED
) -> Iterator[Partners]:
    """The fleet in a thread of its own, as its process has it."""
    port = free_port()
    around = Surroundings(web_port, port, SECRET, folder, speed)
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def main() -> None:
        fleet = RoamingFleet(around, clock)
        server = HttpServer(roaming_app(fleet.partners), port)
        await server.start()
        started.set()
        try:
            await fleet.run(stop)
        finally:
            await server.stop()

    started = threading.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    assert started.wait(10)
    try:
        yield Partners(port)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()
        assert not thread.is_alive()


@pytest.fixture
def seeded(
    live_operators: tuple[Operator, Operator],
    csms: Csms,  # noqa: F811
    settings: LazySettings,
) -> None:
    settings.DEMO_SECRET = SECRET
    for schema_name in (A, B):
        at(schema_name, lambda name=schema_name: demo_roaming_seed(roaming_partners(name)))
        at(schema_name, lambda: tokens_publish(now=utc_now()))


@pytest.fixture
def partners(seeded: None, site: Site, tmp_path: Path) -> Iterator[Partners]:  # noqa: F811
    with running(site.port, tmp_path) as found:
        yield found


def counted(schema_name: str) -> tuple[int, int, int]:
    """What a partner told: locations, tariffs, tokens."""
    return at(
        schema_name,
        lambda: (
            PartnerLocation.objects.count(),
            PartnerTariff.objects.count(),
            PartnerToken.objects.count(),
        ),
    )


def test_both_partners_register_at_each_operator_and_tell_what_they_have(
    partners: Partners,
) -> None:
    for schema_name in (A, B):
        eventually(lambda name=schema_name: counted(name) == (3, 1, 8))
        registered = at(
            schema_name, lambda: set(Partner.objects.values_list("name", "state", "version"))
        )
        assert registered == {
            ("Karib Mobility", PartnerState.REGISTERED, "2.2.1"),
            ("Réseau Antilles", PartnerState.REGISTERED, "2.2.1"),
        }
    eventually(lambda: partners.state("cpo")["tokens"] == [TOKEN])


def test_a_card_of_ours_charges_there_and_its_session_and_cdr_come_home(
    partners: Partners,
) -> None:
    eventually(lambda: partners.state("cpo")["tokens"] == [TOKEN])

    session = eventually(lambda: partners.ask("cpo/card", uid=TOKEN)["session"])

    eventually(lambda: at(A, lambda: PartnerSession.objects.filter(object_id=session).first()))
    cdr = eventually(
        lambda: at(A, lambda: PartnerCdr.objects.filter(partner_reference=f"CDR-{session}").first())
    )
    assert cdr.net > 0
    assert cdr.our_net == cdr.net
    eventually(lambda: f"CDR-{session}" not in partners.state("cpo")["undelivered"])


def test_its_customer_starts_one_of_our_stations(
    seeded: None,
    csms: Csms,  # noqa: F811
    site: Site,  # noqa: F811
    tmp_path: Path,
) -> None:
    station = csms.connect(A, STATION_ID, PASSWORD_A)
    station.tell("BootNotification", BOOT)
    at(A, lambda: locations_publish(now=utc_now()))
    assert at(A, lambda: ChargingStation.objects.get().is_online)

    with running(site.port, tmp_path) as partners:
        eventually(lambda: partners.state("emsp")["locations"] == [STATION_ID])
        begun = partners.ask(
            "emsp/start", location_id=STATION_ID, evse_uid=f"{STATION_ID}-1", uid="KRB-APP-02"
        )
        request = answer(station, "RequestStartTransaction", {"status": "Accepted"})
        eventually(lambda: at(A, lambda: RemoteCommand.objects.get().result))
        partner = at(A, lambda: Partner.objects.get(name="Karib Mobility"))
        at(A, lambda: outbox_deliver_due(destination_name=f"{DESTINATION}:{partner.pk}"))
        results = partners.state("emsp")["results"]

    assert request["idToken"] == {"idToken": "KRB-APP-02", "type": "Central"}
    assert results[begun["key"]] == "ACCEPTED"


def test_a_partner_that_starts_again_is_still_registered(
    seeded: None,
    site: Site,  # noqa: F811
    tmp_path: Path,
) -> None:
    with running(site.port, tmp_path):
        eventually(lambda: counted(A) == (3, 1, 8))
    first = at(A, lambda: list(Partner.objects.order_by("pk").values_list("registered_at")))

    with running(site.port, tmp_path) as partners:
        eventually(lambda: partners.state("emsp")["is_registered"])
        eventually(lambda: partners.state("cpo")["is_registered"])

    assert first == at(A, lambda: list(Partner.objects.order_by("pk").values_list("registered_at")))


def test_half_an_hour_at_11_kw_costs_what_the_tariff_says() -> None:
    party = Party("CPO", "FR", "RAN", "Réseau Antilles")
    place = locations(party, (14.6, -61.0), NOW)[0]
    charge = Charge(
        id="S1",
        token=tokens(Party("EMSP", "FR", "KRB", "Karib"), 1, NOW)[0],
        location=place,
        evse=place["evses"][0],
        started_at=NOW,
        ends_at=NOW + timedelta(minutes=30),
        auth_method="WHITELIST",
    )

    cdr = charge.cdr(party, tariff(party, NOW), NOW + timedelta(hours=1))

    assert charge.energy_kwh(NOW + timedelta(hours=1)) == Decimal("5.5")
    # 5.5 kWh x 0.42 EUR, plus 8.5 %.
    assert cdr["total_cost"] == {"excl_vat": 2.31, "incl_vat": 2.5064}
    assert (cdr["total_energy"], cdr["total_time"]) == (5.5, 0.5)
    assert charge.session(party, NOW)["status"] == "ACTIVE"
