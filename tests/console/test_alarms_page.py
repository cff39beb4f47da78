"""The page of alarms: what it shows, who may acknowledge, how the mails are set."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import pytest
from channels.layers import get_channel_layer
from django.test import Client

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.assets.choices import AlarmKind, Severity
from apps.assets.events import AlarmChanged
from apps.assets.models import Alarm, AlarmDigest, Device
from apps.assets.services.alarms import alarm_clear, alarm_raise
from apps.console.subscribers import EVENTS
from apps.console.viewmodels.live import live_snapshot
from apps.tenants.context import operator_context
from tests.console.scene import island_build

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]


@pytest.fixture
def scene(operator_a: object, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.console.views.alarms.utc_now", lambda: now)
    with operator_context("guadeloupe"):
        island_build(now=now)


def raised(device_code: str, now: datetime, **changes: object) -> Alarm:
    values: dict[str, object] = {
        "kind": AlarmKind.COMMUNICATION,
        "severity": Severity.CRITICAL,
        "figures": {"connection_state": "silent", "error": "no answer within 1 s"},
    }
    device_id = Device.objects.get(code=device_code).pk
    alarm_raise(device_id=device_id, now=now, **{**values, **changes})  # type: ignore[arg-type]
    return Alarm.objects.latest("id")


def shown(text: str) -> list[str]:
    return re.findall(r'<tr data-alarm="(\d+)"', text)


def test_open_alarms_come_first_then_the_history(
    scene: None, signed_in: SignIn, now: datetime
) -> None:
    past = raised("pv-01", now - timedelta(hours=1))
    alarm_clear(device_id=past.device_id, kind=AlarmKind.COMMUNICATION, now=now)
    minor = raised("pv-02", now, kind=AlarmKind.CLOCK, severity=0, figures={"off_s": 90.0})
    major = raised("bat-01", now)

    text = signed_in("guadeloupe").get("/alarms/").content.decode()

    assert shown(text) == [str(major.pk), str(minor.pk), str(past.pk)]
    assert "Does not answer" in text
    assert "no answer within 1 s" in text
    assert "off by +90" in text


def test_a_page_of_alarms_shows_its_own_operators_only(
    scene: None, signed_in: SignIn, now: datetime
) -> None:
    alarm = raised("pv-01", now)

    assert shown(signed_in("guadeloupe").get("/alarms/").content.decode()) == [str(alarm.pk)]
    text = signed_in("martinique").get("/alarms/").content.decode()
    assert shown(text) == []
    assert "pv-01" not in text


@pytest.mark.parametrize(
    ("query", "count"),
    [("", 4), ("state=open", 3), ("state=cleared", 1), ("state=unacknowledged", 4),
     ("severity=2", 2), ("severity=1", 3), ("device=pv-01", 2), ("device=nobody", 0),
     ("state=%27%3B--", 4), ("severity=x", 4), ("before=1", 3), ("before=x", 4)],
)  # fmt: skip
def test_alarms_are_filtered(
    query: str, count: int, scene: None, signed_in: SignIn, now: datetime
) -> None:
    first = raised("pv-01", now)
    alarm_clear(device_id=first.device_id, kind=AlarmKind.COMMUNICATION, now=now)
    Alarm.objects.filter(pk=first.pk).update(id=1)
    raised("pv-01", now)
    raised("pv-02", now, kind=AlarmKind.STALE, severity=Severity.WARNING)
    raised("bat-01", now, kind=AlarmKind.CLOCK, severity=Severity.INFORMATION)

    text = signed_in("guadeloupe").get(f"/alarms/?{query}").content.decode()

    assert len(shown(text)) == count


def test_the_history_has_pages(scene: None, signed_in: SignIn, now: datetime) -> None:
    for n in range(30):
        alarm = raised("pv-01", now, code=f"c{n:02d}", kind=AlarmKind.DEVICE_FAULT)
        alarm_clear(
            device_id=alarm.device_id, kind=AlarmKind.DEVICE_FAULT, code=f"c{n:02d}", now=now
        )
    client = signed_in("guadeloupe")

    first = client.get("/alarms/?device=pv-01").content.decode()
    older = re.search(r'href="\?([^"]+)">Older', first)
    assert older is not None
    second = client.get("/alarms/?" + older[1].replace("&amp;", "&")).content.decode()

    assert (len(shown(first)), len(shown(second))) == (25, 5)
    assert not set(shown(first)) & set(shown(second))
    assert "device=pv-01" in older[1]
    assert "Newest" in second
    assert "Older" not in second


def test_more_alarms_ask_no_more_queries(
    scene: None,
    signed_in: SignIn,
    now: datetime,
    queries_at_most: Callable[[int], AbstractContextManager[None]],
) -> None:
    for n in range(40):
        raised("pv-01", now, code=f"c{n}", kind=AlarmKind.DEVICE_FAULT)
    client = signed_in("guadeloupe")

    with queries_at_most(11):
        client.get("/alarms/")


def test_an_alarm_is_acknowledged_with_a_note(
    scene: None, signed_in: SignIn, now: datetime
) -> None:
    alarm = raised("pv-01", now)
    client = signed_in("guadeloupe")

    reply = client.post(
        f"/alarms/{alarm.pk}/acknowledge", {"note": "On my way", "next": "/alarms/?state=open"}
    )

    assert (reply.status_code, reply.headers["Location"]) == (302, "/alarms/?state=open")
    alarm.refresh_from_db()
    assert alarm.note == "On my way"
    assert alarm.acknowledged_at == now
    assert alarm.acknowledged_by == User.objects.get(username="somebody")
    text = client.get("/alarms/").content.decode()
    assert "The alarm is acknowledged." in text
    assert "On my way" in text
    again = client.post(f"/alarms/{alarm.pk}/acknowledge", {}, follow=True)
    assert "Somebody acknowledged the alarm already." in again.content.decode()


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)", ""]
)
def test_nobody_is_sent_elsewhere(
    target: str, scene: None, signed_in: SignIn, now: datetime
) -> None:
    alarm = raised("pv-01", now)

    reply = signed_in("guadeloupe").post(f"/alarms/{alarm.pk}/acknowledge", {"next": target})

    assert reply.headers["Location"] == "/alarms/"


@pytest.mark.parametrize("role", [Role.ANALYST, Role.BILLING, Role.PARTNER_API])
def test_who_may_not_acknowledge_is_refused(
    role: Role, scene: None, signed_in: SignIn, now: datetime
) -> None:
    alarm = raised("pv-01", now)
    client = signed_in("guadeloupe", role)

    assert client.post(f"/alarms/{alarm.pk}/acknowledge").status_code == 403

    alarm.refresh_from_db()
    assert alarm.acknowledged_at is None
    if role != Role.PARTNER_API:
        assert (
            '<form method="post" action="/alarms/1' not in client.get("/alarms/").content.decode()
        )


def test_a_stranger_a_look_and_a_form_from_elsewhere_change_nothing(
    scene: None, signed_in: SignIn, now: datetime
) -> None:
    alarm = raised("pv-01", now)
    address = f"/alarms/{alarm.pk}/acknowledge"
    stranger = Client(headers={"host": "guadeloupe.localhost"})
    client = signed_in("guadeloupe")
    checked = Client(headers={"host": "guadeloupe.localhost"}, enforce_csrf_checks=True)
    checked.cookies = client.cookies

    assert stranger.post(address).status_code == 302
    assert "login" in stranger.post(address).headers["Location"]
    assert client.get(address).status_code == 405
    assert checked.post(address).status_code == 403

    alarm.refresh_from_db()
    assert alarm.acknowledged_at is None


def test_another_operators_alarm_cannot_be_acknowledged(
    scene: None, signed_in: SignIn, now: datetime
) -> None:
    alarm = raised("pv-01", now)

    reply = signed_in("martinique").post(f"/alarms/{alarm.pk}/acknowledge", {}, follow=True)

    assert "There is no such alarm." in reply.content.decode()
    with operator_context("guadeloupe"):
        alarm.refresh_from_db()
        assert alarm.acknowledged_at is None


def test_a_user_sets_his_own_mails(scene: None, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe")
    chosen = {"is_active": "on", "least_severity": "2", "every_minutes": "30", "language": "es"}

    client.post("/alarms/digest", {**chosen, "next": "/alarms/"})

    digest = AlarmDigest.objects.get()
    assert (digest.user.username, digest.is_active, digest.least_severity) == ("somebody", True, 2)
    assert (digest.every_minutes, digest.language) == (30, "es")
    text = client.get("/alarms/").content.decode()
    assert "No mail server is configured" in text
    assert "You have no e-mail address here" in text


@pytest.mark.parametrize("minutes", ["0", "x", "10081", ""])
def test_a_setting_that_cannot_be_is_refused(minutes: str, scene: None, signed_in: SignIn) -> None:
    chosen = {"least_severity": "2", "every_minutes": minutes, "language": "en"}

    reply = signed_in("guadeloupe").post("/alarms/digest", chosen, follow=True)

    assert "Every 1 to 10,080 minutes" in reply.content.decode()
    assert not AlarmDigest.objects.exists()


def test_the_snapshot_counts_alarms(scene: None, now: datetime) -> None:
    raised("pv-01", now)
    newest = raised("pv-02", now, kind=AlarmKind.STALE, severity=Severity.WARNING)

    alarms = live_snapshot(now=now).alarms

    assert (alarms.open_count, alarms.unacknowledged_count) == (2, 2)
    assert (alarms.worst_severity, alarms.newest_id) == (Severity.CRITICAL, newest.pk)


def test_a_changed_alarm_makes_the_feed_dirty() -> None:
    assert AlarmChanged in EVENTS
    assert get_channel_layer() is not None


def test_the_list_of_devices_names_what_is_wrong(
    scene: None, signed_in: SignIn, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.console.views.pages.utc_now", lambda: now)
    raised(
        "pv-01", now, kind=AlarmKind.DEVICE_FAULT, code="evt1.4", words={"en": "Over temperature"}
    )

    text = signed_in("guadeloupe").get("/devices/").content.decode()

    assert text.count("Over temperature") == 1
