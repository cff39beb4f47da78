"""Orders of a transaction's six events, each with repeats: one session, one bill."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from apps.billing.models import Cdr
from apps.billing.services import cdr_issue
from apps.chargers.models import ChargingStation, MeterValue, Session, SessionEvent
from apps.chargers.ocpp.v201 import mapping
from apps.chargers.services import Arrival, session_events_apply
from tests.chargers.events import dumps, event, meter

NOW = datetime(2026, 3, 10, 13, 0, 1, tzinfo=UTC)
ORDERS = tuple(permutations(range(6)))
# Names and clocks, of which each row has its own.
_OWN_OF_SESSION = ("id", "transaction_id", "updated_at")
_OWN_OF_CDR = ("id", "reference", "session_id", "transaction_id", "issued_at")


def six_events(transaction_id: str) -> list[dict[str, Any]]:
    """An hour: 1,000 Wh on the register at the start, 10,000.55 Wh at the end; some told late."""
    return [
        event(0, "Started", "2026-03-10T12:00:00Z", transaction_id=transaction_id,
              trigger="CablePluggedIn", evse_id=1, chargingState="EVConnected",
              meter_values=[meter("2026-03-10T12:00:00Z", register_wh="1000", power_w="0")]),
        event(1, "Updated", "2026-03-10T12:01:00Z", transaction_id=transaction_id,
              trigger="Authorized", id_token="04A2B3C4", chargingState="Charging",
              meter_values=[meter("2026-03-10T12:01:00Z", register_wh="1000", soc="41.5")]),
        event(2, "Updated", "2026-03-10T12:20:00Z", transaction_id=transaction_id,
              meter_values=[meter("2026-03-10T12:20:00Z", register_wh="4000.5", power_w="11000")]),
        event(3, "Updated", "2026-03-10T12:40:00Z", transaction_id=transaction_id, offline=True,
              meter_values=[meter("2026-03-10T12:40:00Z", register_wh="8000.25", soc="55")]),
        event(4, "Updated", "2026-03-10T12:59:00Z", transaction_id=transaction_id, offline=True,
              trigger="ChargingStateChanged", chargingState="SuspendedEV",
              meter_values=[meter("2026-03-10T12:59:00Z", register_wh="10000.55", power_w="0")]),
        event(5, "Ended", "2026-03-10T13:00:00Z", transaction_id=transaction_id,
              trigger="StopAuthorized", id_token="DEADBEEF", stoppedReason="Local",
              meter_values=[meter("2026-03-10T13:00:00Z", register_wh="10000.55", power_w="0")]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "orders", [pytest.param(ORDERS, marks=pytest.mark.slow, id="all"), ORDERS[::23]]
)
def test_orders_with_repeats_give_one_session_its_rows_and_its_cdr(
    tariff: Any, station: ChargingStation, orders: tuple[tuple[int, ...], ...]
) -> None:
    waiting = {nth: _told(station, nth, order) for nth, order in enumerate(orders)}

    # Every session hears its next event in a transaction of its own; 60 sessions share each.
    for step in range(max(map(len, waiting.values()))):
        arrivals = [told[step] for told in waiting.values() if step < len(told)]
        for start in range(0, len(arrivals), 60):
            session_events_apply(arrivals[start : start + 60])
    sessions = list(Session.objects.order_by("pk"))
    for session in sessions:
        cdr_issue(session_id=session.pk)

    assert len(sessions) == len(orders)
    assert len(waiting[0]) > 6
    pictures = _pictures()
    assert len(pictures) == len(orders)
    assert all(picture == pictures[0] for picture in pictures)
    session_row, events, values, cdr = pictures[0]
    assert (session_row["state"], session_row["energy_kwh"]) == ("ended", Decimal("9.00055"))
    assert (session_row["id_token"], session_row["power_kw"]) == ("04A2B3C4", 0.0)
    assert (len(events), len(values)) == (6, 2 + 2 + 2 + 2 + 2 + 2)
    # In steps of 1 Wh: 9.001 kWh x 0.3012 x 1.085 = 2.941544802
    assert (cdr["energy_kwh"], cdr["total_incl_vat"]) == (Decimal("9.00055"), Decimal("2.9415"))


def test_repeats_after_the_bill_change_nothing(tariff: Any, station: ChargingStation) -> None:
    arrivals = _told(station, 0, (0, 1, 2, 3, 4, 5))
    session_events_apply(arrivals)
    cdr = cdr_issue(session_id=Session.objects.get().pk)
    before = _pictures()

    for order in (arrivals, arrivals[::-1]):
        session_events_apply(order)

    assert _pictures() == before
    assert cdr_issue(session_id=Session.objects.get().pk).pk == cdr.pk


@pytest.mark.usefixtures("tariff")
def test_an_event_told_after_the_bill_leaves_the_bill_alone(station: ChargingStation) -> None:
    arrivals = _told(station, 0, (0, 1, 2, 3, 5))
    session_events_apply(arrivals)
    session = Session.objects.get()
    cdr = cdr_issue(session_id=session.pk)

    session_events_apply(_told(station, 0, (4,)))

    assert Cdr.objects.values().get()["energy_kwh"] == cdr.energy_kwh == Decimal("9.00055")
    session.refresh_from_db()
    assert (session.state, session.events_count) == ("ended", 6)


def _told(station: ChargingStation, nth: int, order: tuple[int, ...]) -> list[Arrival]:
    """The events in this order; one is repeated at once, another at the very end."""
    payloads = six_events(f"tx-{nth}")
    repeated = nth % len(order)
    numbers = [*order[: repeated + 1], *order[repeated:], order[(nth // 7) % len(order)]]
    arrivals = []
    for number in numbers:
        text = dumps(payloads[number])
        found = mapping.transaction_event(mapping.loads(text))
        arrivals.append(Arrival(station.pk, found, text, NOW))
    return arrivals


def _pictures() -> list[tuple[Any, ...]]:
    """All that is stored of each session, without what each has of its own."""
    events: dict[int, list[Any]] = {}
    for session_id, seq_no, kind, trigger, at, is_offline in SessionEvent.objects.order_by(
        "session_id", "seq_no"
    ).values_list("session_id", "seq_no", "event_type", "trigger_reason", "at", "is_offline"):
        events.setdefault(session_id, []).append((seq_no, kind, trigger, at, is_offline))
    values: dict[int, list[Any]] = {}
    for row in MeterValue.objects.order_by("session_id", "seq_no", "ordinal").values():
        session_id = row.pop("session_id")
        values.setdefault(session_id, []).append({**row, "id": None})
    cdrs = {
        row["session_id"]: {name: row[name] for name in row if name not in _OWN_OF_CDR}
        for row in Cdr.objects.values()
    }
    return [
        (
            {name: row[name] for name in row if name not in _OWN_OF_SESSION},
            events[row["id"]],
            values[row["id"]],
            cdrs[row["id"]],
        )
        for row in Session.objects.order_by("pk").values()
    ]
