"""Charging profiles over real sockets: set, cleared, reported, composite schedules compared."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.chargers.choices import ProfileStatus
from apps.chargers.models import ChargingProfile, Command, DeviceVariable
from apps.chargers.models import ChargingStation as StationRow
from apps.chargers.selectors.charging_profiles import (
    ProfileDraft,
    composite_preview,
    profile_draft_check,
)
from apps.chargers.services.charging_limits import session_profiles_end
from apps.chargers.services.charging_profiles import (
    composite_schedule,
    profile_clear,
    profile_set,
    profiles_ask,
    profiles_clear,
)
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.chargers.conftest import PASSWORD_B, STATION_ID
from tests.chargers.events import event
from tests.chargers.server import A, B, Station, at, eventually
from tests.chargers.smart_charging.conftest import Connect, answer

START = datetime(2026, 3, 9, tzinfo=UTC)
TWO = pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
EVERY = pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])


def default(limit: float = 16, **more: Any) -> dict[str, Any]:
    return {
        "stackLevel": 1,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [
            {
                "chargingRateUnit": "A",
                "startSchedule": "2026-03-09T00:00:00Z",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
            }
        ],
    } | more


def put(profile: dict[str, Any], *, operator: str = A) -> ChargingProfile:
    return at(operator, lambda: profile_set(station_id=STATION_ID, evse_id=1, profile=profile))


def status(row: ChargingProfile) -> str:
    return str(at(A, lambda: ChargingProfile.objects.get(pk=row.pk).status))


def preview(unit: str = "A") -> list[float | None]:
    periods = at(
        A,
        lambda: composite_preview(
            station_id=STATION_ID, evse_id=1, start=START, duration_s=600, unit=unit
        ),
    )
    return [one.total for one in periods]


def session_starts(station: Station) -> None:
    station.tell(
        "TransactionEvent",
        event(0, "Started", "2026-03-08T23:00:00Z", evse_id=1, chargingState="Charging"),
    )


@EVERY
def test_a_profile_is_set_and_cleared(connect: Connect, version: str) -> None:
    station = connect(version)

    row = put(default())
    asked = answer(station, "SetChargingProfile", {"status": "Accepted"})
    eventually(lambda: status(row) == ProfileStatus.ACCEPTED)

    profile = asked.get("chargingProfile") or asked["csChargingProfiles"]
    schedule = profile["chargingSchedule"]
    schedule = schedule if version == "ocpp1.6" else schedule[0]
    assert schedule["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 16}]
    assert preview() == [16]

    at(A, lambda: profile_clear(profile_pk=row.pk))
    asked = answer(station, "ClearChargingProfile", {"status": "Accepted"})
    eventually(lambda: status(row) == ProfileStatus.CLEARED)
    assert asked == {"id" if version == "ocpp1.6" else "chargingProfileId": row.profile_id}
    assert preview() == [None]
    assert at(B, ChargingProfile.objects.count) == 0


@TWO
def test_a_refused_profile_leaves_the_one_it_was_to_replace(connect: Connect, version: str) -> None:
    station = connect(version)
    first = put(default(16))
    answer(station, "SetChargingProfile", {"status": "Accepted"})
    eventually(lambda: status(first) == ProfileStatus.ACCEPTED)

    second = put(default(10, id=first.profile_id))
    assert status(first) == ProfileStatus.ENDED
    answer(station, "SetChargingProfile", {"status": "Rejected"})

    eventually(lambda: status(second) == ProfileStatus.REJECTED)
    assert (status(first), preview()) == (ProfileStatus.ACCEPTED, [16])


def test_profiles_are_cleared_by_what_they_have_in_common(connect: Connect) -> None:
    station = connect()
    rows = []
    for level in (1, 2):
        rows.append(put(default(10 + level, stackLevel=level)))
        answer(station, "SetChargingProfile", {"status": "Accepted"})
        eventually(lambda: status(rows[-1]) == ProfileStatus.ACCEPTED)

    at(A, lambda: profiles_clear(station_id=STATION_ID, evse_id=1, stack_level=2))
    asked = answer(station, "ClearChargingProfile", {"status": "Accepted"})

    assert asked == {"chargingProfileCriteria": {"evseId": 1, "stackLevel": 2}}
    eventually(lambda: status(rows[1]) == ProfileStatus.CLEARED)
    assert status(rows[0]) == ProfileStatus.ACCEPTED


def test_a_profile_that_breaks_a_rule_is_not_sent(connect: Connect) -> None:
    station = connect()
    profile = default()
    profile["chargingSchedule"][0]["chargingSchedulePeriod"][0]["startPeriod"] = 60

    with pytest.raises(DomainError) as refused:
        put(profile)

    assert refused.value.code == "profile.rule_broken"
    assert refused.value.message.startswith("K01.FR.31")
    assert refused.value.field == "chargingSchedule[0].chargingSchedulePeriod[0].startPeriod"
    assert at(A, ChargingProfile.objects.count) == at(A, Command.objects.count) == 0
    with pytest.raises(TimeoutError):
        station.socket.recv(timeout=0.2)


def test_a_draft_is_checked_against_what_the_station_said(connect: Connect) -> None:
    connect()

    def say() -> None:
        station = StationRow.objects.get(station_id=STATION_ID)
        for variable, value in (("PeriodsPerSchedule", "1"), ("RateUnit", "A")):
            DeviceVariable.objects.create(
                station=station, component="SmartChargingCtrlr", variable=variable, value=value,
                reported_at=utc_now(),
            )  # fmt: skip

    def check(profile: dict[str, Any]) -> list[str]:
        draft = ProfileDraft(STATION_ID, 1, profile)
        return [one.rule for one in at(A, lambda: profile_draft_check(draft))]

    at(A, say)
    watts = default()
    watts["chargingSchedule"][0]["chargingRateUnit"] = "W"
    watts["chargingSchedule"][0]["chargingSchedulePeriod"].append({"startPeriod": 9, "limit": 1})

    assert check(default()) == []
    assert check(watts) == ["K01.FR.26", "SmartChargingCtrlr.PeriodsPerSchedule"]
    assert check({"stackLevel": 0}) == ["schema"]


def test_an_absent_station_takes_no_profile(connect: Connect) -> None:
    row = put(default(), operator=B)

    assert (row.status, row.command.error) == (  # type: ignore[union-attr]
        ProfileStatus.REJECTED,
        "The station is not connected.",
    )


@TWO
def test_a_profile_of_a_session_ends_with_it(connect: Connect, version: str) -> None:
    station = connect(version)
    session_starts(station)
    row = put(default(chargingProfilePurpose="TxProfile", transactionId="tx-1"))
    answer(station, "SetChargingProfile", {"status": "Accepted"})
    eventually(lambda: status(row) == ProfileStatus.ACCEPTED)
    assert at(A, lambda: session_profiles_end(now=utc_now())) == 0

    station.tell("TransactionEvent", event(1, "Ended", "2026-03-09T01:00:00Z"))

    assert at(A, lambda: session_profiles_end(now=utc_now())) == 1
    assert status(row) == ProfileStatus.ENDED


@TWO
def test_what_a_station_holds_is_reported(connect: Connect, version: str) -> None:
    station = connect(version)
    command = at(A, lambda: profiles_ask(station_id=STATION_ID, evse_id=1))
    asked = answer(station, "GetChargingProfiles", {"status": "Accepted"})
    assert asked == {"requestId": command.pk, "evseId": 1, "chargingProfile": {}}

    profile = default(9.5, id=77)
    profile["chargingSchedule"][0]["id"] = 1
    report = {
        "requestId": command.pk,
        "chargingLimitSource": "CSO",
        "evseId": 1,
        "chargingProfile": [profile],
    }
    for _ in range(2):
        assert station.tell("ReportChargingProfiles", report) == {}

    rows = at(A, lambda: list(ChargingProfile.objects.all()))
    assert [(one.profile_id, one.source, one.status) for one in rows] == [
        (77, "station", "accepted")
    ]
    assert preview() == [9.5]
    profile["chargingSchedule"][0]["startSchedule"] = "soon"
    assert station.call("ReportChargingProfiles", report)[2] == "FormatViolation"


@TWO
def test_limits_of_others_come_and_go(connect: Connect, version: str) -> None:
    station = connect(version)
    limit: dict[str, Any] = {
        "chargingLimit": {"chargingLimitSource": "EMS", "isGridCritical": True},
        "chargingSchedule": [
            {"id": 1, "chargingRateUnit": "A", "startSchedule": "2026-03-09T00:00:00Z",
             "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 7}]},
        ],
    }  # fmt: skip

    assert station.tell("NotifyChargingLimit", limit) == {}
    assert preview() == [7]
    limit["chargingSchedule"][0]["chargingSchedulePeriod"][0]["limit"] = 8
    station.tell("NotifyChargingLimit", limit)
    assert preview() == [8]
    station.tell("ClearedChargingLimit", {"chargingLimitSource": "EMS"})
    assert preview() == [None]
    # A limit that is not told in figures is known, and counts as nothing.
    del limit["chargingSchedule"]
    station.tell("NotifyChargingLimit", limit)
    assert preview() == [None]
    assert at(A, lambda: ChargingProfile.objects.filter(status="accepted").count()) == 1


@TWO
@pytest.mark.parametrize(
    ("told", "differences"),
    [
        ([{"startPeriod": 0, "limit": 16}], []),
        (
            [{"startPeriod": 0, "limit": 16}, {"startPeriod": 300, "limit": 20}],
            [{"start_s": 300, "ours": 16, "theirs": 20}],
        ),
    ],
)
def test_a_composite_schedule_stands_beside_ours(
    connect: Connect, version: str, told: list[Any], differences: list[Any]
) -> None:
    station = connect(version)
    put(default())
    answer(station, "SetChargingProfile", {"status": "Accepted"})
    told = [{"numberPhases": 3, **one} for one in told]

    command = at(
        A, lambda: composite_schedule(station_id=STATION_ID, evse_id=1, duration_s=600, unit="A")
    )
    asked = answer(
        station,
        "GetCompositeSchedule",
        {
            "status": "Accepted",
            "schedule": {
                "evseId": 1, "duration": 600, "scheduleStart": "2026-03-09T00:00:00Z",
                "chargingRateUnit": "A", "chargingSchedulePeriod": told,
            },
        },
    )  # fmt: skip

    assert asked == {"evseId": 1, "duration": 600, "chargingRateUnit": "A"}
    kept = eventually(lambda: at(A, lambda: Command.objects.get(pk=command.pk).answer))
    assert kept["schedule"]["chargingSchedulePeriod"] == told
    assert kept["calculated"]["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 16, "numberPhases": 3}
    ]
    assert kept["calculated"]["differences"] == differences


def test_a_composite_schedule_of_1_6_is_compared_too(connect: Connect) -> None:
    station = connect("ocpp1.6")
    command = at(A, lambda: composite_schedule(station_id=STATION_ID, evse_id=1, duration_s=600))
    answer(
        station,
        "GetCompositeSchedule",
        {
            "status": "Accepted", "connectorId": 1, "scheduleStart": "2026-03-09T00:00:00Z",
            "chargingSchedule": {
                "duration": 600, "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 32.0}],
            },
        },
    )  # fmt: skip

    kept = eventually(lambda: at(A, lambda: Command.objects.get(pk=command.pk).answer))
    assert kept["calculated"]["differences"] == []


def test_what_a_car_wants_is_answered_honestly(connect: Connect) -> None:
    needs = {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "DC"}}
    schedule = {
        "timeBase": "2026-03-09T00:00:00Z",
        "evseId": 1,
        "chargingSchedule": {
            "id": 1,
            "chargingRateUnit": "A",
            "duration": 60,
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
        },
    }

    for version, status in (("ocpp2.0.1", "Rejected"), ("ocpp2.1", "NoChargingProfile")):
        station = connect(version)
        assert station.tell("NotifyEVChargingNeeds", needs) == {"status": status}
        assert station.tell("NotifyEVChargingSchedule", schedule) == {"status": "Accepted"}


def test_profiles_of_two_operators_live_apart(connect: Connect) -> None:
    ours, theirs = connect(), connect(operator=B, password=PASSWORD_B)

    rows = [put(default(limit), operator=name) for limit, name in ((16, A), (8, B))]
    answer(theirs, "SetChargingProfile", {"status": "Rejected"})
    answer(ours, "SetChargingProfile", {"status": "Accepted"})

    assert [row.profile_id for row in rows] == [1, 1]
    eventually(lambda: status(rows[0]) == ProfileStatus.ACCEPTED)
    eventually(lambda: at(B, lambda: ChargingProfile.objects.get().status) == "rejected")
    later = START + timedelta(minutes=1)
    there = at(
        B,
        lambda: composite_preview(station_id=STATION_ID, evse_id=1, start=later, duration_s=60),
    )
    assert there[0].total is None
    with pytest.raises(DomainError, match="not in force"):
        at(B, lambda: profile_clear(profile_pk=rows[0].pk))
