"""Hands off: the switch of a device and of a site, its audit, and what it ends."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.assets.choices import SetpointStatus
from apps.assets.drivers.write_guard import LEAVE_S, WriteLeave, WriteWithheldError, write_check
from apps.assets.events import SetpointChanged
from apps.assets.models import Device, HandsOffChange, Setpoint, Site
from apps.assets.services import hands_off_set, setpoint_limits_check, setpoint_request
from apps.assets.services.setpoint_loop import SetpointLoop
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.events import subscribe, unsubscribe
from tests.assets.conftest import battery_make, pv_make, site_make

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
Switch = Callable[..., HandsOffChange | None]


def ask(device: Device, power_kw: float, *, source: str = "plan") -> Setpoint:
    return setpoint_request(
        device_id=device.pk, power_kw=power_kw, source=source, reason="plan 12",
        expires_at=NOW + timedelta(minutes=15), now=NOW,
    )  # fmt: skip


@pytest.fixture
def battery(operator_a: Operator) -> Device:
    return battery_make()


@pytest.fixture(params=["device", "site"])
def switch(request: Any, battery: Device) -> Switch:
    """Hands off the battery, or its whole site."""
    target: dict[str, Any] = (
        {"device": battery} if request.param == "device" else {"site": battery.site}
    )

    def set_to(is_on: bool, reason: str = "work on the inverter") -> HandsOffChange | None:  # noqa: FBT001
        return hands_off_set(
            **target, is_on=is_on, reason=reason, changed_by=None, now=NOW + SECOND
        )

    return set_to


@pytest.mark.parametrize("source", ["operator", "grid", "plan", "fallback"])
def test_whoever_asks_is_refused(switch: Switch, battery: Device, source: str) -> None:
    switch(True)

    with pytest.raises(DomainError) as error:
        ask(battery, 1.0, source=source)

    assert (error.value.code, error.value.field) == ("setpoint.hands_off", "device")
    assert Setpoint.objects.get().status == SetpointStatus.REFUSED


def test_a_test_write_is_refused_too(switch: Switch, battery: Device) -> None:
    switch(True)
    device = Device.objects.get(pk=battery.pk)

    with pytest.raises(DomainError) as error:
        setpoint_limits_check(device, 1.0, now=NOW)

    assert error.value.code == "setpoint.hands_off"


@pytest.mark.parametrize("status", ["requested", "applied"])
def test_what_holds_is_ended_in_the_database_and_nothing_is_left_to_write(
    switch: Switch, battery: Device, status: str
) -> None:
    setpoint = ask(battery, 20.0)
    Setpoint.objects.update(status=status, refreshed_at=NOW, applied_kw=20.0)

    switch(True)

    setpoint.refresh_from_db()
    assert (setpoint.status, setpoint.error_code) == ("refused", "setpoint.hands_off")
    assert (setpoint.error, setpoint.ended_at) == ("hands off", NOW + SECOND)
    # Not at the half of the timer, not at the end of the set-point: no command at all.
    for seconds in (1, 31, 59, 900, 1000):
        loop = SetpointLoop()
        assert loop.commands(device_ids=[battery.pk], now=NOW + seconds * SECOND) == []
        assert loop.permitted == frozenset()


def test_switched_off_it_takes_setpoints_again_and_none_comes_back_by_itself(
    switch: Switch, battery: Device
) -> None:
    ended = ask(battery, 20.0)
    switch(True)
    switch(False, reason="done")

    assert SetpointLoop().commands(device_ids=[battery.pk], now=NOW + 2 * SECOND) == []
    again = ask(battery, 20.0)

    assert again.pk != ended.pk
    assert again.status == SetpointStatus.REQUESTED
    assert [c.power_kw for c in SetpointLoop().commands(device_ids=[battery.pk], now=NOW)] == [20.0]


def test_the_audit_says_who_why_and_when(battery: Device) -> None:
    user = user_ensure(username="ines", password="pw", role=Role.OPERATIONS)

    on = hands_off_set(
        device=battery, is_on=True, reason=" work on the inverter ", changed_by=user, now=NOW
    )
    again = hands_off_set(device=battery, is_on=True, reason="twice", changed_by=user, now=NOW)
    off = hands_off_set(device=battery, is_on=False, reason="done", changed_by=user, now=NOW)

    assert again is None
    assert [
        (c.device, c.site, c.is_on, c.reason, c.changed_by, c.changed_at)
        for c in HandsOffChange.objects.order_by("pk")
    ] == [
        (battery, None, True, "work on the inverter", user, NOW),
        (battery, None, False, "done", user, NOW),
    ]
    assert (on, off) == tuple(HandsOffChange.objects.order_by("pk"))


@pytest.mark.parametrize("reason", ["", "   "])
def test_no_reason_no_change(battery: Device, reason: str) -> None:
    with pytest.raises(DomainError) as error:
        hands_off_set(device=battery, is_on=True, reason=reason, changed_by=None)

    assert error.value.code == "hands_off.reason_missing"
    assert not Device.objects.get().hands_off


def test_either_a_device_or_a_site(battery: Device) -> None:
    for targets in ({}, {"device": battery, "site": battery.site}):
        with pytest.raises(DomainError) as error:
            hands_off_set(**targets, is_on=True, reason="x", changed_by=None)  # type: ignore[arg-type]
        assert error.value.code == "hands_off.target_invalid"


def test_the_switch_of_a_device_leaves_the_others_alone(battery: Device) -> None:
    other, plant = battery_make("bat-02", port=504), pv_make()
    for device, power_kw in ((battery, 20.0), (other, 20.0), (plant, -5.0)):
        ask(device, power_kw)

    hands_off_set(device=battery, is_on=True, reason="x", changed_by=None, now=NOW)

    held = Setpoint.objects.filter(status="requested").values_list("device__code", flat=True)
    assert sorted(held) == ["bat-02", "pv-01"]


def test_the_switch_of_a_site_ends_all_of_its_devices(
    battery: Device, django_capture_on_commit_callbacks: Any
) -> None:
    plant = pv_make()
    ask(battery, 20.0)
    ask(plant, -5.0)
    seen: list[SetpointChanged] = []
    subscribe(SetpointChanged, seen.append)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            hands_off_set(site=battery.site, is_on=True, reason="storm", changed_by=None)
    finally:
        unsubscribe(SetpointChanged, seen.append)

    assert not Setpoint.objects.filter(status="requested").exists()
    assert sorted(event.device_id for event in seen) == sorted([battery.pk, plant.pk])


def test_a_set_point_that_came_through_is_refused_before_it_is_written(
    switch: Switch, battery: Device
) -> None:
    """As if the switch had been put in the database by hand: the loop asks for itself."""
    setpoint = ask(battery, 20.0)
    switch(True)
    Setpoint.objects.update(status="requested", error="", error_code="", ended_at=None)

    loop = SetpointLoop()
    commands = loop.commands(device_ids=[battery.pk], now=NOW + 2 * SECOND)

    setpoint.refresh_from_db()
    assert (commands, loop.permitted) == ([], frozenset())
    assert (setpoint.status, setpoint.error_code) == ("refused", "setpoint.hands_off")


def test_an_operator_switches_its_own_devices_only(battery: Device, operator_b: Operator) -> None:
    with operator_context(operator_b.schema_name):
        theirs = battery_make()
        ask(theirs, 20.0)

    hands_off_set(device=battery, is_on=True, reason="x", changed_by=None)
    hands_off_set(site=battery.site, is_on=True, reason="x", changed_by=None)

    with operator_context(operator_b.schema_name):
        assert theirs.code == battery.code
        assert not Device.objects.get().hands_off
        assert not Site.objects.get().hands_off
        assert HandsOffChange.objects.count() == 0
        assert Setpoint.objects.get().status == SetpointStatus.REQUESTED


def test_a_device_that_is_gone_is_said_to_be(operator_a: Operator, operator_b: Operator) -> None:
    with operator_context(operator_b.schema_name):
        site_make()
        theirs = battery_make()

    with pytest.raises(DomainError) as error:
        hands_off_set(device=theirs, is_on=True, reason="x", changed_by=None)

    assert error.value.code == "hands_off.target_unknown"


# --- the leave to write ---


def test_the_leave_is_for_the_named_set_points_until_it_is_renewed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_s = [100.0]
    monkeypatch.setattr("apps.assets.drivers.write_guard.time.monotonic", lambda: at_s[0])
    leave = WriteLeave()
    assert not leave.holds(7)

    leave.renew(frozenset({7}), asked_at_s=100.0)
    assert leave.holds(7)
    assert not leave.holds(8)

    at_s[0] = 100.0 + LEAVE_S
    assert not leave.holds(7)

    leave.renew(frozenset({8}), asked_at_s=at_s[0])
    assert (leave.holds(7), leave.holds(8)) == (False, True)


def test_a_write_is_checked_inside_a_guard_only() -> None:
    leave = WriteLeave()

    write_check()
    with leave.guard(7), pytest.raises(WriteWithheldError):
        write_check()
    write_check()
