"""Transactions of 1.6 in the database: any order, any number of times, one result."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from django.db import transaction

from apps.billing.models import TariffVersion
from apps.billing.services import cdr_issue, cdr_issue_when_complete, cdrs_sweep, tariff_register
from apps.chargers.choices import CommandStatus
from apps.chargers.models import (
    ChargingStation,
    Command,
    MeterValue,
    Session,
    SessionEvent,
    SignedMeterValue,
)
from apps.chargers.ocpp.values import loads
from apps.chargers.services import station_register, token_register
from apps.chargers.services.transactions_16 import (
    Told,
    charging_state_16_set,
    transaction_16_meter,
    transaction_16_start,
    transaction_16_stop,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.ids import new_id
from tests.chargers.v16.messages import TAG, four_values, power, sampled, start, stop, values

NOW = datetime(2026, 3, 10, 13, 0, 1, tzinfo=UTC)


def told(station: ChargingStation, payload: dict[str, Any], *, now: datetime = NOW) -> Told:
    text = json.dumps(payload)
    return Told(station.pk, station.station_id, loads(text), text, now)


def begin(station: ChargingStation, **fields: Any) -> int:
    number, _decision = transaction_16_start(told(station, start(**fields)))
    return number


def apply(station: ChargingStation, payload: dict[str, Any]) -> None:
    if "meterStop" in payload:
        transaction_16_stop(told(station, payload))
    elif "meterStart" in payload:
        transaction_16_start(told(station, payload))
    else:
        transaction_16_meter(told(station, payload))


def picture() -> tuple[Any, ...]:
    """All that is known of the one session, without keys and clocks."""
    session = Session.objects.values().get()
    for name in ("id", "updated_at", "evse_id"):
        session.pop(name)
    events = list(SessionEvent.objects.order_by("seq_no").values_list("seq_no", "event_type", "at"))
    rows = list(
        MeterValue.objects.order_by("seq_no", "ordinal").values_list(
            "session__transaction_id", "seq_no", "ordinal", "at", "measurand", "value", "unit"
        )
    )
    return session, events, rows


@pytest.fixture
def tariff(operator_a: Operator) -> TariffVersion:
    return tariff_register(
        name="Day",
        price_per_kwh_excl_vat=Decimal("0.30"),
        vat_percent=Decimal("8.5"),
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_an_hour_of_charging(station: ChargingStation) -> None:
    number = begin(station)
    for payload in [*four_values(number), stop(number, reason="EVDisconnected")]:
        apply(station, payload)

    session = Session.objects.get()
    assert number == session.pk
    assert (session.state, session.energy_kwh) == ("ended", Decimal(9))
    assert (session.start_meter_kwh, session.meter_kwh) == (Decimal(1), Decimal(10))
    assert (session.id_token, session.stopped_reason) == (TAG, "EVDisconnected")
    assert session.evse is not None
    assert (session.evse.evse_id, session.connector_id) == (1, 1)
    assert (session.power_kw, session.soc_percent) == (0.0, 55.0)
    assert not session.meter_went_backwards
    assert not session.is_numbered
    assert session.has_all_events
    assert session.events.count() == 6
    assert session.meter_values.count() == 1 + 2 + 2 + 2 + 2 + 1


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 7])
def test_orders_with_duplicates_end_in_the_same_rows_and_bill(
    station: ChargingStation, tariff: TariffVersion, every: int
) -> None:
    orders = list(enumerate(permutations(range(5))))[::every]
    pictures, bills = [], []
    for nth, order in orders:
        # A bill is never deleted: each order is tried and undone.
        with transaction.atomic():
            number = begin(station)
            payloads = [*four_values(number), stop(number)]
            for position, which in enumerate(order):
                apply(station, payloads[which])
                # A station repeats what was not answered: each in its turn, or all of them.
                if nth % 5 == which or nth % 20 == 0:
                    apply(station, payloads[which])
                if nth % 5 == position:
                    assert begin(station) == number
            pictures.append(picture())
            cdr = cdr_issue(session_id=number)
            bills.append((cdr.energy_kwh, cdr.total_incl_vat, cdr.started_at, cdr.ended_at))
            transaction.set_rollback(True)

    assert len(pictures) == len(orders)
    assert all(seen == pictures[0] for seen in pictures)
    assert all(bill == bills[0] for bill in bills)
    assert pictures[0][0]["energy_kwh"] == Decimal(9)
    assert pictures[0][0]["state"] == "ended"
    assert len(pictures[0][1]) == 6
    assert len(pictures[0][2]) == 10


def test_a_late_value_does_not_reopen_and_can_complete_the_energy(
    station: ChargingStation,
) -> None:
    number = begin(station)
    apply(station, stop(number, meter_wh=8000))

    apply(station, values(number, "2026-03-10T12:59:59Z", sampled("8500"), power("7000")))

    session = Session.objects.get()
    assert (session.state, session.power_kw) == ("ended", 0.0)
    assert session.energy_kwh == Decimal("7.5")


def test_the_history_in_a_stop_is_no_meter_that_falls(station: ChargingStation) -> None:
    number = begin(station)
    apply(station, values(number, "2026-03-10T12:59:00Z", sampled("9999.8")))
    history = [
        {
            "timestamp": at,
            "sampledValue": [sampled(value, context=context)],
        }
        for at, value, context in (
            ("2026-03-10T12:00:00Z", "1000", "Transaction.Begin"),
            ("2026-03-10T12:30:00Z", "5000", "Sample.Periodic"),
            ("2026-03-10T13:00:00Z", "10000.55", "Transaction.End"),
        )
    ]

    apply(station, stop(number, transactionData=history))

    session = Session.objects.get()
    assert not session.meter_went_backwards
    assert session.energy_kwh == Decimal("9.00055")


def test_a_register_that_falls_at_the_stop_is_flagged_and_takes_no_energy_away(
    station: ChargingStation,
) -> None:
    number = begin(station)
    apply(station, values(number, "2026-03-10T12:30:00Z", sampled("5000")))

    apply(station, stop(number, meter_wh=0))

    session = Session.objects.get()
    assert session.meter_went_backwards
    assert (session.state, session.energy_kwh) == ("ended", Decimal(4))


def test_signed_values_are_kept_once(station: ChargingStation) -> None:
    number = begin(station)
    signed = values(
        number, "2026-03-10T12:30:00Z", sampled("5000"), sampled("OCMF|a|b", format="SignedData")
    )
    ended = stop(
        number,
        transactionData=[
            {
                "timestamp": "2026-03-10T13:00:00Z",
                "sampledValue": [sampled("OCMF|c|d", format="SignedData")],
            }
        ],
    )
    for payload in (signed, ended, signed, ended):
        apply(station, payload)

    kept = SignedMeterValue.objects.order_by("seq_no")
    assert [one.signed_data for one in kept] == ["OCMF|a|b", "OCMF|c|d"]
    assert {one.session_id for one in kept} == {number}


def test_a_number_of_another_station_touches_nothing(station: ChargingStation) -> None:
    other = station_register(station_id="CS-002", rated_power_kw=22.0)
    number = begin(station)

    apply(other, stop(number))
    apply(other, values(number, "2026-03-10T12:30:00Z", sampled("5000")))

    session = Session.objects.get()
    assert (session.station_id, session.state, session.events_count) == (station.pk, "active", 1)
    assert session.energy_kwh == 0
    outside = MeterValue.objects.get(session__isnull=True)
    assert (outside.station_id, outside.value) == (other.pk, Decimal(5))


def test_a_number_of_another_operator_touches_nothing(
    station: ChargingStation, operator_b: Operator
) -> None:
    with operator_context(operator_b.schema_name):
        theirs = station_register(station_id=station.station_id, rated_power_kw=22.0)
        number = begin(theirs)

    apply(station, stop(number))

    assert Session.objects.count() == 0
    with operator_context(operator_b.schema_name):
        assert Session.objects.get().state == "active"


def test_a_numbered_session_is_not_found_by_its_row(station: ChargingStation) -> None:
    session = Session.objects.create(
        station=station, transaction_id="2.x", started_at=datetime(2026, 3, 10, tzinfo=UTC)
    )

    apply(station, stop(session.pk))

    session.refresh_from_db()
    assert session.state == "active"


# --- the answer to the start was lost: the station stops 0 or -1 ---


@pytest.mark.parametrize("number", [0, -1])
@pytest.mark.parametrize("tag", [None, TAG, TAG.lower()])
def test_a_stop_without_its_number_ends_the_one_session_it_can_mean(
    station: ChargingStation, number: int, tag: str | None
) -> None:
    begin(station, meter_wh=1000)
    # This one knows its number, for it has told values: it is not meant.
    known = begin(station, connector=2, meter_wh=0)
    apply(station, values(known, "2026-03-10T12:30:00Z", sampled("5"), connector=2))

    more = {} if tag is None else {"idTag": tag}
    apply(station, stop(number, **more))
    apply(station, stop(number, **more))

    lost, other = Session.objects.order_by("pk")
    assert (lost.state, lost.energy_kwh) == ("ended", Decimal(9))
    assert other.state == "active"


@pytest.mark.parametrize(
    "stopped",
    [
        stop(-1, idTag="SOMEBODY"),
        stop(-1, at="2026-03-10T11:59:59Z"),
        stop(-1, meter_wh=999),
        stop(12345, idTag=TAG),
    ],
    ids=["another tag", "before the start", "below its register", "a number of somebody else"],
)
def test_a_stop_that_cannot_mean_the_session_leaves_it(
    station: ChargingStation, stopped: dict[str, Any]
) -> None:
    begin(station)

    apply(station, stopped)

    assert Session.objects.get().state == "active"


def test_a_stop_that_could_mean_two_sessions_ends_none(station: ChargingStation) -> None:
    begin(station)
    begin(station, connector=2)

    apply(station, stop(-1, idTag=TAG))

    assert set(Session.objects.values_list("state", flat=True)) == {"active"}


# --- beside the transaction ---


def status(station: ChargingStation, word: str, at: str, connector: int = 1) -> None:
    charging_state_16_set(
        station_pk=station.pk,
        payload={
            "connectorId": connector, "errorCode": "NoError", "status": word, "timestamp": at,
        },
        now=NOW,
    )  # fmt: skip


def test_the_charging_state_follows_the_connector(station: ChargingStation) -> None:
    number = begin(station)
    apply(station, four_values(number)[1])
    assert Session.objects.get().charging_state == "Charging"

    status(station, "SuspendedEV", "2026-03-10T12:21:00Z")
    # A late value puts the events in order again: what was told beside them stays.
    apply(station, four_values(number)[0])

    session = Session.objects.get()
    assert (session.charging_state, session.power_kw) == ("SuspendedEV", 0.0)
    apply(station, stop(number))
    status(station, "Charging", "2026-03-10T12:22:00Z")
    assert Session.objects.get().charging_state == "Idle"


def test_a_status_of_another_time_or_place_is_not_the_sessions(station: ChargingStation) -> None:
    begin(station)

    status(station, "SuspendedEV", "2026-03-10T11:59:00Z")
    status(station, "SuspendedEVSE", "2026-03-10T12:10:00Z", connector=2)
    status(station, "Finishing", "2026-03-10T12:10:00Z")

    assert Session.objects.get().charging_state == "Charging"


def remote_start(station: ChargingStation, **fields: Any) -> Command:
    return Command.objects.create(
        station=station,
        action="RemoteStartTransaction",
        payload=fields.pop("payload", {"idTag": TAG}),
        status=fields.pop("status", CommandStatus.ACCEPTED),
        correlation_id=new_id(),
        requested_at=NOW,
        sent_at=fields.pop("sent_at", datetime(2026, 3, 10, 11, 59, 30, tzinfo=UTC)),
    )


def begun(station: ChargingStation, **fields: Any) -> int | None:
    now = datetime(2026, 3, 10, 12, 0, 1, tzinfo=UTC)
    number, _decision = transaction_16_start(told(station, start(**fields), now=now))
    return Session.objects.get(pk=number).remote_start_id


def test_a_start_after_a_remote_start_is_its_session(station: ChargingStation) -> None:
    command = remote_start(station, payload={"idTag": TAG.lower(), "connectorId": 1})

    assert begun(station) == command.pk
    assert begun(station) == command.pk
    number = Session.objects.get().pk
    for payload in [stop(number), *four_values(number)]:
        apply(station, payload)
    assert Session.objects.get().remote_start_id == command.pk
    # The order is used up: the next session of the same card is not its.
    assert begun(station, at="2026-03-10T12:00:01Z") is None


@pytest.mark.parametrize(
    "fields",
    [
        {"payload": {"idTag": "OTHER"}},
        {"payload": {"idTag": TAG, "connectorId": 2}},
        {"status": CommandStatus.REJECTED},
        {"status": CommandStatus.QUEUED},
        {"sent_at": datetime(2026, 3, 10, 11, 49, tzinfo=UTC)},
        {"sent_at": datetime(2026, 3, 10, 12, 1, 1, tzinfo=UTC)},
    ],
    ids=["tag", "connector", "refused", "not sent", "long ago", "after the start"],
)
def test_a_remote_start_that_does_not_fit_is_not_taken(
    station: ChargingStation, fields: dict[str, Any]
) -> None:
    remote_start(station, **fields)

    assert begun(station) is None


def test_of_two_remote_starts_that_fit_none_is_taken(station: ChargingStation) -> None:
    remote_start(station)
    remote_start(station)

    assert begun(station) is None


# --- the bill ---


def test_a_session_without_numbers_is_billed_at_once(
    station: ChargingStation, tariff: TariffVersion
) -> None:
    number = begin(station)
    apply(station, four_values(number)[2])
    apply(station, stop(number))

    Session.objects.update(updated_at=NOW)
    assert cdrs_sweep(now=NOW + timedelta(seconds=1)) == 1
    cdr = cdr_issue_when_complete(session_id=number, now=NOW)
    assert cdr is not None
    assert cdr.energy_kwh == Decimal(9)


def test_the_decision_on_the_tag_comes_with_the_start_and_the_stop(
    station: ChargingStation,
) -> None:
    token_register(id_token=TAG)
    token_register(id_token="BLOCKED1", status="Blocked")

    number, accepted = transaction_16_start(told(station, start()))
    _other, blocked = transaction_16_start(told(station, start(connector=2, tag="BLOCKED1")))
    stranger = transaction_16_stop(told(station, stop(number, idTag="STRANGER")))
    nobody = transaction_16_stop(told(station, stop(number)))

    assert (accepted.status, blocked.status) == ("Accepted", "Blocked")
    assert stranger is not None
    assert stranger.status == "Unknown"
    assert nobody is None
