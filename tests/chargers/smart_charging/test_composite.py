"""Composite schedules against hand calculations: 230 V, three phases unless a case says otherwise.

1 A on three phases is 690 W, on one phase 230 W. All windows start on Monday 2026-03-09 00:00 UTC;
`start, limit` pairs are seconds and the limit in the unit asked for.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.chargers.ocpp.smart_charging.composite import (
    CompositePeriod,
    Supply,
    Transaction,
    composite,
    wire_periods,
)
from apps.chargers.ocpp.smart_charging.profiles import Profile, profile_of, profile_of_16

T0 = datetime(2026, 3, 9, tzinfo=UTC)
HOUR = 3600
DAY = 24 * HOUR
EXTERNAL, STATION = "ChargingStationExternalConstraints", "ChargingStationMaxProfile"
DEFAULT, TX = "TxDefaultProfile", "TxProfile"


def iso(seconds: int) -> str:
    return (T0 + timedelta(seconds=seconds)).isoformat()


def profile(
    purpose: str,
    *limits: tuple[int, float] | dict[str, Any],
    unit: str = "A",
    level: int = 0,
    evse: int = 1,
    kind: str = "Absolute",
    start: int | None = 0,
    duration: int | None = None,
    number: int = 1,
    phases: int | None = None,
    min_rate: float | None = None,
    **more: Any,
) -> Profile:
    """A profile of one schedule: limits are (start of the period, limit) or whole periods."""
    periods = []
    for one in limits:
        period = one if isinstance(one, dict) else {"startPeriod": one[0], "limit": one[1]}
        periods.append(period | ({} if phases is None else {"numberPhases": phases}))
    schedule = {"id": 1, "chargingRateUnit": unit, "chargingSchedulePeriod": periods}
    if start is not None and kind != "Relative":
        schedule["startSchedule"] = iso(start)
    if duration is not None:
        schedule["duration"] = duration
    if min_rate is not None:
        schedule["minChargingRate"] = min_rate
    return profile_of(
        {
            "id": number,
            "stackLevel": level,
            "chargingProfilePurpose": purpose,
            "chargingProfileKind": kind,
            "chargingSchedule": [schedule],
            **more,
        },
        evse_id=evse,
    )


def during(seconds: int = 0, *, priority: bool = False) -> Transaction:
    """A transaction that began so many seconds after T0."""
    return Transaction("tx-1", T0 + timedelta(seconds=seconds), uses_priority=priority)


def steps(periods: tuple[CompositePeriod, ...]) -> list[tuple[int, float | None]]:
    return [(int((one.start - T0).total_seconds()), one.total) for one in periods]


NONE = None
CASES: dict[str, tuple[list[Profile], dict[str, Any], list[tuple[int, float | None]]]] = {
    "01 nothing limits": ([], {}, [(0, NONE)]),
    "02 nothing limits, the EVSE does 32 A": ([], {"supply": Supply(most_a=32)}, [(0, 32)]),
    "03 one limit for good": ([profile(DEFAULT, (0, 16))], {}, [(0, 16)]),
    # Two periods: 16 A, from 600 s on 10 A.
    "04 two periods": ([profile(DEFAULT, (0, 16), (600, 10))], {}, [(0, 16), (600, 10)]),
    # 1,800 s long, then nothing.
    "05 duration ends": ([profile(DEFAULT, (0, 16), duration=1800)], {}, [(0, 16), (1800, NONE)]),
    # Began 900 s before the window: its period at 1,000 s is at 100 s of the window.
    "06 began before": (
        [profile(DEFAULT, (0, 16), (1000, 8), start=-900)], {}, [(0, 16), (100, 8)],
    ),
    "07 begins later": ([profile(DEFAULT, (0, 16), start=500)], {}, [(0, NONE), (500, 16)]),
    # Level 5 counts, although it allows more than level 1.
    "08 highest level": (
        [profile(DEFAULT, (0, 6), level=1), profile(DEFAULT, (0, 20), level=5)], {}, [(0, 20)],
    ),
    # Level 5 ends at 1,200 s: level 1 shows through.
    "09 level below shows through": (
        [profile(DEFAULT, (0, 6), level=1), profile(DEFAULT, (0, 20), level=5, duration=1200)],
        {}, [(0, 20), (1200, 6)],
    ),
    # Level 5 is valid from 300 s to 900 s.
    "10 validity": (
        [profile(DEFAULT, (0, 6)),
         profile(DEFAULT, (0, 20), level=5, validFrom=iso(300), validTo=iso(900))],
        {}, [(0, 6), (300, 20), (900, 6)],
    ),
    # min(32, 10) and min(32, 40).
    "11 lowest purpose": (
        [profile(STATION, (0, 32), evse=0), profile(DEFAULT, (0, 10), (600, 40))],
        {}, [(0, 10), (600, 32)],
    ),
    # min(16, 32, 12) = 12.
    "12 three purposes": (
        [profile(STATION, (0, 32), evse=0), profile(EXTERNAL, (0, 12), evse=0),
         profile(DEFAULT, (0, 16))], {}, [(0, 12)],
    ),
    # External of the station 20 A, of the EVSE 14 A: both hold.
    "13 external at both": (
        [profile(EXTERNAL, (0, 20), evse=0, level=9), profile(EXTERNAL, (0, 14))], {}, [(0, 14)],
    ),
    # The session's own 25 A stands in for the default's 10 A.
    "14 session over default": (
        [profile(DEFAULT, (0, 10)), profile(TX, (0, 25), transactionId="tx-1")],
        {"transaction": during()}, [(0, 25)],
    ),
    # Its 600 s are over: the default again.
    "15 default after session profile": (
        [profile(DEFAULT, (0, 10)), profile(TX, (0, 25), duration=600, transactionId="tx-1")],
        {"transaction": during()}, [(0, 25), (600, 10)],
    ),
    "16 no transaction": (
        [profile(DEFAULT, (0, 10)), profile(TX, (0, 25), transactionId="tx-1")], {}, [(0, 10)],
    ),
    "17 another transaction": (
        [profile(DEFAULT, (0, 10)), profile(TX, (0, 25), transactionId="tx-9")],
        {"transaction": during()}, [(0, 10)],
    ),
    # The session began 300 s before: its period at 1,000 s is at 700 s.
    "18 relative": (
        [profile(TX, (0, 16), (1000, 8), kind="Relative", transactionId="tx-1")],
        {"transaction": during(-300)}, [(0, 16), (700, 8)],
    ),
    # Without a session: as if a car came at the start of the window.
    "19 relative without session": (
        [profile(DEFAULT, (0, 16), (900, 8), kind="Relative")], {}, [(0, 16), (900, 8)],
    ),
    # 08:00 to 10:00 each day (7,200 s), two days: 28,800 s and 115,200 s.
    "20 daily with gaps": (
        [profile(DEFAULT, (0, 6), kind="Recurring", recurrencyKind="Daily", start=8 * HOUR,
                 duration=2 * HOUR)],
        {"duration_s": 2 * DAY},
        [(0, NONE), (28_800, 6), (36_000, NONE), (115_200, 6), (122_400, NONE)],
    ),
    # From 22:00 the day before: 6 h at 32 A, then 10 A until 22:00; the window opens 2 h in.
    "21 daily over midnight": (
        [profile(DEFAULT, (0, 32), (6 * HOUR, 10), kind="Recurring", recurrencyKind="Daily",
                 start=-2 * HOUR)],
        {"duration_s": DAY}, [(0, 32), (4 * HOUR, 10), (22 * HOUR, 32)],
    ),
    # Fridays 00:00 (4 days on) for a day; the second Friday is outside the 8 days.
    "22 weekly": (
        [profile(DEFAULT, (0, 8), kind="Recurring", recurrencyKind="Weekly", start=4 * DAY,
                 duration=DAY)],
        {"duration_s": 8 * DAY}, [(0, NONE), (4 * DAY, 8), (5 * DAY, NONE)],
    ),
    # 30 h in a daily recurrence is cut to 24 h: it begins anew with its first period.
    "23 duration over the recurrence": (
        [profile(DEFAULT, (0, 8), (20 * HOUR, 9), kind="Recurring", recurrencyKind="Daily",
                 duration=30 * HOUR)],
        {"duration_s": 2 * DAY}, [(0, 8), (72_000, 9), (86_400, 8), (158_400, 9)],
    ),
    # A recurrence that begins tomorrow says nothing today.
    "24 recurrence begins later": (
        [profile(DEFAULT, (0, 8), kind="Recurring", recurrencyKind="Daily", start=DAY)],
        {"duration_s": 2 * DAY}, [(0, NONE), (DAY, 8)],
    ),
    # 16 A x 230 V x 3 = 11,040 W.
    "25 A to W": ([profile(DEFAULT, (0, 16))], {"unit": "W"}, [(0, 11_040)]),
    # 16 A x 230 V x 1 = 3,680 W.
    "26 A to W on one phase": (
        [profile(DEFAULT, (0, 16), phases=1)], {"unit": "W"}, [(0, 3_680)],
    ),
    # 11,040 W / (230 V x 3) = 16 A.
    "27 W to A": ([profile(DEFAULT, (0, 11_040), unit="W")], {}, [(0, 16)]),
    # 4,600 W / (230 V x 2) = 10 A.
    "28 W to A on two phases": (
        [profile(DEFAULT, (0, 4_600), unit="W", phases=2)], {}, [(0, 10)],
    ),
    # 400 V direct current: 40,000 W / 400 V = 100 A.
    "29 direct current": (
        [profile(DEFAULT, (0, 40_000), unit="W")],
        {"supply": Supply(voltage_v=400, phases=1)}, [(0, 100)],
    ),
    # 11,040 W on one phase would be 48 A: the 16 A on one phase count, 16 x 230 = 3,680 W.
    "30 units and phases mixed": (
        [profile(STATION, (0, 11_040), unit="W", evse=0), profile(DEFAULT, (0, 16), phases=1)],
        {"unit": "W"}, [(0, 3_680)],
    ),
    # min(20, 10) + 8 from the roof is not asked for: (12 external + 8) = 20, station 18 -> 18.
    "31 local generation widens external only": (
        [profile(EXTERNAL, (0, 12), evse=0), profile(STATION, (0, 18), evse=0),
         profile("LocalGeneration", (0, 8), evse=0)], {}, [(0, 18)],
    ),
    # While in use the priority profile stands in for the session's; the station's limit holds.
    "32 priority charging": (
        [profile("PriorityCharging", (0, 30)), profile(TX, (0, 8), transactionId="tx-1"),
         profile(STATION, (0, 25), evse=0)],
        {"transaction": during(priority=True)}, [(0, 25)],
    ),
    "33 priority not in use": (
        [profile("PriorityCharging", (0, 30)), profile(TX, (0, 8), transactionId="tx-1")],
        {"transaction": during()}, [(0, 8)],
    ),
    # Of two defaults at one level the EVSE's own counts.
    "34 the EVSE's own": (
        [profile(DEFAULT, (0, 30), evse=0), profile(DEFAULT, (0, 9), number=2)], {}, [(0, 9)],
    ),
    "35 another EVSE's": ([profile(DEFAULT, (0, 9), evse=2)], {}, [(0, NONE)]),
    # The whole station: its own limits, not those of sessions.
    "36 the station": (
        [profile(STATION, (0, 63), evse=0), profile(DEFAULT, (0, 9), evse=0)],
        {"evse_id": 0}, [(0, 63)],
    ),
    # A dynamic profile (2.1) holds from its last update.
    "37 dynamic": (
        [profile(TX, (0, 13), kind="Dynamic", start=None, dynUpdateTime=iso(60),
                 transactionId="tx-1"), profile(DEFAULT, (0, 7))],
        {"transaction": during()}, [(0, 7), (60, 13)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_hand_worked_case(case: str) -> None:
    profiles, asked, expected = CASES[case]

    periods = composite(
        profiles,
        **{"evse_id": 1, "start": T0, "duration_s": HOUR, "unit": "A"} | asked,
    )

    assert steps(periods) == expected


def test_limits_of_single_phases_are_kept_apart() -> None:
    """L1 min(16, 20), L2 min(16, 8), L3 min(16, 12); in W each times 230."""
    profiles = [
        profile(STATION, (0, 16), evse=0),
        profile(TX, {"startPeriod": 0, "limit": 20, "limit_L2": 8, "limit_L3": 12}),
    ]

    def of(unit: str) -> CompositePeriod:
        (one,) = composite(
            profiles, evse_id=1, start=T0, duration_s=60, unit=unit, transaction=during()
        )
        return one

    assert of("A").limit == (16, 8, 12)
    assert of("W").limit == (3680, 1840, 2760)


def test_a_single_phase_car_gets_the_limit_of_its_phase() -> None:
    """The station allows 16/8/12 A; the session uses phase 2 alone: 8 A."""
    profiles = [
        profile(STATION, {"startPeriod": 0, "limit": 16, "limit_L2": 8, "limit_L3": 12}, evse=0),
        profile(TX, {"startPeriod": 0, "limit": 32, "numberPhases": 1, "phaseToUse": 2}),
    ]

    (one,) = composite(profiles, evse_id=1, start=T0, duration_s=60, unit="A", transaction=during())

    assert (one.total, one.number_phases, one.phase_to_use) == (8, 1, 2)


def test_two_phases_named_by_two_limits_leave_nothing() -> None:
    profiles = [
        profile(EXTERNAL, {"startPeriod": 0, "limit": 9, "numberPhases": 1, "phaseToUse": 1}),
        profile(TX, {"startPeriod": 0, "limit": 9, "numberPhases": 1, "phaseToUse": 2}),
    ]

    (one,) = composite(profiles, evse_id=1, start=T0, duration_s=60, unit="A", transaction=during())

    assert one.total == 0


def test_a_set_point_stays_between_the_limits() -> None:
    """-11,040 W are -16 A; the station discharges 10 A at most: -10 A x 690 = -6,900 W."""
    profiles = [
        profile(STATION, {"startPeriod": 0, "limit": 32, "dischargeLimit": -10}, evse=0),
        profile(
            TX,
            {"startPeriod": 0, "setpoint": -11_040, "operationMode": "CentralSetpoint"},
            {"startPeriod": 60, "setpoint": 30_000, "operationMode": "CentralSetpoint"},
            unit="W",
        ),
    ]

    first, second = composite(
        profiles, evse_id=1, start=T0, duration_s=120, unit="W", transaction=during()
    )

    assert (first.setpoint[0], first.discharge_limit[0]) == (-6_900, -6_900)
    # 32 A x 690 = 22,080 W.
    assert (second.setpoint[0], second.limit[0]) == (22_080, 22_080)
    assert first.operation_mode == "CentralSetpoint"


def test_the_least_useful_rate_comes_in_the_unit_asked_for() -> None:
    """6 A x 690 = 4,140 W; the limit stays what it is."""
    (one,) = composite(
        [profile(DEFAULT, (0, 4), min_rate=6)], evse_id=1, start=T0, duration_s=60, unit="W"
    )

    assert (one.total, one.min_rate) == (2_760, 4_140)


def test_a_profile_of_1_6_means_the_same() -> None:
    """ChargePointMaxProfile at connector 0, 10 A, from 600 s on 6 A."""
    old = profile_of_16(
        {
            "chargingProfileId": 4, "stackLevel": 0, "chargingProfileKind": "Absolute",
            "chargingProfilePurpose": "ChargePointMaxProfile",
            "chargingSchedule": {
                "chargingRateUnit": "A", "startSchedule": iso(0),
                "chargingSchedulePeriod": [
                    {"startPeriod": 0, "limit": 10}, {"startPeriod": 600, "limit": 6.5},
                ],
            },
        },
        connector_id=0,
    )  # fmt: skip

    assert steps(composite([old], evse_id=1, start=T0, duration_s=HOUR, unit="A")) == [
        (0, 10),
        (600, 6.5),
    ]


def test_the_wire_form_counts_from_the_start_of_the_window() -> None:
    periods = composite(
        [profile(DEFAULT, (0, 16), (900, 10), phases=1)],
        evse_id=1, start=T0 + timedelta(seconds=300), duration_s=HOUR, unit="A",
    )  # fmt: skip

    assert wire_periods(periods) == [
        {"startPeriod": 0, "limit": 16, "numberPhases": 1},
        {"startPeriod": 600, "limit": 10, "numberPhases": 1},
    ]
