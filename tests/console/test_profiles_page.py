"""The pages of charging profiles: the list, the composite schedule, the editor and its rules."""

import ast
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override

from apps.accounts.roles import Role
from apps.chargers.choices import CommandStatus
from apps.chargers.models import ChargingProfile, ChargingStation, Command, DeviceVariable
from apps.chargers.ocpp.smart_charging import profile_rules
from apps.chargers.services import command_claim, command_finish, station_register
from apps.chargers.services.charging_profiles import profile_set
from apps.chargers.services.load_groups import load_group_member_set, load_group_save
from apps.console.rule_words import FORMS, RULE_SENTENCES, sentence_words
from apps.tenants.context import operator_context

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
PERIOD = "chargingSchedule[0].chargingSchedulePeriod"


@pytest.fixture
def station(operator_a: object, now: datetime, monkeypatch: pytest.MonkeyPatch) -> ChargingStation:
    """CS-1 of Guadeloupe, connected, 2.0.1."""
    for module in ("apps.console.views.profiles", "apps.chargers.selectors.charging_profiles"):
        monkeypatch.setattr(f"{module}.utc_now", lambda: now)
    with operator_context("guadeloupe"):
        station_register(station_id="CS-1", rated_power_kw=22, name="Quay")
        ChargingStation.objects.update(connection_state="online", ocpp_version="2.0.1")
        return ChargingStation.objects.get()


def filled(**changes: Any) -> dict[str, Any]:
    """A daily profile: 16 A from 11:00 local, 8 A two hours later."""
    return {
        "station": "CS-1", "evse": "1", "purpose": "TxDefaultProfile", "kind": "Recurring",
        "recurrency": "Daily", "stack_level": "0", "unit": "A", "start": "2026-11-23T11:00",
        "period_start": ["0:00", "2:00"], "period_limit": ["16", "8,5"],
        "period_phases": ["3", ""], "period_setpoint": ["", ""], "period_discharge": ["", ""],
        "reason": "quiet evenings", **changes,
    }  # fmt: skip


def stored(limit: float = 16, **changes: Any) -> ChargingProfile:
    profile = {
        "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [{
            "chargingRateUnit": "A", "startSchedule": "2026-11-23T00:00:00Z",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
        }],
    } | changes  # fmt: skip
    row = profile_set(station_id="CS-1", evse_id=1, profile=profile)
    assert row.command is not None
    now = row.requested_at
    command_claim(command_id=row.command.pk, station_pk=row.station_id, now=now)
    command_finish(
        command_id=row.command.pk, status=CommandStatus.ACCEPTED, now=now,
        answer={"status": "Accepted"},
    )  # fmt: skip
    row.refresh_from_db()
    return row


def shown(text: str) -> list[str]:
    return re.findall(r'<tr data-profile="(\d+)"', text)


def test_a_profile_is_set_with_local_times(station: ChargingStation, signed_in: SignIn) -> None:
    reply = signed_in("guadeloupe").post("/charging/profiles/save", filled())

    assert reply.headers["Location"] == "/charging/profiles/?station=CS-1&evse=1"
    row = ChargingProfile.objects.get()
    assert (row.status, row.purpose, row.recurrency) == ("requested", "TxDefaultProfile", "Daily")
    schedule = row.schedules[0]
    # 11:00 in Guadeloupe is 15:00 UTC.
    assert schedule["startSchedule"] == "2026-11-23T15:00:00Z"
    assert schedule["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 16.0, "numberPhases": 3},
        {"startPeriod": 7200, "limit": 8.5},
    ]
    assert row.command is not None
    assert (row.command.reason, row.requested_by.username) == ("quiet evenings", "somebody")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"period_start": ["1:00", "2:00"]}, f"{PERIOD}[0].startPeriod", "K01.FR.31"),
        ({"period_start": ["0:00", "0:00"]}, f"{PERIOD}[1].startPeriod", "K01.FR.35"),
        ({"period_start": ["0:00", "2h"]}, f"{PERIOD}[1].startPeriod", "Hours and minutes"),
        ({"period_limit": ["16", "-1"]}, f"{PERIOD}[1].limit", "A limit is 0 or more"),
        ({"period_limit": ["16", "nan"]}, f"{PERIOD}[1].limit", "This is not a number."),
        ({"evse": "7"}, "evseId", "The station has no EVSE 7."),
        ({"purpose": "TxProfile"}, "transactionId", "A TxProfile names its transaction."),
        ({"recurrency": ""}, "recurrencyKind", "daily or weekly"),
        ({"start": ""}, "chargingSchedule[0].startSchedule", "Recurring needs a start."),
        ({"start": "soon"}, "chargingSchedule[0].startSchedule", "A day and a time."),
        ({"duration": "30:00"}, "chargingSchedule[0].duration", "begins anew"),
        ({"valid_to": "2020-01-01T00:00"}, "validTo", "K01.FR.37: It has ended already."),
        ({"kind": "Nonsense"}, "chargingProfileKind", "schema"),
        ({"station": "CS-9"}, "station", "There is no such station."),
        ({"stack_level": "x"}, "stackLevel", "A whole number"),
    ],
)  # fmt: skip
def test_a_rule_that_fails_is_told_at_its_field(
    changes: dict[str, Any], place: str, words: str, station: ChargingStation, signed_in: SignIn
) -> None:
    client = signed_in("guadeloupe")

    told = client.post("/charging/profiles/preview", filled(**changes)).json()
    reply = client.post("/charging/profiles/save", filled(**changes))

    assert words in " ".join(told["errors"][place]), told["errors"]
    assert reply.status_code == 422
    assert words in reply.content.decode()
    assert 'value="quiet evenings"' in reply.content.decode()
    assert not ChargingProfile.objects.exists()
    assert not Command.objects.exists()


def test_the_preview_draws_the_limit_before_and_after(
    station: ChargingStation, signed_in: SignIn, now: datetime
) -> None:
    stored(20, stackLevel=3)

    told = signed_in("guadeloupe").post(
        "/charging/profiles/preview", filled(stack_level="4", kind="Absolute", recurrency="")
    ).json()  # fmt: skip

    drawn = told["drawn"]
    assert told["errors"] == {}
    assert drawn["unit"] == "A"
    before, after = drawn["limits"]
    # From 11:07:30: 16 A until 13:00 local, then 8.5 A to the end of the day.
    assert [t - int(now.timestamp()) for t in drawn["times_s"]] == [0, 6750, 86400]
    assert before == [20.0, 20.0, 20.0]
    assert after == [16.0, 8.5, 8.5]
    assert [one["limit"] for one in told["periods"]] == [16.0, 8.5]
    assert ChargingProfile.objects.count() == 1


def test_a_station_of_watts_is_drawn_in_kw(
    station: ChargingStation, signed_in: SignIn, now: datetime
) -> None:
    DeviceVariable.objects.create(
        station=station, component="SmartChargingCtrlr", variable="RateUnit", value="W",
        attribute="Actual", reported_at=now,
    )  # fmt: skip
    client = signed_in("guadeloupe")

    wrong = client.post("/charging/profiles/preview", filled()).json()
    told = client.post(
        "/charging/profiles/preview", filled(unit="W", period_limit=["11000", "5000"])
    ).json()

    assert "K01.FR.26" in wrong["errors"]["chargingSchedule[0].chargingRateUnit"][0]
    assert len(wrong["drawn"]["limits"]) == 1
    assert (told["drawn"]["unit"], told["drawn"]["limits"][1][0]) == ("kW", 11.0)


def test_the_list_shows_what_is_in_force_and_what_it_comes_to(
    station: ChargingStation, signed_in: SignIn
) -> None:
    row = stored(16)
    client = signed_in("guadeloupe")

    text = client.get("/charging/profiles/?station=CS-1").content.decode()

    assert shown(text) == [str(row.pk)]
    assert "16\u00a0A" in text
    assert "What CS-1 may draw" in text
    assert '"limits": [[16.0, 16.0]]' in text
    assert (
        "There is no such station." in client.get("/charging/profiles/?station=x").content.decode()
    )
    elsewhere = signed_in("martinique").get("/charging/profiles/?station=CS-1").content.decode()
    assert not shown(elsewhere)
    assert "There is no such station." in elsewhere


def test_a_stored_profile_is_changed_in_its_place(
    station: ChargingStation, signed_in: SignIn
) -> None:
    row = stored(16)
    client = signed_in("guadeloupe")

    form = client.get(f"/charging/profiles/edit?profile={row.pk}").content.decode()
    reply = client.post(
        "/charging/profiles/save", filled(id=str(row.profile_id), kind="Absolute", recurrency="")
    )

    assert 'value="2026-11-22T20:00"' in form
    assert 'name="period_limit" value="16"' in form
    assert reply.status_code == 302
    row.refresh_from_db()
    assert row.status == "ended"
    assert ChargingProfile.objects.exclude(pk=row.pk).get().profile_id == row.profile_id
    assert (
        signed_in("martinique").get(f"/charging/profiles/edit?profile={row.pk}").status_code == 404
    )


def test_a_profile_is_cleared(station: ChargingStation, signed_in: SignIn) -> None:
    row = stored(16)
    address = f"/charging/profiles/{row.pk}/clear"

    assert signed_in("martinique").post(address).status_code == 404
    signed_in("guadeloupe").post(address)

    clear = Command.objects.get(action="ClearChargingProfile")
    assert clear.payload == {"chargingProfileId": row.profile_id}
    assert clear.requested_by is not None
    Command.objects.filter(pk=clear.pk).delete()
    ChargingProfile.objects.update(status="ended")
    again = signed_in("guadeloupe").post(address, follow=True).content.decode()
    assert "The profile is not in force." in again


def test_a_station_is_asked_for_its_own_schedule(
    station: ChargingStation, signed_in: SignIn
) -> None:
    client = signed_in("guadeloupe")

    reply = client.post(
        "/charging/profiles/ask", {"station": "CS-1", "evse": "1", "what": "composite"}
    )
    client.post("/charging/profiles/ask", {"station": "CS-1", "what": "profiles"})

    composite = Command.objects.get(action="GetCompositeSchedule")
    assert reply.headers["Location"] == f"/charging/commands/{composite.pk}/"
    assert composite.payload == {"evseId": 1, "duration": 86400}
    assert Command.objects.filter(action="GetChargingProfiles").count() == 1


def test_a_16_station_gets_the_profile_translated(
    station: ChargingStation, signed_in: SignIn
) -> None:
    ChargingStation.objects.update(ocpp_version="1.6")
    client = signed_in("guadeloupe")

    facts = client.get("/charging/profiles/facts?station=CS-1&evse=1").json()
    client.post("/charging/profiles/save", filled(period_limit=["16,27", "8"]))

    assert facts == {"evse_ids": [0, 1], "version": "1.6", "transaction_id": ""}
    told = Command.objects.get().payload["csChargingProfiles"]
    assert [p["limit"] for p in told["chargingSchedule"]["chargingSchedulePeriod"]] == [16.2, 8]


def test_a_load_group_stands_in_the_way(station: ChargingStation, signed_in: SignIn) -> None:
    group = load_group_save(name="Marina", cap_a=40)
    load_group_member_set(group_id=group.pk, evse_pk=station.evses.get().pk)

    told = signed_in("guadeloupe").post(
        "/charging/profiles/preview", filled(purpose="ChargingStationMaxProfile", evse="0")
    ).json()  # fmt: skip

    assert "Load group Marina limits this EVSE" in told["errors"]["chargingProfilePurpose"][0]


def test_who_may_not_set_sees_and_changes_nothing(
    station: ChargingStation, signed_in: SignIn
) -> None:
    row = stored(16)
    analyst = signed_in("guadeloupe", Role.ANALYST)

    text = analyst.get("/charging/profiles/?station=CS-1").content.decode()

    assert shown(text) == [str(row.pk)]
    assert "New profile" not in text
    assert f"/charging/profiles/{row.pk}/clear" not in text
    for address in (f"/charging/profiles/{row.pk}/clear", "/charging/profiles/save",
                    "/charging/profiles/ask"):  # fmt: skip
        assert analyst.post(address, filled()).status_code == 403
    assert analyst.get("/charging/profiles/edit").status_code == 403
    assert Command.objects.count() == 1


def test_more_profiles_ask_no_more_queries(
    station: ChargingStation, signed_in: SignIn, now: datetime,
    queries_at_most: Callable[[int], AbstractContextManager[None]],
) -> None:  # fmt: skip
    row = stored(16)
    for number in range(2, 40):
        row.pk, row.profile_id, row.status = None, number, "accepted"
        row.stack_level, row.valid_from = number, now + timedelta(days=1)
        row.save(force_insert=True)
    client = signed_in("guadeloupe")

    with queries_at_most(9):
        first = client.get("/charging/profiles/").content.decode()
    older = re.search(r'href="\?([^"]+)">Older', first)
    assert older is not None
    second = client.get("/charging/profiles/?" + older[1].replace("&amp;", "&")).content.decode()

    assert (len(shown(first)), len(shown(second))) == (25, 14)


# --- the words of rules ---


def rule_sentences() -> Iterator[str]:
    """Every sentence of the rules; figures stand as X."""
    for path in Path(profile_rules.__file__).parent.glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if getattr(getattr(call, "func", None), "id", "") != "RuleBroken":
                continue
            said = call.args[2]  # type: ignore[attr-defined]
            if isinstance(said, ast.Constant):
                yield said.value
            elif isinstance(said, ast.JoinedStr):
                yield "".join(p.value if isinstance(p, ast.Constant) else "X" for p in said.values)


def test_every_sentence_of_the_rules_has_words() -> None:
    said = set(rule_sentences())

    assert len(said) > 40
    assert {one for one in said if not RULE_SENTENCES.knows(one)} == set()


def test_figures_go_into_the_translated_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with override("fr"):
        monkeypatch.setattr(
            "apps.console.sentences.gettext",
            lambda text: {"The station has no EVSE %(evse)s.": "Pas d'EVSE %(evse)s."}[text],
        )
        assert sentence_words("The station has no EVSE 7.") == "Pas d'EVSE 7."
    assert sentence_words("Nobody knows this one.") == "Nobody knows this one."
    assert len(FORMS) == len(set(FORMS))
