"""Bills that wait: no clock, meter or register fault of a station becomes an amount of money."""

from datetime import UTC, datetime

import pytest

from apps.billing.models import Cdr
from apps.billing.services import cdr_issue, cdr_issue_when_complete, cdrs_sweep
from apps.chargers.models import ChargingStation, Session
from apps.chargers.ocpp.v201 import mapping
from apps.chargers.services import session_check, session_event_apply
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.billing.conftest import session_make, station_make, tariff_make
from tests.chargers.events import dumps, event, meter

NOON, ONE = "2026-03-10T12:00:00Z", "2026-03-10T13:00:00Z"


def told(station: ChargingStation, *readings: tuple[str, str]) -> Session:
    """A session of these (instant, register in Wh): Started, Updated ..., Ended."""
    kinds = ["Started", *["Updated"] * (len(readings) - 2), "Ended"]
    for number, (kind, (instant, register_wh)) in enumerate(zip(kinds, readings, strict=True)):
        meter_values = [meter(instant, register_wh=register_wh)]
        text = dumps(event(number, kind, instant, evse_id=1, meter_values=meter_values))
        session = session_event_apply(
            station_pk=station.pk,
            event=mapping.transaction_event(mapping.loads(text)),
            payload_text=text,
            now=datetime(2026, 3, 10, 13, 0, 1, tzinfo=UTC),
        )
    return session


@pytest.mark.usefixtures("tariff")
@pytest.mark.parametrize(
    ("readings", "doubt"),
    [
        # A register that rolls over or was exchanged.
        ([(NOON, "9000"), ("2026-03-10T12:30:00Z", "100"), (ONE, "12000")], "meter_backwards"),
        # 900 MWh within an hour at a station of 22 kW.
        ([(NOON, "9000"), (ONE, "900009000")], "energy_jump"),
        # A clock without battery, before and after it was set.
        ([("1970-01-01T00:00:07Z", "9000"), (ONE, "12000")], "clock"),
        ([(NOON, "9000"), ("2000-01-01T00:10:00Z", "12000")], "clock"),
        ([(NOON, "9000"), ("2090-01-01T00:00:00Z", "12000")], "clock"),
    ],
)
def test_a_doubtful_session_is_kept_and_billed_only_once_checked(
    station: ChargingStation, readings: list[tuple[str, str]], doubt: str
) -> None:
    session = told(station, *readings)

    assert doubt in session.doubts
    assert session.events.count() == len(readings)
    assert cdr_issue_when_complete(session_id=session.pk, now=utc_now()) is None
    with pytest.raises(DomainError) as refused:
        cdr_issue(session_id=session.pk)
    assert refused.value.code == "billing.session_in_doubt"
    assert cdrs_sweep(now=utc_now()) == 0
    assert Cdr.objects.count() == 0


@pytest.mark.usefixtures("tariff")
def test_a_checked_session_is_billed_by_the_next_sweep(station: ChargingStation) -> None:
    session = told(station, (NOON, "9000"), ("2026-03-10T12:30:00Z", "100"), (ONE, "12000"))
    sound = session_make(station, "tx-sound")

    assert cdrs_sweep(now=utc_now()) == 1
    session_check(session_id=session.pk, now=utc_now())
    assert cdrs_sweep(now=utc_now()) == 1

    assert Cdr.objects.get(session=sound)
    # From the first reading to the highest: 12,000 - 9,000 Wh.
    assert Cdr.objects.get(session=session).energy_kwh == 3


def test_a_live_session_cannot_be_checked(station: ChargingStation) -> None:
    session = session_make(station, "tx-1", ended=False)

    with pytest.raises(DomainError) as refused:
        session_check(session_id=session.pk, now=utc_now())

    assert refused.value.code == "chargers.session_not_ended"


def test_a_check_counts_at_its_own_operator(operator_a: Operator, operator_b: Operator) -> None:
    sessions = {}
    for operator in (operator_a, operator_b):
        with operator_context(operator.schema_name):
            tariff_make()
            sessions[operator] = told(station_make(), (NOON, "0"), (ONE, "900009000"))

    with operator_context(operator_a.schema_name):
        session_check(session_id=sessions[operator_a].pk, now=utc_now())
        assert cdrs_sweep(now=utc_now()) == 1

    with operator_context(operator_b.schema_name):
        assert cdrs_sweep(now=utc_now()) == 0
        assert Cdr.objects.count() == 0
