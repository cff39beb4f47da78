"""The pages of load groups: cap, limits and draw, over time too, and what may be changed."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.chargers.models import (
    ChargingStation,
    Command,
    Evse,
    LoadGroup,
    LoadGroupMember,
    MeterValue,
    Session,
)
from apps.chargers.selectors.load_group_history import group_history
from apps.chargers.selectors.load_groups import LOAD_GROUP_IDS
from apps.chargers.services import station_register
from apps.chargers.services.load_groups import load_group_member_set, load_group_save
from apps.console.viewmodels.load_groups import area_path, step_path
from apps.tenants.context import operator_context
from cariflex.common.ids import new_id

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def group(operator_a: object, now: datetime, monkeypatch: pytest.MonkeyPatch) -> LoadGroup:
    """Marina, 40 A at 230 V: CS-1 (three phases) and CS-2 (one phase), both connected."""
    monkeypatch.setattr("apps.console.views.load_groups.utc_now", lambda: now)
    monkeypatch.setattr("apps.chargers.selectors.load_groups.utc_now", lambda: now)
    with operator_context("guadeloupe"):
        for number in (1, 2, 3):
            station_register(station_id=f"CS-{number}", rated_power_kw=22, name=f"Quay {number}")
        ChargingStation.objects.update(connection_state="online", ocpp_version="2.0.1")
        made = load_group_save(name="Marina", cap_a=40)
        for station_id, phases in (("CS-1", 3), ("CS-2", 1)):
            evse = Evse.objects.get(station__station_id=station_id)
            load_group_member_set(group_id=made.pk, evse_pk=evse.pk, phases=phases)
        return made


def accepted(station_id: str, limit: float, at: datetime, *, unit: str = "A") -> Command:
    """A limit of a group that the station took at an instant."""
    return Command.objects.create(
        station=ChargingStation.objects.get(station_id=station_id),
        action="SetChargingProfile", status="accepted", requested_at=at, sent_at=at,
        answered_at=at, correlation_id=new_id(),
        payload={"evseId": 0, "chargingProfile": {
            "id": LOAD_GROUP_IDS, "chargingSchedule": [{
                "chargingRateUnit": unit,
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
            }],
        }},
    )  # fmt: skip


def charging(station_id: str, since: datetime, powers: dict[datetime, float]) -> Session:
    station = ChargingStation.objects.get(station_id=station_id)
    session = Session.objects.create(
        station=station, evse=Evse.objects.get(station=station), transaction_id="TX",
        started_at=since, charging_state="Charging", power_kw=list(powers.values())[-1],
        measured_at=max(powers),
    )  # fmt: skip
    for number, (at, power_kw) in enumerate(powers.items()):
        MeterValue.objects.create(
            station=station, session=session, seq_no=number, at=at, unit="kW",
            measurand="Power.Active.Import", value=Decimal(str(power_kw)),
        )  # fmt: skip
    return session


def test_the_history_is_that_of_the_orders_and_meters(group: LoadGroup, now: datetime) -> None:
    start = now - 4 * MINUTE
    accepted("CS-1", 16, start - timedelta(hours=1))
    accepted("CS-1", 10, start + MINUTE)
    accepted("CS-2", 2300, start + 2 * MINUTE, unit="W")
    Command.objects.create(
        station=ChargingStation.objects.get(station_id="CS-1"), action="ClearChargingProfile",
        status="accepted", requested_at=now, answered_at=start + 3 * MINUTE,
        correlation_id=new_id(), payload={"chargingProfileId": LOAD_GROUP_IDS},
    )  # fmt: skip
    # 6.9 kW on three phases of 230 V are 10 A; then 3.45 kW, 5 A.
    charging("CS-1", start + MINUTE, {start + MINUTE: 6.9, start + 3 * MINUTE: 3.45})

    history = group_history(group_id=group.pk, start=start, end=now, slot=MINUTE)

    assert history is not None
    first, second = history.members
    assert first.limits_a == (16.0, 10.0, 10.0, None)
    assert second.limits_a == (None, None, 10.0, 10.0)
    assert [round(one or 0, 6) for one in first.drawn_a] == [0.0, 10.0, 10.0, 5.0]
    assert second.drawn_a == (0.0, 0.0, 0.0, 0.0)
    assert history.limits_a == (16.0, 10.0, 20.0, 10.0)


def test_a_meter_that_is_silent_is_not_known(group: LoadGroup, now: datetime) -> None:
    start = now - timedelta(hours=1)
    charging("CS-1", start, {start: 6.9})

    history = group_history(group_id=group.pk, start=start, end=now, slot=timedelta(minutes=10))

    assert history is not None
    drawn = history.members[0].drawn_a
    assert [None if one is None else round(one) for one in drawn] == [10, 10, 10, None, None, None]
    assert group_history(group_id=0, start=start, end=now, slot=MINUTE) is None


def test_a_group_is_shown_with_its_limits_and_draw(
    group: LoadGroup, signed_in: SignIn, now: datetime
) -> None:
    LoadGroupMember.objects.filter(evse__station__station_id="CS-1").update(limit_a=16)
    charging("CS-1", now - 5 * MINUTE, {now - MINUTE: 6.9})
    client = signed_in("guadeloupe")

    text = client.get(f"/charging/groups/{group.pk}/").content.decode()
    cards = client.get("/charging/groups/").content.decode()
    series = client.get(f"/charging/groups/{group.pk}/", headers={"x-fragment": "series"}).json()

    assert len(re.findall(r"<tr data-member=", text)) == 2
    assert "16.0 A" in text
    assert "10.0 A" in text
    assert "Marina" in cards
    assert "2 EVSEs, 1 with a car" in cards
    assert (len(series["times_s"]), series["slot_s"]) == (120, 30.0)
    assert (series["cap_a"][0], round(series["drawn_a"][-1])) == (40.0, 10)
    elsewhere = signed_in("martinique")
    assert elsewhere.get(f"/charging/groups/{group.pk}/").status_code == 404
    assert "Marina" not in elsewhere.get("/charging/groups/").content.decode()


def test_the_cap_is_moved(group: LoadGroup, signed_in: SignIn) -> None:
    address = f"/charging/groups/{group.pk}/cap"

    # Another operator has no group of this number.
    signed_in("martinique").post(address, {"cap_a": "1"})
    reply = signed_in("guadeloupe").post(address, {"cap_a": "25,5"}, follow=True)

    with operator_context("guadeloupe"):
        group.refresh_from_db()
    assert group.cap_a == 25.5
    assert "The new cap is on its way" in reply.content.decode()


@pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "x", "1e9"])
def test_a_cap_that_is_no_figure_is_refused(text: str, group: LoadGroup, signed_in: SignIn) -> None:
    reply = signed_in("guadeloupe").post(
        f"/charging/groups/{group.pk}/cap", {"cap_a": text}, follow=True
    )

    group.refresh_from_db()
    assert group.cap_a == 40
    assert "Currents and voltages are not negative" in reply.content.decode()


def test_a_group_is_made_filled_and_emptied(group: LoadGroup, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe")
    figures = {"name": "North", "cap_a": "63", "floor_a": "6", "voltage_v": "230"}
    evse = Evse.objects.get(station__station_id="CS-3")

    reply = client.post("/charging/groups/add", figures)
    again = client.post("/charging/groups/add", figures, follow=True)
    made = LoadGroup.objects.get(name="North")
    client.post(
        f"/charging/groups/{made.pk}/members",
        {"evse": evse.pk, "most_a": "16", "phases": "1", "priority": "2"},
    )
    member = made.members.get()
    figures |= {"name": "North quay", "cap_a": "1"}
    client.post(f"/charging/groups/{made.pk}/settings", figures)

    assert reply.headers["Location"] == f"/charging/groups/{made.pk}/"
    assert "Another load group has this name." in again.content.decode()
    assert (member.evse_id, member.most_a, member.phases, member.priority) == (evse.pk, 16, 1, 2)
    made.refresh_from_db()
    # The cap has a form of its own; the box for balancing was not ticked.
    assert (made.name, made.cap_a, made.is_active) == ("North quay", 63, False)
    client.post(f"/charging/groups/{made.pk}/members/{member.pk}/remove")
    assert not made.members.exists()


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("members", {"evse": "0", "most_a": "16", "phases": "3"}),
        ("members", {"evse": "x", "most_a": "16", "phases": "3"}),
        ("members", {"most_a": "x", "phases": "3"}),
        ("settings", {"name": "", "floor_a": "6", "voltage_v": "230"}),
        ("settings", {"name": "M", "floor_a": "6", "voltage_v": "0"}),
        ("members/0/remove", {}),
    ],
)
def test_what_cannot_be_is_refused(
    path: str, fields: dict[str, Any], group: LoadGroup, signed_in: SignIn
) -> None:
    reply = signed_in("guadeloupe").post(f"/charging/groups/{group.pk}/{path}", fields, follow=True)

    assert 'class="banner tone-bad"' in reply.content.decode()
    group.refresh_from_db()
    assert (group.name, group.members.count()) == ("Marina", 2)


def test_who_may_not_change_only_looks(group: LoadGroup, signed_in: SignIn) -> None:
    analyst = signed_in("guadeloupe", Role.ANALYST)
    member = group.members.first()
    assert member is not None

    text = analyst.get(f"/charging/groups/{group.pk}/").content.decode()

    assert "Take out" not in text
    assert f"/charging/groups/{group.pk}/cap" not in text
    for path in (f"{group.pk}/cap", f"{group.pk}/settings", f"{group.pk}/members", "add",
                 f"{group.pk}/members/{member.pk}/remove"):  # fmt: skip
        assert analyst.post(f"/charging/groups/{path}", {"cap_a": "1"}).status_code == 403
    group.refresh_from_db()
    assert (group.cap_a, group.members.count()) == (40, 2)


def test_curves_have_gaps_where_nothing_is_known() -> None:
    assert step_path((10.0, None, 20.0, 0.0), 20.0) == ("M0.0 19.0H40.0M80.0 2.0H120.0V36.0H160.0")
    assert area_path((None, 0.0, 20.0, 5.0), 20.0).count("Z") == 2
