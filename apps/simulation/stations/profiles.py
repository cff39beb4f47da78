"""Which power charging profiles allow, and when: pure functions (OCPP 2.0.1 part 2, chapter K).

The station has one EVSE, so profiles of EVSE 0 (the whole station) and EVSE 1 bind the same car.
A profile is kept as it came on the wire; limits are read from it in kW at the AC terminals.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

STATION_MAX = "ChargingStationMaxProfile"
EXTERNAL = "ChargingStationExternalConstraints"
TX_DEFAULT = "TxDefaultProfile"
TX = "TxProfile"

EVSE_IDS = (0, 1)
PHASE_VOLTAGE_V = 230.0
PHASES = 3
_RECURRENCE = {"Daily": timedelta(days=1), "Weekly": timedelta(days=7)}
_LONGEST_COMPOSITE_S = 31 * 86_400


@dataclass(frozen=True)
class StoredProfile:
    """A profile at its EVSE; `wire` is the ChargingProfileType that the CSMS sent."""

    evse_id: int
    wire: dict[str, Any]

    @property
    def profile_id(self) -> int:
        return int(self.wire["id"])

    @property
    def purpose(self) -> str:
        return str(self.wire["charging_profile_purpose"])

    @property
    def stack_level(self) -> int:
        return int(self.wire["stack_level"])

    @property
    def valid_from(self) -> datetime:
        return _moment(self.wire.get("valid_from")) or datetime.min.replace(tzinfo=UTC)

    @property
    def valid_to(self) -> datetime:
        return _moment(self.wire.get("valid_to")) or datetime.max.replace(tzinfo=UTC)

    @property
    def schedule(self) -> dict[str, Any]:
        """The first: more than one are for the car to choose from (ISO 15118), ours do not."""
        first: dict[str, Any] = self.wire["charging_schedule"][0]
        return first


def profile_refusal(
    profile: StoredProfile,
    held: Iterable[StoredProfile],
    *,
    transaction_id: str | None,
    now: datetime,
) -> str | None:
    """Why the station does not take a profile (a reasonCode of the standard); None: it does."""
    wire = profile.wire
    if profile.evse_id not in EVSE_IDS:
        return "UnknownEvse"
    if profile.purpose == TX:
        if profile.evse_id == 0 or not wire.get("transaction_id"):
            return "InvalidProfile"
        if wire["transaction_id"] != transaction_id:
            return "TxNotFound"
    for_station = profile.purpose in (STATION_MAX, EXTERNAL)
    if for_station and (profile.evse_id or wire["charging_profile_kind"] == "Relative"):
        return "InvalidProfile"
    if wire["charging_profile_kind"] == "Recurring" and "recurrency_kind" not in wire:
        return "InvalidProfile"
    if not all(_sound(one, wire["charging_profile_kind"]) for one in wire["charging_schedule"]):
        return "InvalidSchedule"
    try:
        changes([profile], now, now + timedelta(days=1), started_at=None)
    except (ValueError, OverflowError):
        # Text that is no time, or instants beyond the calendar.
        return "InvalidSchedule"
    if any(_clash(profile, other) for other in held):
        return "DuplicateProfile"
    return None


def profile_stored(
    held: Iterable[StoredProfile], profile: StoredProfile
) -> tuple[StoredProfile, ...]:
    """The held profiles with one more, which replaces the one with its id."""
    return (*(one for one in held if one.profile_id != profile.profile_id), profile)


def profiles_matching(
    held: Iterable[StoredProfile],
    *,
    evse_id: int | None = None,
    profile_ids: Sequence[int] | None = None,
    purpose: str | None = None,
    stack_level: int | None = None,
) -> tuple[StoredProfile, ...]:
    """Those that meet every criterion given."""
    return tuple(
        one
        for one in held
        if evse_id in (None, one.evse_id)
        and (profile_ids is None or one.profile_id in profile_ids)
        and purpose in (None, one.purpose)
        and stack_level in (None, one.stack_level)
    )


def limit_kw(
    held: Iterable[StoredProfile],
    at: datetime,
    *,
    started_at: datetime | None,
) -> float | None:
    """What the profiles allow a car at an instant; None without a limit.

    Within a purpose the highest stack level that has a period now counts; a TxProfile takes the
    place of the TxDefaultProfile; the lowest over the purposes binds. Relative schedules begin at
    `started_at`, the start of the transaction, or now as long as there is none.
    """
    leading: dict[str, tuple[int, float]] = {}
    for profile in held:
        limit = _profile_limit_kw(profile, at, started_at or at)
        best = leading.get(profile.purpose)
        if limit is not None and (best is None or profile.stack_level > best[0]):
            leading[profile.purpose] = (profile.stack_level, limit)
    if TX in leading:
        leading.pop(TX_DEFAULT, None)
    return min((limit for _, limit in leading.values()), default=None)


def changes(
    held: Iterable[StoredProfile],
    start: datetime,
    end: datetime,
    *,
    started_at: datetime | None,
) -> list[datetime]:
    """The instants inside (start, end) at which a limit may change, in order."""
    found: set[datetime] = set()
    for profile in held:
        found |= {profile.valid_from, profile.valid_to}
        schedule = profile.schedule
        for begin in _begins(profile, start, end, started_at or start):
            found |= {
                begin + timedelta(seconds=period["start_period"])
                for period in schedule["charging_schedule_period"]
            }
            if "duration" in schedule:
                found.add(begin + timedelta(seconds=schedule["duration"]))
    return sorted(one for one in found if start < one < end)


def composite_schedule(
    held: Sequence[StoredProfile],
    start: datetime,
    *,
    duration_s: int,
    unit: str,
    rated_power_kw: float,
    started_at: datetime | None,
) -> tuple[int, list[dict[str, Any]]]:
    """The duration (s, at most 31 days) and the ChargingSchedulePeriodType list in W or A."""
    duration_s = min(duration_s, _LONGEST_COMPOSITE_S)
    end = start + timedelta(seconds=duration_s)
    started_at = started_at or start
    periods: list[dict[str, Any]] = []
    for at in [start, *changes(held, start, end, started_at=started_at)]:
        allowed_kw = limit_kw(held, at, started_at=started_at)
        offered_kw = rated_power_kw if allowed_kw is None else min(allowed_kw, rated_power_kw)
        limit = round(_wire_limit(offered_kw, unit), 1)
        if not periods or periods[-1]["limit"] != limit:
            offset_s = round((at - start).total_seconds())
            periods.append({"start_period": offset_s, "limit": limit, "number_phases": PHASES})
    return duration_s, periods


def _profile_limit_kw(profile: StoredProfile, at: datetime, started_at: datetime) -> float | None:
    if not profile.valid_from <= at < profile.valid_to:
        return None
    begin = max((one for one in _begins(profile, at, at, started_at) if one <= at), default=None)
    if begin is None:
        return None
    schedule, elapsed_s = profile.schedule, (at - begin).total_seconds()
    if elapsed_s >= schedule.get("duration", float("inf")):
        return None
    periods = [
        one for one in schedule["charging_schedule_period"] if one["start_period"] <= elapsed_s
    ]
    return _period_kw(periods[-1], schedule["charging_rate_unit"])


def _begins(
    profile: StoredProfile, start: datetime, end: datetime, started_at: datetime
) -> list[datetime]:
    """When the schedule begins, as far as it matters between two instants."""
    kind = profile.wire["charging_profile_kind"]
    if kind == "Relative":
        return [started_at]
    begin = _moment(profile.schedule["start_schedule"]) or started_at
    if kind == "Absolute":
        return [begin]
    every = _RECURRENCE[profile.wire["recurrency_kind"]]
    first, last = (start - begin) // every, (end - begin) // every
    return [begin + number * every for number in range(max(0, first), last + 1)]


def _period_kw(period: Mapping[str, Any], unit: str) -> float:
    limit = max(0.0, float(period["limit"]))
    if unit == "W":
        return limit / 1000
    return limit * PHASE_VOLTAGE_V * int(period.get("number_phases", PHASES)) / 1000


def _wire_limit(power_kw: float, unit: str) -> float:
    return power_kw * 1000 / (1 if unit == "W" else PHASE_VOLTAGE_V * PHASES)


def _sound(schedule: Mapping[str, Any], kind: str) -> bool:
    starts = [one["start_period"] for one in schedule["charging_schedule_period"]]
    timed = kind == "Relative" or "start_schedule" in schedule
    return timed and starts[0] == 0 and starts == sorted(set(starts))


def _clash(profile: StoredProfile, other: StoredProfile) -> bool:
    """Another id with the same purpose and stack level, valid at the same time (K01.FR.39, 52)."""
    return (
        other.profile_id != profile.profile_id
        and (other.purpose, other.stack_level) == (profile.purpose, profile.stack_level)
        and other.valid_from < profile.valid_to
        and profile.valid_from < other.valid_to
    )


def moment(text: str) -> datetime:
    """A time of the wire; UTC when it names no zone."""
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else moment(text)
