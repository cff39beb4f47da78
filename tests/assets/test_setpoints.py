"""Set-points: limits, priority, audit, and what the poll loop decides about them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.assets.choices import SetpointSource, SetpointStatus
from apps.assets.events import SetpointChanged
from apps.assets.models import Device, Sensor, Setpoint
from apps.assets.services import (
    ReadingRow,
    device_register,
    readings_store,
    setpoint_request,
)
from apps.assets.services.setpoint_states import (
    ActiveSetpoint,
    Step,
    setpoint_next_kw,
    setpoint_step,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.events import subscribe, unsubscribe
from tests.assets.conftest import battery_make, pv_make, site_make

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def ask(
    device: Device,
    power_kw: float,
    *,
    source: str = "plan",
    now: datetime = NOW,
    expires_at: datetime | None = None,
    reason: str = "plan 12",
) -> Setpoint:
    return setpoint_request(
        device_id=device.pk,
        power_kw=power_kw,
        source=source,
        reason=reason,
        expires_at=expires_at or now + QUARTER,
        now=now,
    )


def refused_code(device: Device, power_kw: float, **wanted: object) -> str:
    with pytest.raises(DomainError) as error:
        ask(device, power_kw, **wanted)  # type: ignore[arg-type]
    return error.value.code


def soc_store(device: Device, percent: float, at: datetime = NOW) -> None:
    sensor = Sensor.objects.get(device=device, quantity="soc_percent")
    readings_store([ReadingRow(sensor.pk, at, percent)])


@pytest.fixture
def battery(operator_a: Operator) -> Device:
    return battery_make()


@pytest.fixture
def pv(operator_a: Operator) -> Device:
    return pv_make()


@pytest.mark.parametrize("power_kw", [-100.0, -0.5, 0.0, 0.5, 100.0])
def test_request_within_limits_waits_for_the_poll_loop(battery: Device, power_kw: float) -> None:
    setpoint = ask(battery, power_kw)

    setpoint.refresh_from_db()
    assert setpoint.status == SetpointStatus.REQUESTED
    assert (setpoint.power_kw, setpoint.source, setpoint.reason) == (power_kw, "plan", "plan 12")
    assert (setpoint.requested_at, setpoint.expires_at) == (NOW, NOW + QUARTER)
    assert (setpoint.written_at, setpoint.readback_kw, setpoint.reversion_s) == (None, None, 60)


@pytest.mark.parametrize(
    ("power_kw", "code"),
    [
        (100.01, "setpoint.power_above_rated"),
        (-100.01, "setpoint.power_above_rated"),
        (float("nan"), "setpoint.power_invalid"),
        (float("inf"), "setpoint.power_invalid"),
    ],
)
def test_power_outside_the_limits_is_refused_and_kept(
    battery: Device, power_kw: float, code: str
) -> None:
    assert refused_code(battery, power_kw) == code

    row = Setpoint.objects.get()
    assert (row.status, row.error_code) == (SetpointStatus.REFUSED, code)


def test_read_only_device_takes_nothing(operator_a: Operator) -> None:
    device = battery_make(control_enabled=False)

    with pytest.raises(DomainError) as error:
        ask(device, 0.0)

    assert (error.value.code, error.value.field) == ("setpoint.control_disabled", "device")
    assert Setpoint.objects.get().status == SetpointStatus.REFUSED


@pytest.mark.parametrize(
    ("soc_percent", "power_kw", "code"),
    [
        (90.0, 1.0, "setpoint.soc_at_maximum"),
        (95.0, 1.0, "setpoint.soc_at_maximum"),
        (10.0, -1.0, "setpoint.soc_at_minimum"),
    ],
)
def test_state_of_charge_at_its_limit_refuses_more(
    battery: Device, soc_percent: float, power_kw: float, code: str
) -> None:
    soc_store(battery, soc_percent)

    assert refused_code(battery, power_kw) == code


@pytest.mark.parametrize(
    ("soc_percent", "power_kw"), [(90.0, -1.0), (10.0, 1.0), (90.0, 0.0), (89.9, 1.0)]
)
def test_state_of_charge_at_its_limit_allows_the_other_way(
    battery: Device, soc_percent: float, power_kw: float
) -> None:
    soc_store(battery, soc_percent)

    assert ask(battery, power_kw).status == SetpointStatus.REQUESTED


def test_an_old_state_of_charge_refuses_nothing(battery: Device) -> None:
    soc_store(battery, 95.0, NOW - timedelta(minutes=3))

    assert ask(battery, 1.0).status == SetpointStatus.REQUESTED


@pytest.mark.parametrize("power_kw", [0.0, -5.0, -20.0])
def test_pv_takes_a_limit(pv: Device, power_kw: float) -> None:
    assert ask(pv, power_kw).power_kw == power_kw


def test_pv_never_consumes(pv: Device) -> None:
    assert refused_code(pv, 0.1) == "setpoint.pv_must_not_consume"


def test_time_and_reason_are_checked(battery: Device) -> None:
    assert refused_code(battery, 1.0, expires_at=NOW) == "setpoint.expired"
    assert refused_code(battery, 1.0, expires_at=NOW + timedelta(hours=25)) == "setpoint.too_long"
    assert refused_code(battery, 1.0, reason="  ") == "setpoint.reason_missing"


def test_unknown_device_is_refused(operator_a: Operator) -> None:
    with pytest.raises(DomainError) as error:
        setpoint_request(
            device_id=424242,
            power_kw=1.0,
            source="plan",
            reason="x",
            expires_at=NOW + QUARTER,
            now=NOW,
        )
    assert error.value.code == "setpoint.device_unknown"


def test_the_same_again_only_moves_the_end(battery: Device) -> None:
    first = ask(battery, 20.0)
    later = NOW + timedelta(seconds=2)

    second = ask(battery, 20.0, now=later)

    assert second.pk == first.pk
    assert Setpoint.objects.get().expires_at == later + QUARTER


def test_a_new_value_supersedes_the_old(battery: Device) -> None:
    first = ask(battery, 20.0)

    second = ask(battery, 30.0, now=NOW + timedelta(seconds=5))

    first.refresh_from_db()
    assert first.status == SetpointStatus.SUPERSEDED
    assert first.ended_at == NOW + timedelta(seconds=5)
    assert second.status == SetpointStatus.REQUESTED


@pytest.mark.parametrize("higher", [0, 1, 2])
def test_a_lower_source_does_not_override_a_higher(battery: Device, higher: int) -> None:
    order = [*SetpointSource]
    ask(battery, 20.0, source=order[higher])

    for lower in order[higher + 1 :]:
        assert refused_code(battery, -20.0, source=lower) == "setpoint.outranked"

    assert Setpoint.objects.filter(status=SetpointStatus.REQUESTED).get().power_kw == 20.0


@pytest.mark.parametrize("lower", [1, 2, 3])
def test_a_higher_source_overrides_a_lower(battery: Device, lower: int) -> None:
    order = [*SetpointSource]
    low = ask(battery, 20.0, source=order[lower])

    high = ask(battery, -20.0, source=order[lower - 1])

    low.refresh_from_db()
    assert (low.status, high.status) == (SetpointStatus.SUPERSEDED, SetpointStatus.REQUESTED)


def test_a_lower_source_follows_once_the_higher_is_over(battery: Device) -> None:
    operator = ask(battery, 20.0, source="operator")

    plan = ask(battery, -20.0, now=NOW + QUARTER)

    operator.refresh_from_db()
    assert (operator.status, plan.status) == (SetpointStatus.EXPIRED, SetpointStatus.REQUESTED)


def test_a_refusal_that_repeats_is_one_row(battery: Device) -> None:
    ask(battery, 20.0, source="operator")

    for seconds in (2, 4, 6):
        refused_code(battery, -20.0, now=NOW + timedelta(seconds=seconds))

    assert Setpoint.objects.filter(status=SetpointStatus.REFUSED).count() == 1


def test_what_the_device_refused_is_not_asked_at_once_again(battery: Device) -> None:
    failed = ask(battery, 20.0)
    Setpoint.objects.update(status=SetpointStatus.FAILED, ended_at=NOW)

    at_once = ask(battery, 20.0, now=NOW + timedelta(seconds=2))
    other = ask(battery, 21.0, now=NOW + timedelta(seconds=2))

    assert (at_once.pk, at_once.status) == (failed.pk, SetpointStatus.FAILED)
    assert other.status == SetpointStatus.REQUESTED


def test_what_the_device_refused_is_asked_again_later(battery: Device) -> None:
    failed = ask(battery, 20.0)
    Setpoint.objects.update(status=SetpointStatus.FAILED, ended_at=NOW)

    again = ask(battery, 20.0, now=NOW + timedelta(seconds=30))

    assert again.pk != failed.pk


def test_a_change_is_told_and_no_change_is_not(
    battery: Device, django_capture_on_commit_callbacks: object
) -> None:
    seen: list[SetpointChanged] = []
    subscribe(SetpointChanged, seen.append)
    try:
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            ask(battery, 20.0)
            ask(battery, 20.0)
    finally:
        unsubscribe(SetpointChanged, seen.append)

    assert seen == [SetpointChanged(schema="guadeloupe", device_id=battery.pk)]


def test_setpoints_stay_with_their_operator(battery: Device, operator_b: Operator) -> None:
    ask(battery, 20.0)

    with operator_context(operator_b.schema_name):
        assert Setpoint.objects.count() == 0
        with pytest.raises(DomainError):
            ask(battery, 20.0)


# --- what the poll loop decides ---


def active(**change: object) -> ActiveSetpoint:
    values: dict[str, object] = {
        "setpoint_id": 1,
        "device_id": 2,
        "power_kw": 20.0,
        "status": SetpointStatus.APPLIED,
        "expires_at": NOW + QUARTER,
        "refreshed_at": NOW,
        "reversion_s": 60,
        "applied_kw": 20.0,
        "ramp_from_kw": None,
        "ramp_kw_per_s": None,
        "control_enabled": True,
    }
    return ActiveSetpoint(**(values | change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("setpoint", "after_s", "step"),
    [
        (active(status="requested", refreshed_at=None), 0, Step.WRITE),
        (active(status="requested", refreshed_at=None, control_enabled=False), 0, Step.END_REFUSED),
        (active(status="requested", refreshed_at=None, expires_at=NOW), 0, Step.END_EXPIRED),
        (active(), 29.9, Step.WAIT),
        (active(), 30, Step.WRITE),
        (active(), 59.9, Step.WRITE),
        (active(), 60, Step.END_REVERTED),
        (active(expires_at=NOW + timedelta(seconds=10)), 9.9, Step.WAIT),
        (active(expires_at=NOW + timedelta(seconds=10)), 10, Step.RELEASE),
        (active(expires_at=NOW + timedelta(seconds=10)), 60, Step.END_EXPIRED),
        (active(control_enabled=False), 30, Step.WAIT),
        (active(control_enabled=False, expires_at=NOW), 30, Step.WAIT),
        (active(control_enabled=False), 60, Step.END_REVERTED),
        (active(hands_off=True), 30, Step.WAIT),
        (active(site_hands_off=True), 30, Step.WAIT),
        (active(stage="out_of_service"), 30, Step.WAIT),
        (active(status="requested", refreshed_at=None, hands_off=True), 0, Step.END_REFUSED),
        (active(status="requested", refreshed_at=None, site_hands_off=True), 0, Step.END_REFUSED),
        (active(status="requested", refreshed_at=None, stage="new"), 0, Step.END_REFUSED),
        # On a ramp the next step is due before the timer is.
        (active(applied_kw=10.0, ramp_kw_per_s=5.0), 0.7, Step.WAIT),
        (active(applied_kw=10.0, ramp_kw_per_s=5.0), 0.8, Step.WRITE),
        (active(applied_kw=20.0, ramp_kw_per_s=5.0), 0.8, Step.WAIT),
        (active(applied_kw=10.0, ramp_kw_per_s=5.0, hands_off=True), 0.8, Step.WAIT),
        # There is no ramp at the end: it is released, and the device returns by itself.
        (active(applied_kw=10.0, ramp_kw_per_s=5.0, expires_at=NOW), 0.1, Step.RELEASE),
    ],
)
def test_step(setpoint: ActiveSetpoint, after_s: float, step: Step) -> None:
    assert setpoint_step(setpoint, NOW + timedelta(seconds=after_s)) is step


def test_the_timer_is_restarted_at_half_time_and_never_later() -> None:
    """A device with 60 s of reversion is written to every 30 s, whatever the loop's pace."""
    written, at = [], NOW
    setpoint = active()
    for second in range(300):
        at = NOW + timedelta(seconds=second)
        if setpoint_step(setpoint, at) is Step.WRITE:
            written.append(second)
            setpoint = active(refreshed_at=at)
    assert written == [30, 60, 90, 120, 150, 180, 210, 240, 270]


@pytest.mark.parametrize(
    ("setpoint", "after_s", "next_kw"),
    [
        (active(), 1, 20.0),
        # At most one second's worth at once, from where the device stands.
        (active(applied_kw=None, ramp_from_kw=0.0, ramp_kw_per_s=5.0, refreshed_at=None), 0, 5.0),
        (active(applied_kw=None, ramp_from_kw=40.0, ramp_kw_per_s=5.0, refreshed_at=None), 0, 35.0),
        (active(applied_kw=10.0, ramp_kw_per_s=5.0), 1.0, 15.0),
        (active(applied_kw=10.0, ramp_kw_per_s=5.0), 0.8, 14.0),
        (active(applied_kw=30.0, ramp_kw_per_s=5.0), 1.0, 25.0),
        (active(applied_kw=16.0, ramp_kw_per_s=5.0), 1.0, 20.0),
        # Through 0.
        (active(power_kw=-20.0, applied_kw=2.0, ramp_kw_per_s=5.0), 1.0, -3.0),
        # Held up for 40 s: two seconds' worth, no jump.
        (active(applied_kw=0.0, ramp_kw_per_s=5.0), 40.0, 10.0),
        # A clock that was put back moves nothing.
        (active(applied_kw=10.0, ramp_kw_per_s=5.0), -3.0, 10.0),
        # Where it stands is not known, because it had no ramp when it was asked.
        (active(applied_kw=None, ramp_kw_per_s=5.0, refreshed_at=None), 0, 20.0),
    ],
)
def test_next_power_on_the_ramp(setpoint: ActiveSetpoint, after_s: float, next_kw: float) -> None:
    assert setpoint_next_kw(setpoint, NOW + timedelta(seconds=after_s)) == pytest.approx(next_kw)


def test_a_ramp_takes_its_time_and_ends_at_the_set_point() -> None:
    """0 to 20 kW with 4 kW/s, looked at every second: 4, 8, 12, 16, 20."""
    written = []
    setpoint = active(
        status="requested",
        refreshed_at=None,
        applied_kw=None,
        ramp_from_kw=0.0,
        ramp_kw_per_s=4.0,
    )
    for second in range(30):
        at = NOW + timedelta(seconds=second)
        if setpoint_step(setpoint, at) is Step.WRITE:
            written.append((second, setpoint_next_kw(setpoint, at)))
            setpoint = active(applied_kw=written[-1][1], refreshed_at=at, ramp_kw_per_s=4.0)
    assert written == [(0, 4.0), (1, 8.0), (2, 12.0), (3, 16.0), (4, 20.0)]


@given(
    start_kw=st.floats(-100, 100),
    target_kw=st.floats(-100, 100),
    ramp=st.floats(0.1, 50),
    waits=st.lists(st.floats(0.8, 5), min_size=1, max_size=20),
)
def test_no_step_of_a_ramp_is_steeper_than_allowed_or_beyond_the_target(
    start_kw: float, target_kw: float, ramp: float, waits: list[float]
) -> None:
    at, here = NOW, start_kw
    for wait_s in waits:
        setpoint = active(power_kw=target_kw, applied_kw=here, refreshed_at=at, ramp_kw_per_s=ramp)
        at += timedelta(seconds=wait_s)
        next_kw = setpoint_next_kw(setpoint, at)
        # Time is counted in microseconds.
        assert abs(next_kw - here) <= ramp * (wait_s + 1e-6) + 1e-9
        assert min(here, target_kw) - 1e-9 <= next_kw <= max(here, target_kw) + 1e-9
        here = next_kw


# --- where a ramp begins ---


def power_store(device: Device, power_kw: float, at: datetime = NOW) -> None:
    sensor = Sensor.objects.get(device=device, quantity="power_kw")
    readings_store([ReadingRow(sensor.pk, at, power_kw)])


@pytest.fixture
def ramped(battery: Device) -> Device:
    Device.objects.update(ramp_kw_per_s=5.0)
    return battery


def test_a_ramp_begins_at_what_the_device_measures(ramped: Device) -> None:
    power_store(ramped, 12.0)

    setpoint = ask(ramped, 40.0)

    assert (setpoint.before_kw, setpoint.ramp_from_kw) == (12.0, 12.0)


def test_a_ramp_begins_at_the_set_point_that_holds(ramped: Device) -> None:
    """What the device was told last counts: what it measures lags behind."""
    power_store(ramped, 12.0)
    ask(ramped, 40.0)
    Setpoint.objects.update(status=SetpointStatus.APPLIED, applied_kw=22.0)

    setpoint = ask(ramped, -40.0, now=NOW + timedelta(seconds=3))

    assert (setpoint.before_kw, setpoint.ramp_from_kw) == (12.0, 22.0)


def test_a_ramp_of_an_unknown_battery_begins_at_rest(ramped: Device) -> None:
    setpoint = ask(ramped, 40.0)

    assert (setpoint.before_kw, setpoint.ramp_from_kw) == (None, 0.0)


def test_a_ramp_of_an_unknown_pv_plant_begins_at_its_rating(pv: Device) -> None:
    Device.objects.update(ramp_kw_per_s=5.0)

    assert ask(pv, -5.0).ramp_from_kw == -20.0


def test_a_device_without_ramp_has_no_beginning(battery: Device) -> None:
    power_store(battery, 12.0)

    setpoint = ask(battery, 40.0)

    assert (setpoint.before_kw, setpoint.ramp_from_kw) == (12.0, None)


# --- who may not be written ---


@pytest.mark.parametrize("stage", ["new", "out_of_service"])
def test_only_a_device_in_service_takes_setpoints(battery: Device, stage: str) -> None:
    Device.objects.update(stage=stage)

    assert refused_code(battery, 1.0) == "setpoint.not_in_service"
    assert Setpoint.objects.get().error_code == "setpoint.not_in_service"


def test_a_meter_takes_nothing(operator_a: Operator) -> None:
    meter = device_register(
        site=site_make(), code="meter", name="Meter", kind="meter", host="127.0.0.1", port=599,
        rated_power_kw=100.0, control_enabled=True,
    )  # fmt: skip

    assert refused_code(meter, 0.0) == "setpoint.not_controllable"


@pytest.mark.parametrize("reversion_s", [-1, 0, 9, 3601, 10**12])
def test_a_reversion_time_that_makes_no_sense_is_refused_and_kept(
    battery: Device, reversion_s: int
) -> None:
    with pytest.raises(DomainError) as error:
        setpoint_request(
            device_id=battery.pk, power_kw=1.0, source="plan", reason="x",
            expires_at=NOW + QUARTER, reversion_s=reversion_s, now=NOW,
        )  # fmt: skip

    assert (error.value.code, error.value.field) == ("setpoint.reversion_invalid", "reversion_s")
    assert f"{reversion_s} s" in Setpoint.objects.get().error


@pytest.mark.parametrize("reversion_s", [10, 3600])
def test_a_reversion_time_within_its_bounds_is_taken(battery: Device, reversion_s: int) -> None:
    setpoint = setpoint_request(
        device_id=battery.pk, power_kw=1.0, source="plan", reason="x",
        expires_at=NOW + QUARTER, reversion_s=reversion_s, now=NOW,
    )  # fmt: skip

    assert setpoint.reversion_s == reversion_s


def test_a_limit_that_is_reached_meanwhile_ends_no_set_point(battery: Device) -> None:
    """The battery protects itself; the set-point stays, and the next request is refused."""
    setpoint = ask(battery, 20.0)
    soc_store(battery, 90.0)

    assert refused_code(battery, 21.0) == "setpoint.soc_at_maximum"

    setpoint.refresh_from_db()
    assert setpoint.status == SetpointStatus.REQUESTED
