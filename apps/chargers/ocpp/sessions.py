"""What a session is, given its events: one fold over them in the order of their numbers.

Because the result is a function of the set of events alone, any order of arrival and any
duplicates end in the same session (OCPP 2.0.1 Part 2, E: a station may send late what it stored).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from apps.chargers.ocpp.events import ENERGY_REGISTER, POWER, SOC, MeterSample, TransactionEvent

ENDED = "Ended"
# Triggers that name who stopped, not who charges (E07, C01): their token is not the session's.
_STOP_TRIGGERS = frozenset({"StopAuthorized", "Deauthorized"})
# States in which the car draws nothing.
IDLE_STATES = frozenset({"EVConnected", "SuspendedEV", "SuspendedEVSE", "Idle"})

# A register in whole Wh (1.6: meterStop) stands up to one below the same in fractions.
_ROUNDING_KWH = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class SessionState:
    """A session so far. Energies in kWh, power in kW (charging positive), SoC in percent."""

    started_at: datetime
    first_seq_no: int
    last_seq_no: int
    events_count: int = 0
    ended_at: datetime | None = None
    stopped_reason: str = ""
    charging_state: str = ""
    id_token: str = ""
    id_token_type: str = ""
    remote_start_id: int | None = None
    evse_id: int | None = None
    connector_id: int | None = None
    start_meter_kwh: Decimal | None = None
    meter_kwh: Decimal | None = None
    meter_went_backwards: bool = False
    power_kw: float = 0.0
    soc_percent: float | None = None
    measured_at: datetime | None = None

    @property
    def energy_kwh(self) -> Decimal:
        """The highest register reading less the first one."""
        if self.meter_kwh is None or self.start_meter_kwh is None:
            return Decimal(0)
        return self.meter_kwh - self.start_meter_kwh


def fold(events: Iterable[TransactionEvent]) -> SessionState:
    """The session of a set of events; each sequence number must come once."""
    ordered = sorted(events, key=lambda event: event.seq_no)
    if not ordered:
        raise ValueError("a session has at least one event")
    state = opened(ordered[0])
    for event in ordered:
        state = advance(state, event)
    return state


def opened(event: TransactionEvent) -> SessionState:
    """The empty session before its first event."""
    return SessionState(started_at=event.at, first_seq_no=event.seq_no, last_seq_no=event.seq_no)


def advance(state: SessionState, event: TransactionEvent) -> SessionState:
    """The session after an event with a number above all those before it."""
    state = replace(
        state,
        last_seq_no=event.seq_no,
        events_count=state.events_count + 1,
        charging_state=event.charging_state or state.charging_state,
        remote_start_id=_first(state.remote_start_id, event.remote_start_id),
        evse_id=_first(state.evse_id, event.evse_id),
        connector_id=_first(state.connector_id, event.connector_id),
    )
    if event.id_token and not state.id_token and event.trigger_reason not in _STOP_TRIGGERS:
        state = replace(state, id_token=event.id_token, id_token_type=event.id_token_type)
    for sample in event.samples:
        state = _measured(state, sample, is_history=_is_history(event, sample))
    if event.event_type == ENDED:
        state = replace(state, ended_at=event.at, stopped_reason=event.stopped_reason)
    if state.ended_at is not None or event.charging_state in IDLE_STATES:
        state = replace(state, power_kw=0.0)
    return state


def measured(state: SessionState, samples: Iterable[MeterSample]) -> SessionState:
    """The session's live power and SoC after values sent outside its events; energy stays."""
    for sample in samples:
        if sample.measurand in (POWER, SOC):
            state = _measured(state, sample)
    return state


def _is_history(event: TransactionEvent, sample: MeterSample) -> bool:
    """True for a value that an end repeats (E06: from its begin on; 1.6: transactionData)."""
    return event.event_type == ENDED and sample.at < max(one.at for one in event.samples)


def _measured(
    state: SessionState, sample: MeterSample, *, is_history: bool = False
) -> SessionState:
    if not sample.counts_for_session:
        return state
    if sample.measurand == ENERGY_REGISTER and sample.unit == "kWh":
        return _register_read(state, sample.value, is_history=is_history)
    if sample.measurand == POWER and sample.unit == "kW":
        return replace(state, power_kw=float(sample.value), measured_at=sample.at)
    if sample.measurand == SOC:
        soc_percent = min(100.0, max(0.0, float(sample.value)))
        return replace(state, soc_percent=soc_percent, measured_at=sample.at)
    return state


def _register_read(state: SessionState, meter_kwh: Decimal, *, is_history: bool) -> SessionState:
    if state.start_meter_kwh is None or state.meter_kwh is None:
        return replace(state, start_meter_kwh=meter_kwh, meter_kwh=meter_kwh)
    if meter_kwh < state.meter_kwh:
        fell = not is_history and state.meter_kwh - meter_kwh >= _ROUNDING_KWH
        return replace(state, meter_went_backwards=state.meter_went_backwards or fell)
    return replace(state, meter_kwh=meter_kwh)


def _first(known: int | None, told: int | None) -> int | None:
    return told if known is None else known
