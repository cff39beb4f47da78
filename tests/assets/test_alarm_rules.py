"""Alarms by table: hand-made sequences in, raised and cleared out."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.assets.choices import AlarmKind
from apps.assets.selectors.alarm_words import CERTIFICATE_KINDS
from apps.assets.services.alarm_rules import (
    RULES,
    SEVERITIES,
    Change,
    Followed,
    Hysteresis,
    Latch,
    Minute,
    clock_verdict,
    setpoint_verdict,
    soc_check,
    stale_verdict,
)

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
# Three bad of the last six, or bad for 15 s; over after three good ones that span 10 s.
RULE = Hysteresis(bad_looks=3, of_looks=6, bad_s=15.0, good_looks=3, good_s=10.0)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def played(looks: str, *, step_s: float, rule: Hysteresis = RULE) -> list[tuple[int, str]]:
    """The number of the look and what it changed; `x` bad, `o` good, `-` nothing."""
    latch = Latch()
    verdicts = {"x": True, "o": False, "-": None}
    changes = []
    for n, look in enumerate(looks):
        change = latch.see(rule, is_bad=verdicts[look], at=at(n * step_s))
        if change is not None:
            changes.append((n, change.value))
    return changes


@pytest.mark.parametrize(
    ("looks", "step_s", "changes"),
    [
        ("oooo", 2, []),
        ("oxxo", 2, []),
        ("xxx", 2, [(2, "raised")]),
        # Three of the last six need not be neighbours.
        ("xoxox", 2, [(4, "raised")]),
        # Of these six only two are bad at any time.
        ("xoooxoooxooo", 2, []),
        # Slow polls: 15 s without a good one are enough.
        ("xx", 15, [(1, "raised")]),
        ("xox", 15, []),
        # Good from 3 on; the third good one is 4 s after the first, the sixth 10 s.
        ("xxxoooooo", 2, [(2, "raised"), (8, "cleared")]),
        # A bad one starts the quiet stretch anew.
        ("xxxooooxoooooo", 2, [(2, "raised"), (13, "cleared")]),
        # Slow polls: three good ones even when they span far more than 10 s.
        ("xxxooo", 60, [(1, "raised"), (5, "cleared")]),
        # Flapping: one alarm.
        ("xo" * 50, 2, [(4, "raised")]),
        ("xxxooo" * 20, 2, [(2, "raised")]),
        # What was not looked at changes nothing.
        ("x-x--x", 2, [(5, "raised")]),
        ("xxx" + "o-" * 6, 2, [(2, "raised"), (9, "cleared")]),
        # After it was cleared it starts from nothing.
        ("xxxoooooooxxoxx", 2, [(2, "raised"), (8, "cleared"), (13, "raised")]),
    ],
)
def test_a_latch_by_table(looks: str, step_s: float, changes: list[tuple[int, str]]) -> None:
    assert played(looks, step_s=step_s) == changes


def test_a_clock_that_was_set_back_raises_nothing_by_time() -> None:
    latch = Latch()

    assert latch.see(RULE, is_bad=True, at=at(0)) is None
    assert latch.see(RULE, is_bad=True, at=at(-3600)) is None
    assert latch.see(RULE, is_bad=True, at=at(-3598)) is Change.RAISED


def test_a_latch_with_nothing_to_remember_is_idle() -> None:
    latch = Latch()
    latch.see(RULE, is_bad=True, at=at(0))
    assert not latch.is_idle

    for n in range(1, 7):
        latch.see(RULE, is_bad=False, at=at(n))

    assert latch.is_idle


def test_every_kind_has_its_rule_and_its_severity() -> None:
    # The alarms of certificates are raised by the app that keeps them.
    assert set(RULES) == set(SEVERITIES) == set(AlarmKind) - CERTIFICATE_KINDS


@pytest.mark.parametrize(
    ("off_s", "verdict"),
    [(0, False), (30, False), (-30, False), (31, None), (60, None), (60.5, True), (-60.5, True)],
)
def test_a_clock_is_wrong_beyond_60_s_and_right_within_30(
    off_s: float, verdict: bool | None
) -> None:
    assert clock_verdict(device_at=at(off_s), at=at(0)) is verdict


@pytest.mark.parametrize(
    ("age_s", "verdict"), [(0, False), (7.5, False), (7.6, None), (22.5, None), (22.6, True)]
)
def test_a_value_is_late_beyond_what_it_may_be_and_15_s(age_s: float, verdict: bool | None) -> None:
    # A poll every 2 s: three polls and the way into the table are 7.5 s.
    assert stale_verdict(age_s=age_s, late_after_s=7.5) is verdict


def followed(**changes: object) -> Followed:
    values: dict[str, object] = {
        "kind": "battery", "readback_kw": 50.0, "since": at(0), "rated_power_kw": 100.0
    }  # fmt: skip
    return Followed(**{**values, **changes})  # type: ignore[arg-type]


def powers(text: str, *, until_s: float, step_s: float = 2.0) -> list[tuple[datetime, float]]:
    values = [float(word) for word in text.split()]
    first_s = until_s - step_s * (len(values) - 1)
    return [(at(first_s + n * step_s), value) for n, value in enumerate(values)]


@pytest.mark.parametrize(
    ("setpoint", "measured", "now_s", "verdict"),
    [
        # Tolerance: 5 % of 50 kW is 2.5 kW, more than 2 % of 100 kW.
        (followed(), "50 " * 20, 100, False),
        (followed(), "52.5 " * 20, 100, False),
        (followed(), "52.6 " * 20, 100, True),
        (followed(), "0 " * 20, 100, True),
        # Young: it may take 30 s.
        (followed(since=at(70)), "0 " * 15, 100, None),
        (followed(since=at(69)), "0 " * 20, 100, True),
        # On its way: the last ones are near, then all of the last 10 s.
        (followed(), "0 " * 12 + "49 49", 100, None),
        (followed(), "0 " * 10 + "49 " * 6, 100, False),
        # One near value within 30 s: it comes and goes, no alarm.
        (followed(), "0 " * 10 + "50 " + "0 " * 4, 100, None),
        # No reading at all, or one only: that is another alarm.
        (followed(), "", 100, None),
        (followed(), "0", 100, None),
        # Discharging, and 0 kW: 2 % of the rated power.
        (followed(readback_kw=-50.0), "-47.5 " * 20, 100, False),
        (followed(readback_kw=-50.0), "50 " * 20, 100, True),
        (followed(readback_kw=0.0), "2 " * 20, 100, False),
        (followed(readback_kw=0.0), "2.1 " * 20, 100, True),
        # A PV limit of 30 kW: less sun is no fault, more production is.
        (followed(kind="pv", readback_kw=-30.0), "-5 " * 20, 100, False),
        (followed(kind="pv", readback_kw=-30.0), "-32 " * 20, 100, False),
        (followed(kind="pv", readback_kw=-30.0), "-33 " * 20, 100, True),
        # A battery at the end of its window cannot follow.
        (followed(soc_percent=94.5, soc_max_percent=95.0), "0 " * 20, 100, None),
        (followed(soc_percent=90.0, soc_max_percent=95.0), "0 " * 20, 100, True),
        (followed(readback_kw=-50.0, soc_percent=10.5, soc_min_percent=10), "0 " * 20, 100, None),
        (followed(soc_percent=10.5, soc_min_percent=10), "0 " * 20, 100, True),
    ],
)
def test_a_set_point_is_followed_or_not(
    setpoint: Followed, measured: str, now_s: float, verdict: bool | None
) -> None:
    assert setpoint_verdict(setpoint, powers(measured, until_s=99), now=at(now_s)) is verdict


def minutes(
    power_kw: float, soc: tuple[float, float], *, count: int = 30, left_out: int = 0
) -> list[Minute]:
    """`count` minutes at one power; the SoC goes evenly from the first to the last mean."""
    first, last = soc
    step = (last - first) / (count - 1)
    return [
        Minute(START + n * timedelta(minutes=1), power_kw, first + n * step, 1.0)
        for n in range(count)
        if not 0 < n <= left_out
    ]


@pytest.mark.parametrize(
    ("power_kw", "soc", "expected", "tolerance", "verdict"),
    [
        # 29 minutes of 60 kW with 0.9 stored: 26.1 kWh of 100 kWh; 2 + 1 + 5 % of 26.1 = 4.305.
        (60.0, (40.0, 66.0), 26.1, 4.305, False),
        (60.0, (40.0, 70.5), 26.1, 4.305, True),
        (60.0, (40.0, 69.5), 26.1, 4.305, None),
        (60.0, (40.0, 40.0), 26.1, 4.305, True),
        # Discharging 60 kW takes 60 / 0.8 = 75 kW out: 36.25 kWh; 3 + 1.8125.
        (-60.0, (80.0, 43.75), -36.25, 4.8125, False),
        (-60.0, (80.0, 80.0), -36.25, 4.8125, True),
        # At rest: the resolution of 1 % and 2 % more raise nothing.
        (0.0, (50.0, 53.0), 0.0, 3.0, None),
        (0.0, (50.0, 51.0), 0.0, 3.0, False),
        (0.0, (50.0, 46.9), 0.0, 3.0, True),
    ],
)
def test_the_state_of_charge_follows_the_energy(
    power_kw: float,
    soc: tuple[float, float],
    expected: float,
    tolerance: float,
    verdict: bool | None,
) -> None:
    check = soc_check(
        minutes(power_kw, soc),
        capacity_kwh=100.0,
        charging_efficiency=0.9,
        discharging_efficiency=0.8,
    )

    assert check is not None
    assert check.expected_percent == pytest.approx(expected)
    assert check.measured_percent == pytest.approx(soc[1] - soc[0])
    assert check.tolerance_percent == pytest.approx(tolerance)
    assert check.verdict is verdict


def test_a_few_missing_minutes_are_taken_as_the_mean_of_the_others() -> None:
    check = soc_check(
        minutes(60.0, (40.0, 66.0), left_out=3),
        capacity_kwh=100.0,
        charging_efficiency=0.9,
        discharging_efficiency=0.8,
    )

    assert check is not None
    assert check.expected_percent == pytest.approx(26.1)


@pytest.mark.parametrize(
    "known",
    [
        [],
        minutes(60.0, (40.0, 66.0), count=26),
        minutes(60.0, (40.0, 66.0), left_out=4),
        [Minute(m.start, m.power_kw, None, 1.0) for m in minutes(60.0, (40.0, 66.0))],
        [Minute(m.start, m.power_kw, m.soc_percent, 0.8) for m in minutes(60.0, (40.0, 66.0))],
    ],
)
def test_too_little_measured_says_nothing(known: list[Minute]) -> None:
    assert (
        soc_check(known, capacity_kwh=100.0, charging_efficiency=0.9, discharging_efficiency=0.8)
        is None
    )
