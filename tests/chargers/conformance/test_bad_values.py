"""Frames that are well formed and tell what cannot be, or what nobody should bill."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from apps.chargers.models import MeterValue, Session, SessionEvent, StationMessage
from tests.chargers.conformance.client import V21, V201, Checking
from tests.chargers.events import charging_of_five_events, dumps, event, meter
from tests.chargers.server import A, Csms, at

Kept = Callable[..., StationMessage]
NOON, ONE = "2026-03-10T12:00:00Z", "2026-03-10T13:00:00Z"


def picture() -> tuple[Any, ...]:
    """The session of five events and its rows."""
    session = Session.objects.get()
    return (
        session.state, session.energy_kwh, session.events_count, session.doubts,
        MeterValue.objects.count(), SessionEvent.objects.count(),
    )  # fmt: skip


def _register(value: str) -> str:
    payload = dumps(event(5, "Updated", ONE, meter_values=[meter(ONE, register_wh="777")]))
    return f'[2,"7","TransactionEvent",{payload.replace("777", value)}]'


@pytest.mark.parametrize("version", [V21, V201], ids=str)
@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (_register("NaN"), "RpcFrameworkError"),
        (_register("Infinity"), "RpcFrameworkError"),
        (_register("-Infinity"), "RpcFrameworkError"),
        (_register("1e999999"), "PropertyConstraintViolation"),
        (_register("-1e400"), "PropertyConstraintViolation"),
        (_register("9" * 4_000 + ".5"), "PropertyConstraintViolation"),
        (_register("9" * 5_000), "RpcFrameworkError"),
        (_register('"777"'), "TypeConstraintViolation"),
        (_register("true"), "TypeConstraintViolation"),
        (_register("null"), "TypeConstraintViolation"),
        (_register("777").replace(ONE, "2026-13-45T99:00:00Z"), "FormatViolation"),
        (_register("777").replace(ONE, "yesterday"), "FormatViolation"),
        (_register("777").replace(ONE, ""), "FormatViolation"),
        (_register("777").replace(ONE, "9999-12-31T23:59:59Z"), "PropertyConstraintViolation"),
        (_register("777").replace(ONE, "0001-01-01T00:00:00+14:00"), "FormatViolation"),
        (_register("777").replace('"seqNo":5', '"seqNo":5.5'), "TypeConstraintViolation"),
        (_register("777").replace('"Updated"', '"Paused"'), "PropertyConstraintViolation"),
        (_register("777").replace('"tx-1"', '"tx-\\u00001"'), "FormatViolation"),
        (_register("777").replace('"tx-1"', '""'), "PropertyConstraintViolation"),
    ],
    ids=lambda value: value[:40] if len(value) < 40 else "",
)
def test_a_bad_value_harms_no_session(
    csms: Csms, kept: Kept, version: Any, frame: str, code: str
) -> None:
    station = Checking(csms, version).boot()
    for payload in charging_of_five_events():
        station.tell("TransactionEvent", payload)
    before = at(A, picture)

    station.send(frame)

    answer = station.frame()
    assert (answer[0], answer[2]) == (4, code)
    assert answer[1] in ("7", "-1")
    station.heartbeat()
    assert at(A, picture) == before == ("ended", Decimal("9.00055"), 5, (), 11, 5)
    assert kept(direction="in", message_id=answer[1]).payload == frame[:16_000]


@pytest.mark.parametrize(
    ("instant", "doubts"),
    [
        ("1970-01-01T00:00:10Z", ("clock",)),
        ("2000-01-01T00:00:10Z", ("clock",)),
        ("2099-01-01T00:00:00Z", ("clock",)),
        ("2026-03-10T12:00:00.123456789Z", ()),
        ("2026-03-10T08:00:00-04:00", ()),
    ],
)
def test_a_clock_that_is_off_costs_no_event_and_is_flagged(
    station: Checking, instant: str, doubts: tuple[str, ...]
) -> None:
    station.tell("TransactionEvent", event(0, "Started", instant, evse_id=1))
    station.tell("TransactionEvent", event(1, "Ended", ONE, trigger="EVCommunicationLost"))

    session = at(A, lambda: Session.objects.select_related("station").get())
    assert (session.state, session.events_count, session.doubts) == ("ended", 2, doubts)


@pytest.mark.parametrize(
    ("registers_wh", "energy_kwh", "doubts"),
    [
        (("1000", "5000", "3000", "6000"), "5", ("meter_backwards",)),
        (("1000", "5000", "0", "500"), "4", ("meter_backwards",)),
        (("1000", "2000", "99999000", "99999500"), "99998.5", ("energy_jump",)),
        (("1000", "99999000", "2000", "3000"), "99998", ("meter_backwards", "energy_jump")),
        (("1000", "5000", "5000", "6000"), "5", ()),
    ],
)
def test_registers_that_jump_or_fall_are_kept_and_flagged(
    station: Checking, registers_wh: tuple[str, ...], energy_kwh: str, doubts: tuple[str, ...]
) -> None:
    kinds = ("Started", "Updated", "Updated", "Ended")
    for number, (kind, register) in enumerate(zip(kinds, registers_wh, strict=True)):
        instant = f"2026-03-10T12:{number * 15:02}:00Z"
        station.tell(
            "TransactionEvent",
            event(number, kind, instant, meter_values=[meter(instant, register_wh=register)]),
        )

    session = at(A, lambda: Session.objects.select_related("station").get())
    assert (session.energy_kwh, session.doubts) == (Decimal(energy_kwh), doubts)
    assert not session.may_be_billed or not doubts
    assert at(A, MeterValue.objects.count) == 4


def test_an_event_after_the_end_reopens_nothing(station: Checking) -> None:
    for payload in charging_of_five_events():
        station.tell("TransactionEvent", payload)

    late = event(5, "Updated", "2026-03-10T12:59:00Z", chargingState="Charging",
                 meter_values=[meter("2026-03-10T12:59:00Z", power_w="11000")])  # fmt: skip
    station.tell("TransactionEvent", late)

    session = at(A, lambda: Session.objects.get())
    assert (session.state, session.power_kw) == ("ended", 0.0)


def test_deep_and_wide_payloads_are_refused_quickly(station: Checking) -> None:
    for text in ("[" * 5_000 + "]" * 5_000, '{"a":' * 3_000 + "1" + "}" * 3_000):
        station.send(f'[2,"7","DataTransfer",{{"vendorId":"x","data":{text}}}]')
        assert station.frame()[0] in (3, 4)
    station.heartbeat()
