"""What stations show: the price before, the cost while, the total at the end (block I)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.billing.services import tariff_register
from apps.chargers.choices import AuthorizationStatus
from apps.chargers.models import ChargingStation, Command, CostTold, DeviceVariable
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.ports import TokenDecision
from apps.chargers.services import connection_open
from apps.chargers.services.cost_display import (
    costs_tell,
    decision_with_price,
    displays,
    final_costs,
)
from apps.tenants.context import operator_context
from tests.chargers.conftest import PASSWORD_A, PASSWORD_B, STATION_ID, TOKEN
from tests.chargers.events import charging_of_five_events, event, meter
from tests.chargers.server import BOOT, A, B, Csms
from tests.chargers.test_sessions import apply

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)


def tariff_make() -> None:
    tariff_register(
        name="Standard",
        price_per_kwh_excl_vat=Decimal("0.35"),
        vat_percent=Decimal("8.5"),
        valid_from=datetime(2020, 1, 1, tzinfo=UTC),
    )


def says(station: ChargingStation, variable: str, instance: str, value: str) -> None:
    DeviceVariable.objects.update_or_create(
        station=station,
        component="TariffCostCtrlr",
        variable=variable,
        variable_instance=instance,
        defaults={"value": value, "reported_at": NOW},
    )


@pytest.fixture
def priced(station: ChargingStation) -> ChargingStation:
    tariff_make()
    connection_open(station_pk=station.pk, channel="x", now=NOW, version=OcppVersion.V201)
    return station


@pytest.mark.parametrize(
    ("available", "enabled", "shows"),
    [(None, None, False), ("true", None, True), ("true", "false", False), ("false", "True", True)],
)
def test_a_station_shows_what_it_says_it_shows(
    priced: ChargingStation, available: str | None, enabled: str | None, shows: bool
) -> None:
    for variable, value in (("Available", available), ("Enabled", enabled)):
        if value is not None:
            says(priced, variable, "Cost", value)

    assert displays([priced.pk], "Cost") == ({priced.pk} if shows else set())
    assert displays([priced.pk], "Tariff") == set()


def test_an_accepted_token_hears_the_price_where_the_station_shows_it(
    priced: ChargingStation,
) -> None:
    def told(decision: TokenDecision) -> tuple[str, str]:
        answer = decision_with_price(decision, station_pk=priced.pk, now=NOW)
        return answer.language, answer.personal_message

    accepted = TokenDecision(AuthorizationStatus.ACCEPTED, language="en")
    assert told(accepted) == ("en", "")
    says(priced, "Enabled", "Tariff", "true")

    assert told(accepted) == ("en", "0.3798 EUR/kWh incl. VAT")
    assert told(TokenDecision(AuthorizationStatus.BLOCKED)) == ("", "")
    own = TokenDecision(AuthorizationStatus.ACCEPTED, personal_message="Hello")
    assert told(own) == ("", "Hello")


def test_running_costs_go_out_once_a_minute_when_they_moved(priced: ChargingStation) -> None:
    says(priced, "Enabled", "Cost", "true")
    for payload in charging_of_five_events()[:3]:
        apply(priced, payload)

    # 3.0005 kWh: 1.05 net, 1.14 with VAT.
    assert costs_tell(now=NOW) == 1
    command = Command.objects.get()
    assert command.action == "CostUpdated"
    assert command.payload == {"totalCost": 1.14, "transactionId": "tx-1"}
    apply(priced, charging_of_five_events()[3])
    assert costs_tell(now=NOW + timedelta(seconds=59)) == 0
    # 7.00025 kWh: 2.45 net, 2.66 with VAT.
    assert costs_tell(now=NOW + timedelta(seconds=61)) == 1
    assert costs_tell(now=NOW + timedelta(seconds=130)) == 0, "nothing moved"
    assert [one.payload["totalCost"] for one in Command.objects.order_by("pk")] == [1.14, 2.66]
    assert CostTold.objects.get().amount == Decimal("2.66")


@pytest.mark.parametrize("lack", ["display", "online", "version", "tariff"])
def test_a_station_that_cannot_show_costs_hears_none(station: ChargingStation, lack: str) -> None:
    version = OcppVersion.V16 if lack == "version" else OcppVersion.V201
    connection_open(station_pk=station.pk, channel="x", now=NOW, version=version)
    says(station, "Enabled", "Cost", "false" if lack == "display" else "true")
    if lack != "tariff":
        tariff_make()
    if lack == "online":
        ChargingStation.objects.update(connection_state="offline")
    for payload in charging_of_five_events()[:3]:
        apply(station, payload)

    assert costs_tell(now=NOW) == 0
    assert not Command.objects.exists()


def test_the_final_cost_is_that_of_the_bill_or_not_told(priced: ChargingStation) -> None:
    events = charging_of_five_events()
    for payload in (*events[:3], events[4]):
        session = apply(priced, payload)
    key = (priced.pk, session.transaction_id)
    assert final_costs([key]) == [None], "an event is missing"
    apply(priced, events[3])

    unknown, cost, again = final_costs([(priced.pk, "tx-9"), key, key])

    assert unknown is None
    assert cost is not None
    assert (cost.amount, cost.language) == (Decimal("3.42"), "fr")
    assert cost.text.startswith("3,42 EUR")
    assert again == cost


def ended_hour(station: ChargingStation, number: int) -> tuple[int, str]:
    for payload in charging_of_five_events():
        payload["transactionInfo"]["transactionId"] = f"tx-{number}"
        apply(station, payload)
    return station.pk, f"tx-{number}"


def test_twenty_final_costs_are_asked_for_as_one(station: ChargingStation) -> None:
    keys = [ended_hour(station, number) for number in range(20)]
    with CaptureQueriesContext(connection) as one:
        assert final_costs(keys[:1]) == [None], "no tariff"

    with CaptureQueriesContext(connection) as twenty:
        assert final_costs(keys) == [None] * 20

    assert len(twenty) <= len(one)


def test_prices_and_the_total_go_over_the_wire_to_their_own_operator(csms: Csms) -> None:
    with operator_context(A):
        tariff_make()
        says(ChargingStation.objects.get(), "Enabled", "Tariff", "true")
    answers = {}
    for operator, password in ((A, PASSWORD_A), (B, PASSWORD_B)):
        station = csms.connect(operator, STATION_ID, password)
        station.call("BootNotification", BOOT)
        token = {"idToken": {"idToken": TOKEN, "type": "ISO14443"}}
        authorized = station.call("Authorize", token)
        start, end = "2026-03-10T12:00:00Z", "2026-03-10T13:00:00Z"
        station.call(
            "TransactionEvent",
            event(0, "Started", start, id_token=TOKEN, evse_id=1,
                  meter_values=[meter(start, register_wh="0")]),
        )  # fmt: skip
        ended = station.call(
            "TransactionEvent",
            event(1, "Ended", end, meter_values=[meter(end, register_wh="9000.55")]),
        )
        answers[operator] = authorized[2]["idTokenInfo"], ended[2]

    information, total = answers[A]
    assert information["personalMessage"]["content"].startswith("0,3798 EUR/kWh")
    assert information["personalMessage"]["language"] == "fr"
    assert total["totalCost"] == 3.42
    assert total["updatedPersonalMessage"]["format"] == "UTF8"
    assert answers[B] == ({"status": "Accepted"}, {})
