"""Partners set, ask for and clear charging profiles of their customers' sessions."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.chargers.models import ChargingProfile, Evse, LoadGroup, Session
from apps.chargers.services.charging_profiles import profile_set
from apps.ocpi.models import RemoteProfile
from apps.ocpi.services.remote_profile_news import DESTINATION, active_profile_now
from apps.ocpi.services.remote_results import profiles_in_sweep
from apps.outbox.models import OutboxMessage
from apps.outbox.services import outbox_deliver_due
from cariflex.common.time import utc_now
from tests.chargers.conftest import STATION_ID
from tests.chargers.server import A, Station, at, eventually
from tests.contracts.ocpi_partner import Reply
from tests.ocpi.commands.conftest import Provider, answer
from tests.ocpi.commands.test_commands_in import begin

ACCEPTED = {"result": "ACCEPTED", "timeout": 120}
PROFILE = {
    "charging_rate_unit": "A",
    "charging_profile_period": [
        {"start_period": 0, "limit": 16.5}, {"start_period": 900, "limit": 10},
    ],
}  # fmt: skip


class Profiles:
    """The provider's calls for one session."""

    def __init__(self, provider: Provider, session: Session | str) -> None:
        self.provider = provider
        name = session if isinstance(session, str) else str(session.pk)
        self.url = f"{provider.platform.ours('chargingprofiles', 'RECEIVER')}/{name}"
        self.base = provider.platform.address("chargingprofiles", "SENDER")

    def back(self) -> str:
        return f"{self.base}/{uuid.uuid4().hex}"

    def put(self, profile: dict[str, Any] | None = None, url: str = "") -> Reply:
        body = {"charging_profile": profile or PROFILE, "response_url": url or self.back()}
        return self.provider.platform.call("PUT", self.url, body)

    def get(self, duration: str = "900", url: str = "") -> Reply:
        back = url or self.back()
        return self.provider.platform.call(
            "GET", f"{self.url}?duration={duration}&response_url={back}"
        )

    def delete(self, url: str = "") -> Reply:
        return self.provider.platform.call(
            "DELETE", f"{self.url}?response_url={url or self.back()}"
        )

    def results(self) -> list[Any]:
        """What was POSTed to the response_urls."""
        self.provider.deliver()
        return [
            request.json()
            for request in self.provider.platform.requests
            if request.method == "POST" and "/chargingprofiles/" in request.path
        ]


@pytest.fixture
def session(station: Station, provider: Provider) -> Session:
    return begin(station, provider)


@pytest.fixture
def profiles(session: Session, provider: Provider) -> Profiles:
    return Profiles(provider, session)


def ended(method: str) -> RemoteProfile:
    def read() -> RemoteProfile | None:
        return (
            RemoteProfile.objects.filter(method=method, ended_at__isnull=False)
            .order_by("-pk")
            .first()
        )

    found = eventually(lambda: at(A, read))
    assert found is not None
    return found


def test_a_profile_is_set_replaced_and_cleared(
    station: Station, session: Session, profiles: Profiles
) -> None:
    assert profiles.put().data == ACCEPTED
    first = answer(station, "SetChargingProfile", {"status": "Accepted"})
    ended("PUT")
    assert profiles.put({"charging_rate_unit": "A", "charging_profile_period": [
        {"start_period": 0, "limit": 8}]}).data == ACCEPTED  # fmt: skip
    second = answer(station, "SetChargingProfile", {"status": "Accepted"})
    eventually(lambda: at(A, lambda: RemoteProfile.objects.exclude(ended_at=None).count()) == 2)
    assert profiles.delete().data == ACCEPTED
    third = answer(station, "ClearChargingProfile", {"status": "Accepted"})
    ended("DELETE")

    told = first["chargingProfile"]
    assert first["evseId"] == 1
    assert told == {
        "id": told["id"], "stackLevel": 1, "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative", "transactionId": session.transaction_id,
        "chargingSchedule": [
            {
                "id": 1, "chargingRateUnit": "A",
                "chargingSchedulePeriod": [
                    {"startPeriod": 0, "limit": 16.5}, {"startPeriod": 900, "limit": 10},
                ],
            }
        ],
    }  # fmt: skip
    assert second["chargingProfile"]["id"] == told["id"]
    assert third == {"chargingProfileId": told["id"]}
    assert profiles.results() == [{"result": "ACCEPTED"}] * 3
    assert at(A, lambda: ChargingProfile.objects.filter(status="accepted").count()) == 0


def test_an_absolute_profile_keeps_its_times(station: Station, profiles: Profiles) -> None:
    profile = {
        **PROFILE, "start_date_time": "2026-03-10T12:00:00Z", "duration": 1800,
        "min_charging_rate": 6,
    }  # fmt: skip

    assert profiles.put(profile).data == ACCEPTED

    told = answer(station, "SetChargingProfile", {"status": "Rejected"})["chargingProfile"]
    schedule = told["chargingSchedule"][0]
    assert told["chargingProfileKind"] == "Absolute"
    assert (schedule["startSchedule"], schedule["duration"]) == ("2026-03-10T12:00:00Z", 1800)
    assert schedule["minChargingRate"] == 6
    ended("PUT")
    assert profiles.results() == [{"result": "REJECTED"}]


def test_the_active_profile_is_the_stations_composite_schedule(
    station: Station, profiles: Profiles
) -> None:
    assert profiles.get("1200").data == ACCEPTED
    request = answer(
        station,
        "GetCompositeSchedule",
        {
            "status": "Accepted",
            "schedule": {
                "evseId": 1, "duration": 1200, "scheduleStart": "2026-03-10T12:00:00.5Z",
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [
                    {"startPeriod": 0, "limit": 16.55}, {"startPeriod": 600, "limit": 0},
                ],
            },
        },
    )  # fmt: skip
    ended("GET")

    assert request == {"evseId": 1, "duration": 1200}
    start = "2026-03-10T12:00:00.500Z"
    assert profiles.results() == [
        {
            "result": "ACCEPTED",
            "profile": {
                "start_date_time": start,
                "charging_profile": {
                    "start_date_time": start, "duration": 1200, "charging_rate_unit": "A",
                    "charging_profile_period": [
                        {"start_period": 0, "limit": 16.5}, {"start_period": 600, "limit": 0},
                    ],
                },
            },
        }
    ]  # fmt: skip


def test_clearing_what_was_never_set_is_unknown_and_asks_nothing(
    station: Station, profiles: Profiles
) -> None:
    assert profiles.delete().data == ACCEPTED

    assert profiles.results() == [{"result": "UNKNOWN"}]


def test_only_the_providers_own_running_session_takes_profiles(
    station: Station, session: Session, provider: Provider, stranger: Provider
) -> None:
    theirs = Profiles(stranger, session)
    nobodys = Profiles(provider, "4711")

    assert theirs.put().data["result"] == "REJECTED"
    assert theirs.get().data["result"] == theirs.delete().data["result"] == "REJECTED"
    assert nobodys.put().data["result"] == "UNKNOWN_SESSION"
    at(A, lambda: Session.objects.update(state="ended", ended_at=utc_now()))
    assert Profiles(provider, session).put().data == {"result": "REJECTED", "timeout": 0}
    assert at(A, ChargingProfile.objects.count) == 0


def test_a_load_group_refuses_what_would_stand_above_its_limit(
    station: Station, profiles: Profiles
) -> None:
    def limit() -> None:
        group = LoadGroup.objects.create(name="Quay", cap_a=32)
        group.members.create(evse=Evse.objects.get(evse_id=1), limit_a=16)

    at(A, limit)

    assert profiles.put().data["result"] == "REJECTED"
    assert profiles.results() == []


@pytest.mark.parametrize(
    "periods", [None, [], [{"start_period": 60, "limit": 10}]], ids=["none", "empty", "late"]
)
def test_a_profile_without_a_beginning_is_rejected(
    station: Station, profiles: Profiles, periods: Any
) -> None:
    profile = {"charging_rate_unit": "W", "charging_profile_period": periods}

    assert profiles.put(profile).data["result"] == "REJECTED"


def test_the_same_order_again_orders_nothing(station: Station, profiles: Profiles) -> None:
    url = profiles.back()

    assert profiles.put(url=url).data == profiles.put(url=url).data == ACCEPTED
    answer(station, "SetChargingProfile", {"status": "Accepted"})
    ended("PUT")

    assert at(A, RemoteProfile.objects.count) == at(A, ChargingProfile.objects.count) == 1
    assert profiles.results() == [{"result": "ACCEPTED"}]


def test_more_than_a_station_bears_is_too_often(station: Station, profiles: Profiles) -> None:
    words = [profiles.delete().data["result"] for _one in range(11)]

    assert words == ["ACCEPTED"] * 10 + ["TOO_OFTEN"]


def test_no_answer_in_time_is_rejected(station: Station, profiles: Profiles) -> None:
    profiles.put()
    station.receive()

    assert at(A, lambda: profiles_in_sweep(now=utc_now() + timedelta(seconds=101))) == 1
    assert profiles.results() == [{"result": "REJECTED"}]


@pytest.mark.parametrize(
    ("query", "status_code"),
    [
        ("", 2002), ("duration=900", 2002), ("duration=abc&response_url={back}", 2001),
        ("duration=-1&response_url={back}", 2001), ("duration=0&response_url={back}", 2001),
        ("duration=900&response_url=http://10.0.0.1/", 2001),
        ("duration=900&response_url=ftp://127.0.0.1/", 2001),
    ],
)  # fmt: skip
def test_a_question_that_is_none_names_what_is_wrong(
    station: Station, profiles: Profiles, query: str, status_code: int
) -> None:
    url = f"{profiles.url}?{query.format(back=profiles.back())}"

    reply = profiles.provider.platform.call("GET", url)

    assert (reply.http, reply.status_code) == (200, status_code)
    assert at(A, RemoteProfile.objects.count) == 0


# --- news of what holds ---


def news(profiles: Profiles) -> list[tuple[str, Any]]:
    """ActiveChargingProfiles that were PUT at the provider: (path, body)."""
    name = f"{DESTINATION}:{profiles.provider.partner.pk}"
    at(A, lambda: outbox_deliver_due(destination_name=name))
    return [
        (request.path, request.json())
        for request in profiles.provider.platform.requests
        if request.method == "PUT"
    ]


def test_the_provider_is_told_when_others_limit_its_session(
    station: Station, session: Session, profiles: Profiles
) -> None:
    def limit(current_a: float) -> None:
        profile_set(
            station_id=STATION_ID,
            evse_id=0,
            profile={
                "id": 500, "stackLevel": 0, "chargingProfilePurpose": "ChargingStationMaxProfile",
                "chargingProfileKind": "Absolute",
                "chargingSchedule": [
                    {
                        "startSchedule": "2026-03-10T12:00:00Z", "chargingRateUnit": "A",
                        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": current_a}],
                    }
                ],
            },
        )  # fmt: skip

    at(A, lambda: limit(20))
    answer(station, "SetChargingProfile", {"status": "Accepted"})
    profiles.put()
    answer(station, "SetChargingProfile", {"status": "Accepted"})
    ended("PUT")
    before = news(profiles)
    at(A, lambda: limit(8))
    answer(station, "SetChargingProfile", {"status": "Accepted"})
    eventually(lambda: at(A, lambda: OutboxMessage.objects.filter(kind="active").count()))

    ((path, body),) = news(profiles)

    assert before == []
    assert path.endswith(f"/sender/chargingprofiles/{session.pk}")
    told = body["charging_profile"]
    assert (told["charging_rate_unit"], told["duration"]) == ("A", 900)
    assert told["charging_profile_period"] == [{"start_period": 0, "limit": 8}]
    assert body["start_date_time"] == told["start_date_time"]


def test_what_an_evse_can_give_is_told_where_nothing_limits(
    station: Station, session: Session
) -> None:
    def told(unit: str) -> Any:
        row = Session.objects.select_related("station", "evse").get(pk=session.pk)
        return active_profile_now(row, unit, utc_now())["charging_profile"]

    # 22 kW at 3 x 230 V: 31.88 A, cut to a tenth.
    assert at(A, lambda: told("A"))["charging_profile_period"] == [
        {"start_period": 0, "limit": Decimal("31.8")}
    ]
    assert at(A, lambda: told("W"))["charging_profile_period"] == [
        {"start_period": 0, "limit": Decimal("22000.0")}
    ]
