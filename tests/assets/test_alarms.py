"""Raising, clearing, acknowledging; what is read of alarms; the back office."""

import threading
from collections.abc import Callable
from datetime import datetime

import pytest
from django.db import connection
from django.test import Client
from django.utils import translation

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.assets.choices import AlarmKind, Severity
from apps.assets.events import AlarmChanged
from apps.assets.models import Alarm, AlarmDigest
from apps.assets.selectors.alarms import (
    AlarmCounts,
    AlarmFilter,
    alarm_counts,
    alarm_row,
    alarms_history,
    alarms_open,
)
from apps.assets.services.alarms import (
    RaisedAlarm,
    alarm_acknowledge,
    alarm_clear,
    alarm_key,
    alarm_raise,
    alarms_store,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.events import subscribe, unsubscribe
from tests.assets.alarm_scene import at, device_make

WHERE = "/admin/assets/alarm/"


def raise_it(device_id: int, now: datetime, **changes: object) -> bool:
    values: dict[str, object] = {"kind": AlarmKind.COMMUNICATION, "severity": Severity.CRITICAL}
    return alarm_raise(device_id=device_id, now=now, **{**values, **changes})  # type: ignore[arg-type]


def test_an_alarm_is_open_once(operator_a: Operator) -> None:
    device = device_make()

    assert raise_it(device.pk, at(0))
    assert not raise_it(device.pk, at(1))
    assert raise_it(device.pk, at(2), kind=AlarmKind.OUT_OF_RANGE, code="power_kw")
    assert raise_it(device.pk, at(3), kind=AlarmKind.OUT_OF_RANGE, code="soc_percent")
    assert alarm_clear(device_id=device.pk, kind=AlarmKind.COMMUNICATION, now=at(4))
    assert not alarm_clear(device_id=device.pk, kind=AlarmKind.COMMUNICATION, now=at(5))
    assert raise_it(device.pk, at(6))

    rows = Alarm.objects.order_by("id").values_list("kind", "raised_at", "cleared_at")
    assert list(rows) == [
        ("communication", at(0), at(4)),
        ("out_of_range", at(2), None),
        ("out_of_range", at(3), None),
        ("communication", at(6), None),
    ]


def test_what_was_deleted_meanwhile_holds_nothing_back(operator_a: Operator) -> None:
    device = device_make()
    gone = 999_999

    changes = alarms_store(
        now=at(0),
        raised=[
            RaisedAlarm(alarm_key(gone, AlarmKind.STALE), severity=1),
            RaisedAlarm(alarm_key(device.pk, AlarmKind.STALE), severity=1, sensor_id=gone),
        ],
    )

    assert changes.raised == (alarm_key(device.pk, AlarmKind.STALE),)
    assert Alarm.objects.get().sensor_id is None


def test_a_clock_that_was_set_back_does_not_end_an_alarm_before_it_began(
    operator_a: Operator,
) -> None:
    device = device_make()
    raise_it(device.pk, at(100))

    alarm_clear(device_id=device.pk, kind=AlarmKind.COMMUNICATION, now=at(40))

    assert Alarm.objects.get().cleared_at == at(100)


def test_twenty_at_once_raise_one_alarm(live_operators: tuple[Operator, Operator]) -> None:
    with operator_context("guadeloupe"):
        device_id = device_make().pk
    results: list[bool] = []
    gate = threading.Barrier(20)

    def work() -> None:
        gate.wait()
        try:
            with operator_context("guadeloupe"):
                results.append(raise_it(device_id, at(0)))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results) == [False] * 19 + [True]
    with operator_context("guadeloupe"):
        assert Alarm.objects.count() == 1
    with operator_context("martinique"):
        assert Alarm.objects.count() == 0


@pytest.fixture
def somebody(operator_a: Operator) -> User:
    return user_ensure(username="somebody", password="pw", role=Role.OPERATIONS)


def test_an_alarm_is_acknowledged_by_the_first(somebody: User) -> None:
    raise_it(device_make().pk, at(0))
    alarm_id = Alarm.objects.get().pk
    other = user_ensure(username="other", password="pw", role=Role.OPERATIONS)

    alarm = alarm_acknowledge(alarm_id=alarm_id, by=somebody, now=at(9), note="  On my way ")

    assert (alarm.acknowledged_at, alarm.acknowledged_by, alarm.note) == (
        at(9), somebody, "On my way"
    )  # fmt: skip
    with pytest.raises(DomainError) as refused:
        alarm_acknowledge(alarm_id=alarm_id, by=other, now=at(10))
    assert refused.value.code == "alarm.acknowledged"
    assert Alarm.objects.get().acknowledged_by == somebody


def test_what_cannot_be_acknowledged_is_refused(somebody: User) -> None:
    raise_it(device_make().pk, at(0))
    alarm_id = Alarm.objects.get().pk

    with pytest.raises(DomainError) as unknown:
        alarm_acknowledge(alarm_id=alarm_id + 1, by=somebody, now=at(1))
    with pytest.raises(DomainError) as too_long:
        alarm_acknowledge(alarm_id=alarm_id, by=somebody, now=at(1), note="x" * 201)

    assert (unknown.value.code, too_long.value.code) == ("alarm.unknown", "alarm.note_too_long")
    assert Alarm.objects.get().acknowledged_at is None


def test_every_change_is_announced(
    somebody: User, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    device = device_make()
    heard: list[AlarmChanged] = []
    subscribe(AlarmChanged, heard.append)
    try:
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
            raise_it(device.pk, at(0))
            raise_it(device.pk, at(1))
            alarm_acknowledge(alarm_id=Alarm.objects.get().pk, by=somebody, now=at(2))
            alarm_clear(device_id=device.pk, kind=AlarmKind.COMMUNICATION, now=at(3))
    finally:
        unsubscribe(AlarmChanged, heard.append)

    assert heard == [AlarmChanged(schema="guadeloupe", device_id=device.pk)] * 3


def test_the_counts_are_of_open_alarms(somebody: User) -> None:
    device = device_make()
    assert alarm_counts() == AlarmCounts(0, 0, None)
    raise_it(device.pk, at(0))
    raise_it(device.pk, at(0), kind=AlarmKind.STALE, severity=Severity.WARNING)
    raise_it(device.pk, at(0), kind=AlarmKind.CLOCK, severity=Severity.INFORMATION)
    assert alarm_counts() == AlarmCounts(3, 3, Severity.CRITICAL, Alarm.objects.latest("id").pk)

    alarm_acknowledge(alarm_id=Alarm.objects.get(severity=2).pk, by=somebody, now=at(1))
    alarm_clear(device_id=device.pk, kind=AlarmKind.CLOCK, now=at(2))

    newest_id = Alarm.objects.get(kind="stale").pk
    assert alarm_counts() == AlarmCounts(2, 1, Severity.WARNING, newest_id)


def test_open_alarms_come_by_urgency_then_newest(operator_a: Operator) -> None:
    one, two = device_make("pv-01"), device_make("pv-02")
    raise_it(one.pk, at(0), kind=AlarmKind.CLOCK, severity=Severity.INFORMATION)
    raise_it(one.pk, at(1))
    raise_it(two.pk, at(2), kind=AlarmKind.STALE, severity=Severity.WARNING)
    raise_it(two.pk, at(3))

    rows = alarms_open()

    assert [(row.device_code, row.kind) for row in rows] == [
        ("pv-02", "communication"), ("pv-01", "communication"), ("pv-02", "stale"),
        ("pv-01", "clock"),
    ]  # fmt: skip
    chosen = AlarmFilter(least_severity=1, device_code="pv-02")
    assert [row.kind for row in alarms_open(chosen=chosen)] == ["communication", "stale"]
    assert [row.kind for row in alarms_open(device_id=one.pk)] == ["communication", "clock"]


def test_the_history_has_pages(operator_a: Operator) -> None:
    device = device_make()
    for n in range(5):
        raise_it(device.pk, at(n), code=f"c{n}")
        alarm_clear(device_id=device.pk, kind=AlarmKind.COMMUNICATION, code=f"c{n}", now=at(n))
    raise_it(device.pk, at(9))

    first = alarms_history(limit=2)
    second = alarms_history(limit=2, before=first.before)
    third = alarms_history(limit=2, before=second.before)

    pages = [[row.code for row in page.rows] for page in (first, second, third)]
    assert pages == [["c4", "c3"], ["c2", "c1"], ["c0"]]
    assert third.before is None


@pytest.mark.parametrize(
    ("alarm", "language", "title", "detail"),
    [
        ({"kind": "communication", "figures": {"connection_state": "silent", "error": "no answer"}},
         "en", "Does not answer", "no answer"),
        ({"kind": "communication", "figures": {"connection_state": "error", "error": "nonsense"}},
         "en", "Answers wrongly", "nonsense"),
        ({"kind": "out_of_range", "code": "power_kw", "figures": {"power_kw": -1234.56}},
         "en", "Value out of range: Power", "\u22121,234.6\u00a0kW"),
        ({"kind": "out_of_range", "code": "voltage_v/l1", "figures": {"voltage_v": 300.0}},
         "en", "Value out of range: Voltage l1", "300.0\u00a0V"),
        ({"kind": "out_of_range", "code": "power_kw", "figures": {"power_kw": None}},
         "en", "Value out of range: Power", "no number"),
        ({"kind": "device_fault", "code": "evt1.4", "words": {"en": "Hot", "fr": "Trop chaud"}},
         "fr", "Trop chaud", None),
        ({"kind": "device_fault", "code": "evt1.4", "words": {"en": "Hot", "fr": "Trop chaud"}},
         "es", "Hot", None),
        ({"kind": "device_fault", "code": "evt1.4"}, "en", "Fault evt1.4", "fault evt1.4"),
        ({"kind": "soc_mismatch", "figures": {"expected_percent": 29.0, "measured_percent": 0.0}},
         "en", "State of charge does not follow the energy",
         "expected +29.0\u00a0%, measured 0.0\u00a0%"),
        ({"kind": "setpoint_not_followed", "figures": {"readback_kw": -50.0, "power_kw": 0.0}},
         "en", "Set-point not followed", "set-point \u221250.0\u00a0kW, measured 0.0\u00a0kW"),
        ({"kind": "clock", "figures": {"off_s": -3600.0}}, "en", "The device's clock is wrong",
         "off by \u22123,600\u00a0s"),
        ({"kind": "stale", "code": "soc_percent"}, "en", "Values are late: State of charge", ""),
        ({"kind": "setpoint_not_followed", "figures": {}}, "en", "Set-point not followed",
         "set-point –, measured –"),
    ],
)  # fmt: skip
def test_an_alarm_speaks(
    alarm: dict[str, object],
    language: str,
    title: str,
    detail: str | None,
    operator_a: Operator,
) -> None:
    made = Alarm(device=device_make(), severity=1, raised_at=at(0), **alarm)  # type: ignore[arg-type]

    with translation.override(language):
        row = alarm_row(made)

    assert row.title == title
    if detail is not None:
        assert row.detail == detail


@pytest.fixture
def back_office(operator_a: Operator) -> Callable[[Role], Client]:
    def enter(role: Role) -> Client:
        client = Client(headers={"host": "guadeloupe.localhost", "accept-language": "en"})
        with operator_context("guadeloupe"):
            client.force_login(user_ensure(username=role.value, password="pw", role=role))
        return client

    return enter


def test_the_back_office_lists_and_acknowledges(back_office: Callable[[Role], Client]) -> None:
    raise_it(device_make().pk, at(0))
    alarm = Alarm.objects.get()
    client = back_office(Role.OPERATIONS)

    assert "Does not answer" in client.get(WHERE).content.decode()
    assert client.get(f"{WHERE}{alarm.pk}/change/").status_code == 200
    reply = client.post(
        WHERE,
        {"action": "acknowledge", "_selected_action": [alarm.pk], "note": "seen"},
        follow=True,
    )

    assert "1 alarm acknowledged" in reply.content.decode()
    alarm.refresh_from_db()
    assert (alarm.note, alarm.acknowledged_by and alarm.acknowledged_by.username) == (
        "seen", "operations"
    )  # fmt: skip


@pytest.mark.parametrize("query", ["", "?state=open", "?state=unacknowledged", "?state=cleared"])
def test_the_back_office_filters_by_state(
    query: str, back_office: Callable[[Role], Client]
) -> None:
    raise_it(device_make().pk, at(0))

    text = back_office(Role.OPERATIONS).get(f"{WHERE}{query}").content.decode()

    assert ("Does not answer" in text) is (query != "?state=cleared")


def test_the_back_office_leads_to_the_console(back_office: Callable[[Role], Client]) -> None:
    text = back_office(Role.OPERATIONS).get("/admin/").content.decode()

    assert '<a href="/" ' in text
    assert WHERE in text


def test_an_analyst_looks_and_does_not_acknowledge(back_office: Callable[[Role], Client]) -> None:
    raise_it(device_make().pk, at(0))
    alarm = Alarm.objects.get()
    client = back_office(Role.ANALYST)

    assert client.get(WHERE).status_code == 200
    client.post(WHERE, {"action": "acknowledge", "_selected_action": [alarm.pk]})

    alarm.refresh_from_db()
    assert alarm.acknowledged_at is None


@pytest.mark.parametrize("way", ["add/", "1/delete/"])
def test_nothing_is_added_or_deleted_by_hand(
    way: str, back_office: Callable[[Role], Client]
) -> None:
    raise_it(device_make().pk, at(0))
    address = WHERE + way.replace("1", str(Alarm.objects.get().pk))

    assert back_office(Role.OPERATOR_ADMIN).get(address).status_code == 403


def test_the_back_office_says_that_no_mail_leaves(back_office: Callable[[Role], Client]) -> None:
    client = back_office(Role.OPERATOR_ADMIN)
    AlarmDigest.objects.create(user=User.objects.get(username="operator admin"))

    text = client.get("/admin/assets/alarmdigest/").content.decode()

    assert "No mail server is configured" in text
