"""Sessions that a 1.6 station lost: ended once, at what was told last, never above it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.billing.models import Cdr, TariffVersion
from apps.billing.services import cdr_issue_when_complete, cdrs_sweep
from apps.chargers import tasks
from apps.chargers.choices import ConnectorStatus, SessionState
from apps.chargers.models import ChargingStation, Connector, MeterValue, Session, StationEvent
from apps.chargers.services import connection_close, connection_open
from apps.chargers.services.forgotten_sessions import forgotten_sessions_end
from apps.tenants.context import OperatorMissing, operator_context
from apps.tenants.models import Operator
from tests.chargers.v16.messages import sampled, start, stop, values
from tests.chargers.v16.test_transactions_16 import apply, begin, tariff

__all__ = ["tariff"]

TOLD_AT = datetime(2026, 3, 10, 12, 20, tzinfo=UTC)
"""Of the last value: 4,000.75 Wh on the register, 3.00075 kWh charged."""
BACK_AT = datetime(2026, 3, 10, 14, tzinfo=UTC)
SOON, LATER = BACK_AT + timedelta(minutes=14), BACK_AT + timedelta(minutes=16)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are written as at the time of the last value."""
    monkeypatch.setattr(timezone, "now", lambda: TOLD_AT)


@pytest.fixture
def session(station: ChargingStation) -> Session:
    number = begin(station)
    apply(station, values(number, "2026-03-10T12:20:00Z", sampled("4000.75")))
    return Session.objects.get(pk=number)


def back(station: ChargingStation, *, booted: bool = True, status: str = "Available") -> None:
    """The station is connected again and tells how its connector is."""
    connection_open(station_pk=station.pk, channel="new", now=BACK_AT)
    if booted:
        ChargingStation.objects.filter(pk=station.pk).update(booted_at=BACK_AT)
    Connector.objects.filter(evse__station=station, evse__evse_id=1).update(
        status=status, status_at=BACK_AT + timedelta(seconds=5)
    )


def test_a_session_lost_in_a_power_cut_ends_at_its_last_value(
    station: ChargingStation, session: Session, tariff: TariffVersion
) -> None:
    back(station)
    assert forgotten_sessions_end(now=SOON) == 0

    assert forgotten_sessions_end(now=LATER) == 1
    assert forgotten_sessions_end(now=LATER) == 0

    session.refresh_from_db()
    assert (session.state, session.stopped_reason) == (SessionState.ENDED, "PowerLoss")
    assert (session.ended_at, session.energy_kwh) == (TOLD_AT, Decimal("3.00075"))
    assert not session.meter_went_backwards
    assert not MeterValue.objects.filter(session=session, context="Transaction.End").exists()
    event = StationEvent.objects.get(tech_code="SessionForgotten")
    assert (event.value, event.tech_text) == (
        str(session.pk), "the connector has been free since",
    )  # fmt: skip
    # 3.00075 kWh x 0.30 = 0.90
    cdr = cdr_issue_when_complete(session_id=session.pk, now=LATER)
    assert cdr is not None
    assert (cdr.energy_kwh, cdr.net_rounded) == (Decimal("3.00075"), Decimal("0.90"))


def test_the_next_session_on_the_connector_shows_it_too(
    station: ChargingStation, session: Session
) -> None:
    back(station, booted=False, status=ConnectorStatus.OCCUPIED)
    assert forgotten_sessions_end(now=LATER) == 0

    other = begin(station, at="2026-03-10T14:01:00Z", meter_wh=4001)

    assert forgotten_sessions_end(now=LATER) == 1
    session.refresh_from_db()
    assert (session.state, session.stopped_reason) == (SessionState.ENDED, "Other")
    assert Session.objects.get(pk=other).state == SessionState.ACTIVE


def test_a_session_that_goes_on_is_left_alone(station: ChargingStation, session: Session) -> None:
    # Free before the last value, as a station tells it that says nothing at a start.
    back(station)
    Connector.objects.update(status_at=TOLD_AT - timedelta(minutes=1))
    assert forgotten_sessions_end(now=LATER) == 0

    # On another connector.
    Connector.objects.update(status=ConnectorStatus.OCCUPIED, status_at=BACK_AT)
    begin(station, connector=2, at="2026-03-10T14:01:00Z")
    assert forgotten_sessions_end(now=LATER) == 0

    # Values of it came while the station sent what it had stored.
    Connector.objects.update(status=ConnectorStatus.AVAILABLE)
    Session.objects.filter(pk=session.pk).update(updated_at=LATER)
    assert forgotten_sessions_end(now=LATER) == 0


def test_a_station_that_never_comes_back_is_waited_for_a_week(
    station: ChargingStation, session: Session
) -> None:
    connection_open(station_pk=station.pk, channel="old", now=TOLD_AT)
    connection_close(station_pk=station.pk, channel="old", now=TOLD_AT)

    assert forgotten_sessions_end(now=TOLD_AT + timedelta(days=6, hours=23)) == 0
    assert forgotten_sessions_end(now=TOLD_AT + timedelta(days=7)) == 1
    session.refresh_from_db()
    assert session.energy_kwh == Decimal("3.00075")


def test_the_stations_own_end_takes_the_place_of_ours(
    station: ChargingStation, session: Session
) -> None:
    back(station)
    forgotten_sessions_end(now=LATER)
    end = stop(session.pk, at="2026-03-10T12:31:00Z", meter_wh=5500, reason="PowerLoss")

    apply(station, end)
    apply(station, end)

    session.refresh_from_db()
    assert (session.ended_at, session.energy_kwh) == (
        datetime(2026, 3, 10, 12, 31, tzinfo=UTC), Decimal("4.5"),
    )  # fmt: skip
    assert session.events.filter(event_type="Ended").count() == 1
    assert session.events_count == session.events.count() == 3

    # And nothing else does: a second, different end is not believed.
    apply(station, stop(session.pk, at="2026-03-10T12:40:00Z", meter_wh=9000))
    session.refresh_from_db()
    assert session.energy_kwh == Decimal("4.5")


def test_a_bill_that_was_issued_stays(
    station: ChargingStation, session: Session, tariff: TariffVersion
) -> None:
    back(station)
    forgotten_sessions_end(now=LATER)
    assert cdrs_sweep(now=LATER) == 1

    apply(station, stop(session.pk, at="2026-03-10T12:31:00Z", meter_wh=5500))

    assert Cdr.objects.get().energy_kwh == Decimal("3.00075")
    assert cdrs_sweep(now=LATER + timedelta(hours=1)) == 0


def test_a_late_value_counts_and_reopens_nothing(
    station: ChargingStation, session: Session
) -> None:
    back(station)
    forgotten_sessions_end(now=LATER)

    apply(station, values(session.pk, "2026-03-10T12:25:00Z", sampled("4500")))

    session.refresh_from_db()
    assert (session.state, session.energy_kwh) == (SessionState.ENDED, Decimal("3.5"))


def test_each_operators_sessions_are_looked_at_apart(
    operator_a: Operator, operator_b: Operator, station: ChargingStation, session: Session
) -> None:
    back(station)

    tasks.sessions_forgotten_end.apply(headers={"operator": operator_b.schema_name}).get()
    with pytest.raises(OperatorMissing):
        tasks.sessions_forgotten_end.apply(headers={"operator": "public"}).get()

    with operator_context(operator_a.schema_name):
        assert Session.objects.get().state == SessionState.ACTIVE
        tasks.sessions_forgotten_end.apply(headers={"operator": operator_a.schema_name}).get()
        assert Session.objects.get().state == SessionState.ENDED
        assert start()["connectorId"] == 1
