"""The composite schedule of an EVSE: what all the profiles at a station come to (K08, section 3).

The rules, in the order in which they are applied at each instant:

1. Of one purpose the highest stack level that has a period at this instant counts. A profile
   outside validFrom..validTo, outside its duration, or in the gap between two recurrences has
   none, and the level below it shows through.
2. TxProfile stands in for TxDefaultProfile where it has a period, during its own transaction
   only; without a transaction TxDefaultProfile tells what a car that comes now would get.
   PriorityCharging stands in for both while it is in use (2.1).
3. The lowest of the purposes counts: session, station, external limits. External limits of
   the station and of the EVSE are limits of their own. LocalGeneration is added to the external
   limits only: what a roof gives widens the grid connection, never the station's own fuse.
4. The fewest phases that any of them names count for all: 16 A on one phase and 11 kW are 16 A on
   one phase. A limit in W without values per phase is shared equally by these phases. So the
   result is at or below every limit whatever the unit it was written in.
5. Set-points (2.1) are those of the session's profile, kept between the limits.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from apps.chargers.ocpp.smart_charging.profiles import (
    EXTERNAL,
    LOCAL_GENERATION,
    NOTHING,
    PERIOD_OF,
    PRIORITY,
    STATION_MAX,
    TX,
    TX_DEFAULT,
    Period,
    PerPhase,
    Profile,
    Schedule,
)

# Limits nearer than this are the same: W to A and back loses digits.
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Supply:
    """What an EVSE is fed with; direct current counts as one phase at its own voltage."""

    voltage_v: float = 230.0
    phases: int = 3
    most_a: float | None = None
    """What it can do for a phase where no profile says anything; None: not known."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """The session that runs, or None when there is none."""

    transaction_id: str
    started_at: datetime
    uses_priority: bool = False


@dataclass(frozen=True, slots=True)
class CompositePeriod:
    """What may flow in [start, end), in the unit asked for; `limit` None: nothing limits it."""

    start: datetime
    end: datetime
    limit: PerPhase
    number_phases: int
    discharge_limit: PerPhase = NOTHING
    setpoint: PerPhase = NOTHING
    phase_to_use: int | None = None
    operation_mode: str = ""
    min_rate: float | None = None
    """The least rate that makes sense to the car (minChargingRate), in the unit asked for."""

    @property
    def total(self) -> float | None:
        """The limit of all phases together (W), or of each when all have the same (A)."""
        known = [value for value in self.limit if value is not None]
        return None if not known else known[0] if len(known) == 1 else sum(known)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A period that holds at an instant, with what its schedule says of all its periods."""

    period: Period
    unit: str
    min_rate: float | None


def composite(
    profiles: Iterable[Profile],
    *,
    evse_id: int,
    start: datetime,
    duration_s: int,
    unit: str,
    supply: Supply = Supply(),  # noqa: B008 - frozen
    transaction: Transaction | None = None,
) -> tuple[CompositePeriod, ...]:
    """The periods of [start, start + duration), without gaps, in `unit` (W or A).

    For EVSE 0 only the limits of the whole station count: what the EVSEs draw together is their sum
    at most, which a station knows and we do not promise.
    """
    start = start.replace(microsecond=0)
    end = start + timedelta(seconds=duration_s)
    begun = transaction.started_at.replace(microsecond=0) if transaction else start
    kept = [one for one in profiles if _concerns(one, evse_id, transaction)]
    edges = sorted({start, end, *_edges(kept, begun, start, end)})
    merged: list[CompositePeriod] = []
    for left, right in zip(edges, edges[1:], strict=False):
        one = _at(kept, left, right, begun, unit, supply, transaction)
        if merged and replace(merged[-1], start=left, end=right) == one:
            merged[-1] = replace(merged[-1], end=right)
        else:
            merged.append(one)
    return tuple(merged)


def wire_periods(
    periods: Sequence[CompositePeriod],
) -> list[dict[str, Any]]:
    """ChargingSchedulePeriodType objects, in seconds from the first period's start."""
    return [_wire(one, periods[0].start) for one in periods]


def _wire(one: CompositePeriod, start: datetime) -> dict[str, Any]:
    told: dict[str, Any] = {"startPeriod": int((one.start - start).total_seconds())}
    for name, values in (
        ("limit", one.limit),
        ("dischargeLimit", one.discharge_limit),
        ("setpoint", one.setpoint),
    ):
        for suffix, value in zip(("", "_L2", "_L3"), values, strict=True):
            if value is not None:
                told[name + suffix] = value
    told["numberPhases"] = one.number_phases
    if one.phase_to_use is not None:
        told["phaseToUse"] = one.phase_to_use
    if one.operation_mode:
        told["operationMode"] = one.operation_mode
    return told


# --- which profiles hold when ---


def _concerns(profile: Profile, evse_id: int, transaction: Transaction | None) -> bool:
    if profile.purpose in (TX, PRIORITY):
        if transaction is None or profile.evse_id not in (evse_id, 0) or evse_id == 0:
            return False
        if profile.purpose == PRIORITY:
            return transaction.uses_priority
        return profile.transaction_id in ("", transaction.transaction_id)
    if profile.purpose == TX_DEFAULT:
        return evse_id > 0 and profile.evse_id in (0, evse_id)
    return profile.evse_id in (0, evse_id)


def _edges(
    profiles: Iterable[Profile], begun: datetime, start: datetime, end: datetime
) -> Iterator[datetime]:
    """Every instant inside the window at which something may change."""
    for profile in profiles:
        marks = [at for at in (profile.valid_from, profile.valid_to) if at is not None]
        for first, last in _runs(profile, begun, start, end):
            marks.append(first)
            if last is not None:
                marks.append(last)
            marks += [first + timedelta(seconds=one.start_s) for one in profile.schedule.periods]
        yield from (at for at in marks if start < at < end)


def _runs(
    profile: Profile, begun: datetime, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime | None]]:
    """The runs [first, last) of a profile's schedule that touch the window; last None: no end."""
    schedule = profile.schedule
    first = _first(profile, begun)
    length = None if schedule.duration_s is None else timedelta(seconds=schedule.duration_s)
    period = PERIOD_OF.get(profile.recurrency) if profile.kind == "Recurring" else None
    if period is None:
        yield first, None if length is None else first + length
        return
    length = period if length is None else min(length, period)
    # Never before startSchedule: that is where the recurrence begins.
    at = first + max(0, (start - first) // period) * period
    while at < end:
        yield at, at + length
        at += period


def _first(profile: Profile, begun: datetime) -> datetime:
    schedule: Schedule = profile.schedule
    if profile.kind == "Relative":
        return begun
    if profile.kind == "Dynamic":
        # 2.1 K28: its one period holds from the last update on.
        return profile.updated_at or schedule.start or profile.valid_from or begun
    # 1.6 §7.13: a schedule without a start begins with the transaction.
    return schedule.start or begun


def _rule(profile: Profile, at: datetime, begun: datetime) -> _Rule | None:
    """What a profile says at an instant; None when it says nothing."""
    if profile.valid_from is not None and at < profile.valid_from:
        return None
    if profile.valid_to is not None and at >= profile.valid_to:
        return None
    for first, last in _runs(profile, begun, at, at + timedelta(seconds=1)):
        if at < first or (last is not None and at >= last):
            continue
        elapsed_s = (at - first).total_seconds()
        held = [one for one in profile.schedule.periods if one.start_s <= elapsed_s]
        if held:
            return _Rule(held[-1], profile.schedule.unit, profile.schedule.min_rate)
    return None


def _leading(
    profiles: Iterable[Profile], purpose: str, at: datetime, begun: datetime
) -> _Rule | None:
    """Of one purpose: the highest stack level that says something; then the EVSE's own."""
    ranked = sorted(
        (one for one in profiles if one.purpose == purpose),
        key=lambda one: (-one.stack_level, -one.evse_id, -one.profile_id),
    )
    return next((rule for one in ranked if (rule := _rule(one, at, begun))), None)


# --- what they come to at an instant ---


def _at(
    profiles: Sequence[Profile],
    left: datetime,
    right: datetime,
    begun: datetime,
    unit: str,
    supply: Supply,
    transaction: Transaction | None,
) -> CompositePeriod:
    def leading(purpose: str, among: Iterable[Profile] = profiles) -> _Rule | None:
        return _leading(among, purpose, left, begun)

    session = leading(PRIORITY) or leading(TX) or leading(TX_DEFAULT)
    inside = [one for one in (session, leading(STATION_MAX)) if one is not None]
    outside = [
        rule
        for evse_id in sorted({one.evse_id for one in profiles})
        if (rule := leading(EXTERNAL, [one for one in profiles if one.evse_id == evse_id]))
    ]
    rules = [*inside, *outside]
    phases = min([supply.phases, *(one.period.number_phases or supply.phases for one in rules)])
    generation = leading(LOCAL_GENERATION)
    phase_to_use, is_conflict = _phase(rules, phases)
    most = _each(
        [
            (supply.most_a,) * 3,
            *(_amps(one, one.period.limit, phases, supply) for one in inside),
            *(_widened(one, generation, phases, supply) for one in outside),
        ],
        min,
    )
    least = _each([_amps(one, one.period.discharge_limit, phases, supply) for one in rules], max)
    wanted = NOTHING if session is None else _amps(session, session.period.setpoint, phases, supply)
    if phases == 1:
        most = _one_phase(most, phase_to_use, min)
        least = _one_phase(least, phase_to_use, max)
        wanted = _one_phase(wanted, phase_to_use, min)
    if is_conflict:
        most, least = (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)
    wanted = _between(least, wanted, most)
    rates = [_rate(one, phases, supply) for one in rules if one.min_rate is not None]
    return CompositePeriod(
        start=left,
        end=right,
        limit=_told(most, phases, unit, supply),
        number_phases=phases,
        discharge_limit=_told(least, phases, unit, supply),
        setpoint=_told(wanted, phases, unit, supply),
        phase_to_use=phase_to_use,
        operation_mode="" if session is None else session.period.operation_mode,
        min_rate=None if not rates else _told((max(rates),) * 3, phases, unit, supply)[0],
    )


def _amps(rule: _Rule, values: PerPhase, phases: int, supply: Supply) -> PerPhase:
    """A value of a period in A for each of the three phases."""
    first, second, third = values
    is_alike = second is None and third is None
    if rule.unit == "W":
        divisor = supply.voltage_v * (phases if is_alike else 1)
        first, second, third = (None if v is None else v / divisor for v in values)
    return (first,) * 3 if is_alike else (first, second, third)


def _widened(external: _Rule, generation: _Rule | None, phases: int, supply: Supply) -> PerPhase:
    """An external limit with what local generation adds to it."""
    limit = _amps(external, external.period.limit, phases, supply)
    if generation is None:
        return limit
    more = _amps(generation, generation.period.limit, phases, supply)
    first, second, third = (
        None if own is None else own + (added or 0.0)
        for own, added in zip(limit, more, strict=True)
    )
    return first, second, third


def _rate(rule: _Rule, phases: int, supply: Supply) -> float:
    amps = _amps(rule, (rule.min_rate, None, None), phases, supply)[0]
    return amps or 0.0


def _each(
    values: Iterable[Sequence[float | None]], choose: Callable[[list[float]], float]
) -> PerPhase:
    """For each phase the chosen one of the values that are known."""
    chosen: list[float | None] = []
    for phase in zip(*values, strict=True):
        known = [value for value in phase if value is not None]
        chosen.append(choose(known) if known else None)
    first, second, third = chosen or NOTHING
    return first, second, third


def _one_phase(
    values: PerPhase, phase: int | None, choose: Callable[[list[float]], float]
) -> PerPhase:
    """What holds for a car on one phase: that of the phase named, else the strictest of all."""
    if phase is not None:
        return (values[phase - 1],) * 3
    known = [value for value in values if value is not None]
    return (choose(known),) * 3 if known else NOTHING


def _between(least: PerPhase, wanted: PerPhase, most: PerPhase) -> PerPhase:
    kept: list[float | None] = []
    for low, value, high in zip(least, wanted, most, strict=True):
        if value is not None and low is not None:
            value = max(low, value)
        if value is not None and high is not None:
            value = min(high, value)
        kept.append(value)
    return kept[0], kept[1], kept[2]


def _phase(rules: Iterable[_Rule], phases: int) -> tuple[int | None, bool]:
    """The one phase to be used, and whether two limits name two of them: then none is left."""
    named = {one.period.phase_to_use for one in rules if one.period.phase_to_use}
    if phases > 1 or not named:
        return None, False
    return min(named), len(named) > 1


def _told(amps: PerPhase, phases: int, unit: str, supply: Supply) -> PerPhase:
    """Values of the used phases in the unit asked for; one value when they are alike."""
    used = amps[:phases]
    if all(value == used[0] for value in used):
        if used[0] is None:
            return NOTHING
        return _rounded(used[0] * (supply.voltage_v * phases if unit == "W" else 1)), None, None
    factor = supply.voltage_v if unit == "W" else 1.0
    told = [None if value is None else _rounded(value * factor) for value in used]
    told += [None] * (3 - len(told))
    return told[0], told[1], told[2]


def _rounded(value: float) -> float:
    return round(value, _DIGITS) + 0.0
