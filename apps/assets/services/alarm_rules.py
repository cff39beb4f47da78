"""When something is an alarm and when it is over. Pure: every time is an argument.

A verdict of one look is bad, good or nothing (`None`: between the two thresholds, or not read).
A latch turns verdicts into "raised" and "cleared" so that a value that comes and goes makes one
alarm: it is raised by a few bad looks and cleared only by a quiet stretch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from apps.assets.choices import AlarmKind, DeviceKind, Severity

CLOCK_OFF_S = 60.0
CLOCK_RIGHT_S = 30.0
STALE_EXTRA_S = 15.0
"""Beyond the polls that a value may miss: a lease moves to another worker within this."""

FOLLOW_SHARE = 0.05
FOLLOW_RATED_SHARE = 0.02
FOLLOW_WITHIN_S = 30.0
"""How long a device may take to reach a set-point."""
FOLLOWED_AGAIN_S = 10.0
SOC_AT_LIMIT_PERCENT = 1.0

SOC_WINDOW = timedelta(minutes=30)
SOC_LEAST_COVERAGE = 0.9
SOC_BASE_PERCENT = 2.0
SOC_RESOLUTION_PERCENT = 1.0
"""Batteries say their state of charge in whole percent at worst: two roundings of half of it."""
SOC_THROUGHPUT_SHARE = 0.05
"""Efficiency and power are known to this share of the energy that went in and out."""
SOC_CLEAR_SHARE = 0.6


class Change(Enum):
    """What a look made of an alarm."""

    RAISED = "raised"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Hysteresis:
    """Raise: `bad_looks` of the last `of_looks`, or bad for `bad_s` without a good one.

    Clear: `good_looks` in a row that span at least `good_s`.
    """

    bad_looks: int
    of_looks: int
    bad_s: float
    good_looks: int
    good_s: float


RULES: dict[AlarmKind, Hysteresis] = {
    AlarmKind.COMMUNICATION: Hysteresis(3, 6, 15.0, 3, 10.0),
    AlarmKind.STALE: Hysteresis(2, 2, 10.0, 1, 0.0),
    AlarmKind.OUT_OF_RANGE: Hysteresis(3, 6, 30.0, 5, 10.0),
    # The device has its own filter: what it reports is so at once.
    AlarmKind.DEVICE_FAULT: Hysteresis(1, 1, 0.0, 2, 0.0),
    AlarmKind.SOC_MISMATCH: Hysteresis(2, 3, 300.0, 2, 60.0),
    AlarmKind.SETPOINT_NOT_FOLLOWED: Hysteresis(1, 1, 0.0, 1, 0.0),
    AlarmKind.CLOCK: Hysteresis(3, 3, 60.0, 3, 10.0),
}
SEVERITIES: dict[AlarmKind, Severity] = {
    AlarmKind.COMMUNICATION: Severity.CRITICAL,
    AlarmKind.STALE: Severity.WARNING,
    AlarmKind.OUT_OF_RANGE: Severity.WARNING,
    AlarmKind.DEVICE_FAULT: Severity.CRITICAL,
    AlarmKind.SOC_MISMATCH: Severity.WARNING,
    AlarmKind.SETPOINT_NOT_FOLLOWED: Severity.CRITICAL,
    AlarmKind.CLOCK: Severity.INFORMATION,
}


@dataclass(slots=True)
class Latch:
    """One alarm that may be: whether it is raised, and what was seen lately."""

    is_open: bool = False
    recent: tuple[bool, ...] = ()
    """The last looks while it is not raised; True is a bad one."""
    bad_since: datetime | None = None
    good_looks: int = 0
    good_since: datetime | None = None

    @property
    def is_idle(self) -> bool:
        """True when nothing of it needs to be remembered."""
        return not self.is_open and not any(self.recent)

    @property
    def is_settled(self) -> bool:
        """True when an open alarm in the database says everything about it."""
        return self.is_idle or (self.is_open and not self.good_looks)

    def see(self, rule: Hysteresis, *, is_bad: bool | None, at: datetime) -> Change | None:
        """Take one look at `at`; says what changed by it."""
        if is_bad is None:
            return None
        return self._open(rule, is_bad, at) if self.is_open else self._closed(rule, is_bad, at)

    def _closed(self, rule: Hysteresis, is_bad: bool, at: datetime) -> Change | None:  # noqa: FBT001
        self.recent = (*self.recent, is_bad)[-rule.of_looks :]
        if not is_bad:
            self.bad_since = None
            return None
        self.bad_since = self.bad_since or at
        is_long = rule.bad_s > 0 and (at - self.bad_since).total_seconds() >= rule.bad_s
        if sum(self.recent) < rule.bad_looks and not is_long:
            return None
        self.is_open, self.recent, self.bad_since = True, (), None
        self.good_looks, self.good_since = 0, None
        return Change.RAISED

    def _open(self, rule: Hysteresis, is_bad: bool, at: datetime) -> Change | None:  # noqa: FBT001
        if is_bad:
            self.good_looks, self.good_since = 0, None
            return None
        self.good_since = self.good_since or at
        self.good_looks += 1
        is_quiet = (at - self.good_since).total_seconds() >= rule.good_s
        if self.good_looks < rule.good_looks or not is_quiet:
            return None
        self.is_open, self.good_looks, self.good_since = False, 0, None
        return Change.CLEARED


def clock_verdict(*, device_at: datetime, at: datetime) -> bool | None:
    """Bad when the device's clock is more than 60 s off, good again within 30 s."""
    off_s = abs((device_at - at).total_seconds())
    if off_s > CLOCK_OFF_S:
        return True
    return False if off_s <= CLOCK_RIGHT_S else None


def stale_verdict(*, age_s: float, late_after_s: float) -> bool | None:
    """Bad when a value is older than it may be and some seconds more; good when it is young."""
    if age_s > late_after_s + STALE_EXTRA_S:
        return True
    return False if age_s <= late_after_s else None


@dataclass(frozen=True, slots=True)
class Followed:
    """A set-point in force, as the device reads it back, and what the device can do now."""

    kind: str
    readback_kw: float
    since: datetime
    rated_power_kw: float
    soc_percent: float | None = None
    soc_min_percent: float = 0.0
    soc_max_percent: float = 100.0


def setpoint_verdict(
    setpoint: Followed, powers: Sequence[tuple[datetime, float]], *, now: datetime
) -> bool | None:
    """Bad when no trusted power of the last 30 s was near the set-point; kW, charging positive.

    Good when all of the last 10 s were near it. Nothing while the set-point is young, when there
    are too few readings, or when a battery stands at the end of its SoC window and cannot follow.
    """
    if _is_at_soc_limit(setpoint):
        return None
    near = [(at, _is_near(setpoint, power_kw)) for at, power_kw in powers if at > setpoint.since]
    young = [is_near for at, is_near in near if (now - at).total_seconds() <= FOLLOWED_AGAIN_S]
    if young and all(young):
        return False
    if (now - setpoint.since).total_seconds() <= FOLLOW_WITHIN_S:
        return None
    window = [is_near for at, is_near in near if (now - at).total_seconds() <= FOLLOW_WITHIN_S]
    return True if young and len(window) >= 2 and not any(window) else None


def follow_tolerance_kw(*, readback_kw: float, rated_power_kw: float) -> float:
    """How far the measured power may be from the set-point."""
    return max(FOLLOW_SHARE * abs(readback_kw), FOLLOW_RATED_SHARE * rated_power_kw)


def _is_near(setpoint: Followed, power_kw: float) -> bool:
    tolerance_kw = follow_tolerance_kw(
        readback_kw=setpoint.readback_kw, rated_power_kw=setpoint.rated_power_kw
    )
    if setpoint.kind == DeviceKind.PV:
        # A limit: the sun may give less, never more (production is negative).
        return power_kw >= setpoint.readback_kw - tolerance_kw
    return abs(power_kw - setpoint.readback_kw) <= tolerance_kw


def _is_at_soc_limit(setpoint: Followed) -> bool:
    if setpoint.soc_percent is None:
        return False
    if setpoint.readback_kw > 0:
        return setpoint.soc_percent >= setpoint.soc_max_percent - SOC_AT_LIMIT_PERCENT
    if setpoint.readback_kw < 0:
        return setpoint.soc_percent <= setpoint.soc_min_percent + SOC_AT_LIMIT_PERCENT
    return False


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute of a battery: mean power (kW, charging positive), mean SoC, measured share."""

    start: datetime
    power_kw: float | None
    soc_percent: float | None
    coverage: float


@dataclass(frozen=True, slots=True)
class SocCheck:
    """How the state of charge changed: by the energy that went in and out, and by its reading."""

    expected_percent: float
    measured_percent: float
    tolerance_percent: float

    @property
    def verdict(self) -> bool | None:
        """Bad beyond the tolerance, good well within it."""
        off = abs(self.measured_percent - self.expected_percent)
        if off > self.tolerance_percent:
            return True
        return False if off <= SOC_CLEAR_SHARE * self.tolerance_percent else None


def soc_check(
    minutes: Sequence[Minute],
    *,
    capacity_kwh: float,
    charging_efficiency: float,
    discharging_efficiency: float,
    resolution_percent: float = SOC_RESOLUTION_PERCENT,
    window: timedelta = SOC_WINDOW,
) -> SocCheck | None:
    """Compare over the minutes in order; None when too little of the window was measured.

    The change runs from the middle of the first minute to the middle of the last, since each
    state of charge is the mean of its minute: those two minutes count half.
    """
    known = [m for m in minutes if m.power_kw is not None]
    wanted = int(window / timedelta(minutes=1))
    if sum(m.coverage for m in known) < SOC_LEAST_COVERAGE * wanted:
        return None
    first, last = minutes[0], minutes[-1]
    if first.soc_percent is None or last.soc_percent is None or first is last:
        return None
    stored_kwh = through_kwh = known_minutes = 0.0
    for minute in known:
        minutes_count = 0.5 if minute in (first, last) else 1.0
        power_kw = minute.power_kw or 0.0
        share = charging_efficiency if power_kw > 0 else 1 / discharging_efficiency
        stored_kwh += power_kw * share * minutes_count / 60
        through_kwh += abs(power_kw) * share * minutes_count / 60
        known_minutes += minutes_count
    # A minute that is missing is taken as the mean of the others; there are few.
    stretch = (last.start - first.start) / timedelta(minutes=1) / known_minutes
    stored_kwh, through_kwh = stored_kwh * stretch, through_kwh * stretch
    return SocCheck(
        expected_percent=100 * stored_kwh / capacity_kwh,
        measured_percent=last.soc_percent - first.soc_percent,
        tolerance_percent=SOC_BASE_PERCENT
        + resolution_percent
        + SOC_THROUGHPUT_SHARE * 100 * through_kwh / capacity_kwh,
    )
