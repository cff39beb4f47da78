"""Stations become locations, and a change is told as narrowly as it is."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.billing.models import Tariff
from apps.billing.services.tariffs.assignments import tariff_assign
from apps.chargers.choices import ConnectionState, ConnectorStatus, RegistrationStatus
from apps.chargers.models import (
    ChargingStation,
    Connector,
    DeviceVariable,
    Evse,
    Reservation,
)
from apps.ocpi import wire
from apps.ocpi.models import Partner, Party, Published, StationDetails
from apps.ocpi.services.publish_locations import location_publish, locations_publish
from apps.ocpi.services.station_details import station_details_set
from cariflex.common.errors import DomainError
from cariflex.common.exact_json import exact_loads
from tests.billing.conftest import session_make
from tests.ocpi.out import world
from tests.ocpi.out.world import NOW, paths, queue, queue_empty

LATER = NOW + timedelta(minutes=5)
STAMP, STAMP_LATER = "2026-03-10T12:00:00Z", "2026-03-10T12:05:00Z"


def location() -> dict:
    return exact_loads(Published.objects.get(kind="locations").content)


def statuses() -> list[str]:
    return [evse["status"] for evse in location()["evses"]]


def test_a_station_is_a_location(station: ChargingStation, partner: Partner) -> None:
    assert location_publish(station.pk, NOW)

    found = location()
    code = Tariff.objects.get().code
    assert (found["country_code"], found["party_id"], found["id"]) == ("FR", "CFG", "CS-001")
    assert found["publish"] is True
    assert (found["name"], found["city"], found["country"]) == ("Marina", "Le Gosier", "GLP")
    assert found["time_zone"] == "America/Guadeloupe"
    assert found["coordinates"] == {"latitude": "16.204500", "longitude": "-61.492300"}
    evse = found["evses"][0]
    assert (evse["uid"], evse["evse_id"]) == ("CS-001-1", "FR*CFG*ECS001*1")
    assert evse["status"] == "AVAILABLE"
    assert evse["capabilities"] == ["REMOTE_START_STOP_CAPABLE", "RFID_READER", "UNLOCK_CAPABLE"]
    assert evse["connectors"] == [
        {
            "id": "1",
            "standard": "IEC_62196_T2",
            "format": "SOCKET",
            "power_type": "AC_3_PHASE",
            "max_voltage": 230,
            "max_amperage": 32,
            "max_electric_power": 22000,
            "tariff_ids": [code],
            "last_updated": STAMP,
        }
    ]
    row = Published.objects.get(kind="locations")
    wire.decode("2.2.1", "Location", row.content_2_2_1)
    assert (row.position, row.last_updated) == (1, NOW)
    assert paths(queue()) == ["PUT FR/CFG/CS-001"]


def test_the_same_again_is_no_news(station: ChargingStation, partner: Partner) -> None:
    location_publish(station.pk, NOW)

    assert not location_publish(station.pk, LATER)

    assert location()["last_updated"] == STAMP
    assert len(queue()) == 1


def test_a_status_is_patched_and_parents_are_as_new(
    station: ChargingStation, partner: Partner
) -> None:
    location_publish(station.pk, NOW)
    queue_empty()
    world.connector_set(station, 2, ConnectorStatus.FAULTED)

    location_publish(station.pk, LATER)

    (pushed,) = queue()
    assert (pushed.method, pushed.path) == ("PATCH", "FR/CFG/CS-001/CS-001-2")
    assert pushed.body == {"status": "OUTOFORDER", "last_updated": STAMP_LATER}
    found = location()
    assert [found["last_updated"], *(evse["last_updated"] for evse in found["evses"])] == [
        STAMP_LATER,
        STAMP,
        STAMP_LATER,
    ]
    assert found["evses"][1]["connectors"][0]["last_updated"] == STAMP
    assert Published.objects.get().last_updated == LATER


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (ConnectorStatus.AVAILABLE, "AVAILABLE"),
        (ConnectorStatus.OCCUPIED, "BLOCKED"),
        (ConnectorStatus.RESERVED, "RESERVED"),
        (ConnectorStatus.UNAVAILABLE, "INOPERATIVE"),
        (ConnectorStatus.FAULTED, "OUTOFORDER"),
        (ConnectorStatus.UNKNOWN, "UNKNOWN"),
    ],
)
def test_status_of_an_evse(station: ChargingStation, status: str, word: str) -> None:
    world.connector_set(station, 1, status)

    location_publish(station.pk, NOW)

    assert statuses() == [word, "AVAILABLE"]


def test_a_session_is_charging(station: ChargingStation) -> None:
    world.connector_set(station, 1, ConnectorStatus.OCCUPIED)
    session_make(station, "tx-1", ended=False)

    location_publish(station.pk, NOW)

    assert statuses() == ["CHARGING", "AVAILABLE"]


def test_one_connector_of_two_in_use_decides(station: ChargingStation) -> None:
    evse = Evse.objects.get(station=station, evse_id=1)
    Connector.objects.create(evse=evse, connector_id=2, type="cCCS2", status="Unavailable")
    world.connector_set(station, 1, ConnectorStatus.UNAVAILABLE)
    Connector.objects.filter(evse=evse, connector_id=2).update(status="Occupied")

    location_publish(station.pk, NOW)

    assert statuses() == ["BLOCKED", "AVAILABLE"]
    plug = location()["evses"][0]["connectors"][1]
    assert (plug["standard"], plug["format"], plug["power_type"]) == (
        "IEC_62196_T2_COMBO",
        "CABLE",
        "DC",
    )


def test_a_reservation_holds_while_it_lasts(station: ChargingStation) -> None:
    Reservation.objects.create(
        station=station,
        evse_number=1,
        id_token="T",
        id_token_type="ISO14443",
        starts_at=NOW,
        expires_at=LATER,
        status="accepted",
        requested_at=NOW,
    )

    location_publish(station.pk, NOW)
    assert statuses() == ["RESERVED", "AVAILABLE"]
    location_publish(station.pk, LATER)
    assert statuses() == ["AVAILABLE", "AVAILABLE"]


def test_nothing_is_known_of_what_is_not_connected(station: ChargingStation) -> None:
    ChargingStation.objects.update(connection_state=ConnectionState.OFFLINE)
    location_publish(station.pk, NOW)
    assert statuses() == ["UNKNOWN", "UNKNOWN"]

    ChargingStation.objects.update(registration_status=RegistrationStatus.REJECTED)
    location_publish(station.pk, LATER)
    assert statuses() == ["INOPERATIVE", "INOPERATIVE"]


def test_a_removed_evse_is_told_as_removed_and_stays(
    station: ChargingStation, partner: Partner
) -> None:
    location_publish(station.pk, NOW)
    queue_empty()
    Evse.objects.filter(station=station, evse_id=2).delete()

    location_publish(station.pk, LATER)
    location_publish(station.pk, LATER + timedelta(minutes=1))

    assert statuses() == ["AVAILABLE", "REMOVED"]
    (pushed,) = queue()
    assert (pushed.method, pushed.path) == ("PATCH", "FR/CFG/CS-001/CS-001-2")
    assert pushed.body == {"status": "REMOVED", "last_updated": STAMP_LATER}


def test_a_new_evse_is_put_at_its_own_address(station: ChargingStation, partner: Partner) -> None:
    location_publish(station.pk, NOW)
    queue_empty()
    evse = Evse.objects.create(station=station, evse_id=3)
    location_publish(station.pk, LATER)
    assert queue() == []  # no connector yet, so it is no EVSE in the standard's sense

    Connector.objects.create(evse=evse, connector_id=1, type="cCCS2", status="Available")
    location_publish(station.pk, LATER)

    (pushed,) = queue()
    assert (pushed.method, pushed.path) == ("PUT", "FR/CFG/CS-001/CS-001-3")
    assert pushed.body["evse_id"] == "FR*CFG*ECS001*3"


def test_a_station_that_is_gone_has_removed_evses(
    station: ChargingStation, partner: Partner
) -> None:
    location_publish(station.pk, NOW)
    queue_empty()
    station.delete()

    locations_publish(now=LATER)

    assert statuses() == ["REMOVED", "REMOVED"]
    assert location()["publish"] is False
    assert paths(queue()) == ["PUT FR/CFG/CS-001"]
    assert locations_publish(now=LATER + timedelta(minutes=1)) == 0


def test_another_tariff_is_patched_at_the_connector(
    station: ChargingStation, partner: Partner
) -> None:
    location_publish(station.pk, NOW)
    queue_empty()
    tariff = Tariff.objects.get()
    other = Tariff.objects.create(code="NIGHT", name="Night")
    version = tariff.versions.get()
    version.pk, version.tariff = None, other
    version.save()
    connector = Connector.objects.get(evse__station=station, evse__evse_id=1)
    tariff_assign(tariff_id=other.pk, scope="connector", target_id=connector.pk, now=NOW)

    locations_publish(now=LATER)

    (pushed,) = queue()
    assert (pushed.method, pushed.path) == ("PATCH", "FR/CFG/CS-001/CS-001-1/1")
    assert pushed.body == {"tariff_ids": ["NIGHT"], "last_updated": STAMP_LATER}
    assert location()["evses"][0]["last_updated"] == STAMP_LATER


def test_what_a_station_told_of_itself_are_capabilities(station: ChargingStation) -> None:
    told = {"station": station, "attribute": "Actual", "reported_at": NOW}
    DeviceVariable.objects.create(
        component="ReservationCtrlr", variable="Enabled", value="true", **told
    )
    DeviceVariable.objects.create(
        component="SmartChargingCtrlr", variable="Enabled", value="false", **told
    )
    location_publish(station.pk, NOW)
    assert "RESERVABLE" in location()["evses"][0]["capabilities"]
    assert "CHARGING_PROFILE_CAPABLE" not in location()["evses"][0]["capabilities"]

    DeviceVariable.objects.create(
        component="Configuration",
        variable="SupportedFeatureProfiles",
        value="Core, SmartCharging",
        **told,
    )
    location_publish(station.pk, LATER)
    assert "CHARGING_PROFILE_CAPABLE" in location()["evses"][0]["capabilities"]


def test_details_are_told(station: ChargingStation, partner: Partner) -> None:
    location_publish(station.pk, NOW)
    queue_empty()

    station_details_set(
        station_pk=station.pk,
        now=LATER,
        values={
            "address": "12 quai de la Marina",
            "postal_code": "97190",
            "city": "Le Gosier",
            "parking_type": "PARKING_LOT",
            "facilities": ["SUPERMARKET"],
            "opening_times": {"twentyfourseven": True},
            "images": [{"url": "https://x.example/a.png", "category": "CHARGER", "type": "png"}],
            "directions": [{"language": "fr", "text": "À gauche"}],
            "help_phone": "+590590000000",
            "owner_name": "Port",
            "energy_mix": {
                "is_green_energy": False,
                "energy_sources": [{"source": "SOLAR", "percentage": 33.5}],
            },
        },
    )

    found = location()
    assert (found["address"], found["postal_code"]) == ("12 quai de la Marina", "97190")
    assert found["energy_mix"]["energy_sources"][0]["percentage"] == Decimal("33.5")
    assert found["owner"] == {"name": "Port"}
    assert found["directions"] == [{"language": "fr", "text": "À gauche"}]
    assert paths(queue()) == ["PUT FR/CFG/CS-001"]
    # 2.2.1 has no help line.
    assert "help_phone" not in exact_loads(Published.objects.get().content_2_2_1)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"opening_times": {"twentyfourseven": "yes"}}, "opening_times"),
        ({"images": [{"url": "x"}]}, "images"),
        ({"postal_code": "1" * 11}, "postal_code"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_details_that_are_none_are_refused(
    station: ChargingStation, values: dict, field: str
) -> None:
    with pytest.raises(DomainError) as refused:
        station_details_set(station_pk=station.pk, now=NOW, values=values)

    assert refused.value.field == field
    assert StationDetails.objects.count() == 0


def test_what_was_never_published_stays_unknown(station: ChargingStation, partner: Partner) -> None:
    StationDetails.objects.create(station=station, is_published=False)

    assert not location_publish(station.pk, NOW)

    assert Published.objects.count() == 0
    assert queue() == []


def test_what_was_published_is_told_to_be_hidden(
    station: ChargingStation, partner: Partner
) -> None:
    location_publish(station.pk, NOW)
    queue_empty()

    station_details_set(station_pk=station.pk, now=LATER, values={"is_published": False})

    assert location()["publish"] is False
    (pushed,) = queue()
    assert pushed.body["publish"] is False


def test_without_a_party_nothing_is_published(station: ChargingStation, party: Party) -> None:
    Party.objects.update(is_active=False)

    assert not location_publish(station.pk, NOW)

    assert Published.objects.count() == 0


def test_only_partners_who_may_and_want_are_told(station: ChargingStation, party: Party) -> None:
    emsp = world.partner_without_http("emsp", pushed_kinds=["locations"])
    hub = world.partner_without_http("hub", role="HUB", pushed_kinds=["locations"])
    world.partner_without_http("silent", pushed_kinds=["cdrs"])
    world.partner_without_http("cpo", role="CPO", pushed_kinds=["locations"])
    world.partner_without_http("gone", pushed_kinds=["locations"], state="gone")
    lacking = world.partner_without_http("lacking", pushed_kinds=["locations"])
    lacking.endpoints.filter(identifier="locations").delete()

    location_publish(station.pk, NOW)

    assert [one.destination for one in queue()] == [emsp.destination, hub.destination]


def test_the_sweep_costs_as_many_queries_for_many_stations(
    station: ChargingStation, partner: Partner
) -> None:
    locations_publish(now=NOW)
    with CaptureQueriesContext(connection) as few:
        assert locations_publish(now=NOW) == 0
    for number in range(2, 12):
        world.station_make(f"CS-{number:03}")
    assert locations_publish(now=NOW) == 10

    with CaptureQueriesContext(connection) as many:
        assert locations_publish(now=NOW) == 0

    assert len(many) == len(few)
    reads = [one for one in many.captured_queries if one["sql"].startswith("SELECT")]
    assert len(reads) == 11
