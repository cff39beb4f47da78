"""A session is what its set of events says, whatever their order."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from apps.chargers.ocpp import sessions as rules
from apps.chargers.ocpp.events import TransactionEvent
from apps.chargers.ocpp.v201 import mapping
from tests.chargers.events import charging_of_five_events, dumps, event, meter


def read(*payloads: object) -> list[TransactionEvent]:
    return [mapping.transaction_event(mapping.loads(dumps(payload))) for payload in payloads]


def test_the_session_of_an_hour() -> None:
    session = rules.fold(read(*charging_of_five_events()))

    assert session == rules.SessionState(
        started_at=datetime(2026, 3, 10, 12, tzinfo=UTC),
        ended_at=datetime(2026, 3, 10, 13, tzinfo=UTC),
        first_seq_no=0,
        last_seq_no=4,
        events_count=5,
        stopped_reason="Local",
        charging_state="Charging",
        id_token="04A2B3C4",
        id_token_type="ISO14443",
        evse_id=1,
        connector_id=1,
        start_meter_kwh=Decimal(1),
        meter_kwh=Decimal("10.00055"),
        power_kw=0.0,
        soc_percent=55.0,
        measured_at=datetime(2026, 3, 10, 13, tzinfo=UTC),
    )
    assert session.energy_kwh == Decimal("9.00055")


def test_every_order_gives_the_same_session() -> None:
    events = read(*charging_of_five_events())

    assert len({rules.fold(order) for order in permutations(events)}) == 1


def test_a_live_session_shows_power_and_soc() -> None:
    session = rules.fold(read(*charging_of_five_events()[:4]))

    assert session.ended_at is None
    assert session.power_kw == 10.5005
    assert session.soc_percent == 55.0
    assert session.energy_kwh == Decimal("7.00025")


def test_a_paused_car_draws_nothing() -> None:
    pause = event(4, "Updated", "2026-03-10T12:50:00Z", chargingState="SuspendedEV")

    assert rules.fold(read(*charging_of_five_events()[:4], pause)).power_kw == 0.0


def test_a_register_that_goes_backwards_is_flagged_and_gives_nothing_back() -> None:
    at = "2026-03-10T12:50:00Z"
    back = event(4, "Updated", at, meter_values=[meter(at, register_wh="10")])

    session = rules.fold(read(*charging_of_five_events()[:4], back))

    assert session.meter_went_backwards
    assert session.energy_kwh == Decimal("7.00025")


def test_an_event_numbered_after_the_end_does_not_reopen() -> None:
    late = event(5, "Updated", "2026-03-10T13:05:00Z", chargingState="Charging")

    session = rules.fold(read(*charging_of_five_events(), late))

    assert session.ended_at == datetime(2026, 3, 10, 13, tzinfo=UTC)
    assert session.power_kw == 0.0


def test_without_meter_values_the_energy_is_nought() -> None:
    session = rules.fold(read(event(3, "Ended", "2026-03-10T13:00:00Z")))

    assert session.energy_kwh == 0
    assert session.started_at == session.ended_at


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=12))
def test_energy_is_the_highest_reading_less_the_first_and_never_negative(
    registers_wh: list[int],
) -> None:
    at = "2026-03-10T12:00:00Z"
    events = read(
        *(
            event(n, "Updated", at, meter_values=[meter(at, register_wh=str(wh))])
            for n, wh in enumerate(registers_wh)
        )
    )

    session = rules.fold(events)

    assert session.energy_kwh * 1000 == max(registers_wh) - registers_wh[0]
    assert session.meter_went_backwards == (registers_wh != sorted(registers_wh))
