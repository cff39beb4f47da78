"""Charging profiles at a simulated station: the rules, the car's power, the conversation."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from apps.simulation.clock import ManualClock
from apps.simulation.stations.profiles import (
    STATION_MAX,
    TX,
    TX_DEFAULT,
    StoredProfile,
    composite_schedule,
    limit_kw,
    profile_refusal,
)
from tests.simulation.conftest import NOON, free_port
from tests.simulation.csms import BareCsms, Payload, eventually
from tests.simulation.test_link import running
from tests.simulation.test_station import CAR, run, station_at


def profile(
    purpose: str = TX_DEFAULT,
    *periods: tuple[int, float],
    profile_id: int = 1,
    stack_level: int = 0,
    kind: str = "Absolute",
    unit: str = "W",
    start: datetime = NOON,
    evse_id: int | None = None,
    more: dict[str, Any] | None = None,
    **schedule: Any,
) -> StoredProfile:
    given = {"start_schedule": start.isoformat()} if kind != "Relative" else {}
    wire = {
        "id": profile_id,
        "stack_level": stack_level,
        "charging_profile_purpose": purpose,
        "charging_profile_kind": kind,
        "charging_schedule": [
            {
                "id": 1,
                "charging_rate_unit": unit,
                "charging_schedule_period": [
                    {"start_period": at_s, "limit": limit} for at_s, limit in periods
                ],
                **given,
                **schedule,
            }
        ],
        **(more or {}),
    }
    return StoredProfile((purpose != STATION_MAX) if evse_id is None else evse_id, wire)


def allowed_kw(
    *held: StoredProfile, after_s: float = 0, ran_s: float | None = None
) -> float | None:
    at = NOON + timedelta(seconds=after_s)
    started_at = None if ran_s is None else at - timedelta(seconds=ran_s)
    return limit_kw(held, at, started_at=started_at)


def test_highest_stack_level_within_and_lowest_over_the_purposes() -> None:
    base = profile(TX_DEFAULT, (0, 7000))
    raised = profile(TX_DEFAULT, (0, 16), unit="A", profile_id=2, stack_level=1, duration=60)
    station = profile(STATION_MAX, (0, 9000), profile_id=3)
    own = profile(TX, (0, 3000), profile_id=4, stack_level=5)

    assert allowed_kw() is None
    assert allowed_kw(base, raised) == pytest.approx(16 * 3 * 230 / 1000)
    assert allowed_kw(base, raised, station) == 9
    # The higher level has run out: the lower one counts again.
    assert allowed_kw(base, raised, station, after_s=60) == 7
    assert allowed_kw(raised, own, station) == 3
    assert allowed_kw(base, after_s=-1) is None


def test_relative_runs_with_the_transaction_and_recurring_with_the_day() -> None:
    relative = profile(TX_DEFAULT, (0, 5000), (600, 2000), kind="Relative")
    daily = profile(
        TX_DEFAULT, (0, 4000), kind="Recurring", duration=3600, more={"recurrency_kind": "Daily"}
    )

    assert allowed_kw(relative) == 5
    assert allowed_kw(relative, ran_s=599) == 5
    assert allowed_kw(relative, ran_s=600) == 2
    assert allowed_kw(daily, after_s=3 * 86_400 + 3599) == 4
    assert allowed_kw(daily, after_s=3 * 86_400 + 3600) is None
    assert allowed_kw(daily, after_s=-10) is None


def test_composite_schedule_in_amperes_is_capped_by_the_station() -> None:
    held = [
        profile(STATION_MAX, (0, 6900), (60, 50_000), (90, 13_800), profile_id=2),
        profile(TX_DEFAULT, (0, 60_000), (30, 50_000)),
    ]

    duration_s, periods = composite_schedule(
        held, NOON, duration_s=120, unit="A", rated_power_kw=22.08, started_at=None
    )

    assert duration_s == 120
    told = [(one["start_period"], one["limit"]) for one in periods]
    assert told == [(0, 10.0), (60, 32.0), (90, 20.0)]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (profile(TX_DEFAULT, (0, 1), evse_id=2), "UnknownEvse"),
        (profile(TX, (0, 1)), "InvalidProfile"),
        (profile(TX, (0, 1), more={"transaction_id": "other"}), "TxNotFound"),
        (profile(STATION_MAX, (0, 1), kind="Relative"), "InvalidProfile"),
        (profile(TX_DEFAULT, (5, 1)), "InvalidSchedule"),
        (profile(TX_DEFAULT, (0, 1), start_schedule="soon"), "InvalidSchedule"),
        (profile(TX_DEFAULT, (0, 1), duration=10**12), "InvalidSchedule"),
        (profile(TX_DEFAULT, (0, 1), profile_id=9), "DuplicateProfile"),
        (profile(TX_DEFAULT, (0, 1), profile_id=1), None),
        (profile(TX, (0, 1), profile_id=9, more={"transaction_id": "t"}), None),
    ],
)
def test_profiles_that_break_the_rules_are_refused(
    given: StoredProfile, reason: str | None
) -> None:
    held = [profile(TX_DEFAULT, (0, 7000))]
    assert profile_refusal(given, held, transaction_id="t", now=NOON) == reason


def test_the_car_follows_the_limit_at_once_and_at_each_period(
    tmp_path: Path, clock: ManualClock
) -> None:
    station = station_at(tmp_path / "s.json", clock)
    station.plug(CAR, stay_s=600, soc_percent=40)
    run(station, clock, 10)
    assert station.power_kw == 22
    assert station.transaction is not None
    own = {"transaction_id": station.transaction.transaction_id}
    before_wh = station.ledger.register_wh

    now = clock.utc()
    limits = profile(TX, (0, 6000), (10, 0), (20, 11_000), start=now, more=own)
    assert station.profile_set(limits) is None
    run(station, clock, 1)
    assert station.power_kw == 6
    # One long step crosses the border: 10 s at 6 kW, 5 s at nothing.
    clock.move(14)
    station.tick()
    drawn_wh = station.ledger.register_wh - before_wh
    assert drawn_wh == pytest.approx(10 * 6 / 3.6, abs=2)
    assert station.power_kw == 0
    assert station.transaction.charging_state == "SuspendedEVSE"
    run(station, clock, 6)
    assert station.power_kw == 11
    assert station.transaction.charging_state == "Charging"

    # A station keeps its default over a restart; a profile of a transaction ends with it.
    assert station.profile_set(profile(TX_DEFAULT, (0, 4000), profile_id=2)) is None
    station.unplug()
    again = station_at(tmp_path / "s.json", clock)
    assert [one.profile_id for one in again.ledger.profiles] == [2]


@pytest.mark.asyncio
async def test_profiles_are_set_told_and_cleared_over_the_line(tmp_path: Path) -> None:
    csms = BareCsms()
    csms.answers["ReportChargingProfiles"] = lambda _: {}
    wanted: Payload = {
        "id": 7,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [
            {
                "id": 1,
                "startSchedule": "2026-01-01T00:00:00Z",
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 4200.0}],
            }
        ],
    }
    everything = {"requestId": 3, "chargingProfile": {"chargingProfilePurpose": "TxDefaultProfile"}}

    async with csms.listening(port := free_port()), running(tmp_path, port) as link:
        await eventually(lambda: link.station.online)
        cache = await csms.ask("ClearCache", {})
        none = await csms.ask("GetChargingProfiles", everything)
        taken = await csms.ask("SetChargingProfile", {"evseId": 1, "chargingProfile": wanted})
        refused = await csms.ask("SetChargingProfile", {"evseId": 4, "chargingProfile": wanted})
        found = await csms.ask("GetChargingProfiles", everything)
        await eventually(lambda: len(csms.said("ReportChargingProfiles")) == 1)
        composite = await csms.ask("GetCompositeSchedule", {"evseId": 1, "duration": 600})
        cleared = await csms.ask("ClearChargingProfile", {"chargingProfileId": 7})
        unknown = await csms.ask("ClearChargingProfile", {"chargingProfileId": 7})

    assert cache == taken == {"status": "Accepted"}
    assert none == {"status": "NoProfiles"}
    assert refused == {"status": "Rejected", "statusInfo": {"reasonCode": "UnknownEvse"}}
    assert found == {"status": "Accepted"}
    (report,) = csms.said("ReportChargingProfiles")
    assert report == {
        "requestId": 3,
        "chargingLimitSource": "CSO",
        "chargingProfile": [wanted],
        "evseId": 1,
        "tbc": False,
    }
    assert composite["schedule"]["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 4200.0, "numberPhases": 3}
    ]
    assert (cleared["status"], unknown["status"]) == ("Accepted", "Unknown")
