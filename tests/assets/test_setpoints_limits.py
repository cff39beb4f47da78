"""Set-points within the limits of the site's grid connection, and kept there."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from apps.assets import ports
from apps.assets.choices import Quality, SetpointStatus
from apps.assets.models import Device, Sensor, Setpoint, Site
from apps.assets.services import (
    ReadingRow,
    device_register,
    limits_hold,
    readings_store,
    setpoint_limits_check,
    setpoint_request,
)
from apps.assets.services.setpoint_limits import DevicePower, Granted, SitePower
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.assets.conftest import battery_make, pv_make, site_make

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
QUARTER = timedelta(minutes=15)


def limits(*, import_kw: float | None = None, export_kw: float | None = None) -> None:
    """Limits of the one site's grid connection; call it after the devices were made."""
    Site.objects.update(grid_import_limit_kw=import_kw, grid_export_limit_kw=export_kw)


def meter_make() -> Device:
    return device_register(
        site=site_make(),
        code="meter",
        name="Grid meter",
        kind="meter",
        host="127.0.0.1",
        port=599,
        rated_power_kw=1000.0,
        is_grid_meter=True,
    )


def measures(
    device: Device, power_kw: float, at: datetime = NOW, quality: Quality = Quality.GOOD
) -> None:
    sensor = Sensor.objects.get(device=device, quantity="power_kw")
    readings_store([ReadingRow(sensor.pk, at, power_kw, int(quality))])


def ask(device: Device, power_kw: float, *, source: str = "plan", now: datetime = NOW) -> Setpoint:
    return setpoint_request(
        device_id=device.pk,
        power_kw=power_kw,
        source=source,
        reason="plan 12",
        expires_at=now + QUARTER,
        now=now,
    )


def applied(setpoint: Setpoint, at: datetime = NOW) -> None:
    """As the poll loop leaves it."""
    Setpoint.objects.filter(pk=setpoint.pk).update(
        status="applied", written_at=at, refreshed_at=at, applied_kw=setpoint.power_kw
    )


def in_force() -> dict[str, float]:
    rows = Setpoint.objects.filter(status__in=("requested", "applied")).select_related("device")
    return {row.device.code: row.power_kw for row in rows}


# --- the rule ---


def power_of(
    *devices: DevicePower,
    meter_kw: float | None = None,
    load_kw: float = 0.0,
    import_kw: float | None = 100.0,
    export_kw: float | None = 60.0,
) -> SitePower:
    return SitePower(devices, meter_kw, load_kw, import_kw, export_kw)


def battery(number: int, measured: float | None = None, **holds: object) -> DevicePower:
    return DevicePower(number, "battery", measured, **holds)  # type: ignore[arg-type]


def pv(number: int, measured: float | None = None, **holds: object) -> DevicePower:
    return DevicePower(number, "pv", measured, **holds)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("site", "asked_kw", "granted"),
    [
        # 40 kW of other load leave 60 of 100 kW to import.
        (power_of(battery(1, 0.0), meter_kw=40.0), 60.0, Granted(60.0)),
        (power_of(battery(1, 0.0), meter_kw=40.0), 80.0, Granted(60.0, "grid_import_limit")),
        # It charges with 30 already: 70 - 30 = 40 kW are of others, 60 are left to it.
        (power_of(battery(1, 30.0), meter_kw=70.0), 80.0, Granted(60.0, "grid_import_limit")),
        # 120 kW are drawn by others: nothing is left, and nothing on the other side of 0.
        (power_of(battery(1, 0.0), meter_kw=120.0), 5.0, Granted(0.0, "grid_import_limit")),
        # Its discharge helps: never cut, however much is imported.
        (power_of(battery(1, 0.0), meter_kw=120.0), -50.0, Granted(-50.0)),
        # 20 kW are exported by others: 40 of 60 kW are left.
        (power_of(battery(1, 0.0), meter_kw=-20.0), -50.0, Granted(-40.0, "grid_export_limit")),
        # 30 kW are drawn by others: 30 + 60 kW can be given.
        (power_of(battery(1, 0.0), meter_kw=30.0), -95.0, Granted(-90.0, "grid_export_limit")),
        (power_of(battery(1, 0.0), meter_kw=0.0, export_kw=0.0), -1.0,
         Granted(0.0, "grid_export_limit")),
        (power_of(battery(1, 0.0), meter_kw=40.0, import_kw=None), 80.0, Granted(80.0)),
        (power_of(battery(1, 0.0), meter_kw=500.0), 0.0, Granted(0.0)),
    ],
)  # fmt: skip
def test_what_a_battery_is_granted(site: SitePower, asked_kw: float, granted: Granted) -> None:
    assert site.granted(device_id=1, asked_kw=asked_kw) == granted


@pytest.mark.parametrize(
    ("site", "rest_kw"),
    [
        # Without meter: 25 of the cars, -30 of the sun, 10 of the other battery.
        (power_of(battery(1, 50.0), battery(2, 10.0), pv(3, -30.0), load_kw=25.0), 5.0),
        # A device that says nothing counts as 0.
        (power_of(battery(1), battery(2), pv(3, -30.0)), -30.0),
        # Battery 2 was asked for 40 just now: that is what it will do, not the 0 it measures.
        (power_of(battery(1), battery(2, 0.0, setpoint_kw=40.0, is_settling=True)), 40.0),
        # It had time to follow and does not (it is full): what it does counts.
        (power_of(battery(1), battery(2, 0.0, setpoint_kw=40.0)), 0.0),
        # It does not say what it does: what it was told counts.
        (power_of(battery(1), battery(2, None, setpoint_kw=40.0)), 40.0),
        # The meter shows 70 of which 30 are this battery's and 10 the other's, on its way to 40:
        # 70 - 30 - 10 + 40.
        (power_of(battery(1, 30.0), battery(2, 10.0, setpoint_kw=40.0, is_settling=True),
                  meter_kw=70.0), 70.0),
        # A PV plant that may give 20 gives no more than the sun does; one held at 5 gives 5.
        (power_of(battery(1), pv(3, -12.0, setpoint_kw=-20.0, is_settling=True)), -12.0),
        (power_of(battery(1), pv(3, -12.0, setpoint_kw=-5.0, is_settling=True)), -5.0),
        # Known loads are in the meter already.
        (power_of(battery(1, 0.0), meter_kw=33.0, load_kw=25.0), 33.0),
    ],
)  # fmt: skip
def test_what_is_expected_of_the_rest_of_the_site(site: SitePower, rest_kw: float) -> None:
    assert site.rest_kw(1) == pytest.approx(rest_kw)


KW = st.floats(-300, 300)
WHOLE_WATTS = st.integers(-300_000, 300_000).map(lambda watts: watts / 1000)


@given(
    asked_kw=WHOLE_WATTS,
    meter_kw=st.none() | KW,
    measured=st.lists(st.none() | KW, min_size=1, max_size=4),
    import_kw=st.none() | st.floats(0, 300),
    export_kw=st.none() | st.floats(0, 300),
)
def test_a_grant_lies_between_zero_and_what_was_asked_and_breaks_no_limit(
    asked_kw: float,
    meter_kw: float | None,
    measured: list[float | None],
    import_kw: float | None,
    export_kw: float | None,
) -> None:
    site = power_of(
        *(battery(n, kw) for n, kw in enumerate(measured)),
        meter_kw=meter_kw,
        import_kw=import_kw,
        export_kw=export_kw,
    )

    granted = site.granted(device_id=0, asked_kw=asked_kw)

    assert min(0.0, asked_kw) <= granted.power_kw <= max(0.0, asked_kw)
    assert bool(granted.limited_by) == (granted.power_kw != asked_kw)
    net_kw = site.rest_kw(0) + granted.power_kw
    if import_kw is not None and granted.power_kw > 0:
        assert net_kw <= import_kw + 1e-5
    if export_kw is not None and granted.power_kw < 0:
        assert net_kw >= -export_kw - 1e-5


# --- requests ---


def test_what_breaks_the_limit_is_cut_and_both_powers_are_kept(operator_a: Operator) -> None:
    device, meter = battery_make(), meter_make()
    limits(import_kw=100.0)
    measures(meter, 45.0)
    measures(device, 5.0)

    setpoint = ask(device, 80.0)

    # 45 - 5 = 40 kW of others leave 60.
    setpoint.refresh_from_db()
    assert (setpoint.power_kw, setpoint.asked_kw) == (60.0, 80.0)
    assert (setpoint.limited_by, setpoint.status) == ("grid_import_limit", "requested")
    assert setpoint.before_kw == 5.0


def test_within_the_limit_nothing_is_cut(operator_a: Operator) -> None:
    device = battery_make()
    limits(import_kw=100.0, export_kw=100.0)

    setpoint = ask(device, 100.0)

    assert (setpoint.power_kw, setpoint.asked_kw, setpoint.limited_by) == (100.0, None, "")


@pytest.mark.parametrize(
    ("at", "quality", "granted_kw"),
    [
        (NOW - timedelta(seconds=15), Quality.GOOD, 60.0),
        # Not known now: the sum of the devices, which is 0.
        (NOW - timedelta(seconds=16), Quality.GOOD, 80.0),
        (NOW, Quality.BAD, 80.0),
    ],
)
def test_only_a_fresh_and_trusted_meter_counts(
    operator_a: Operator, at: datetime, quality: Quality, granted_kw: float
) -> None:
    device, meter = battery_make(), meter_make()
    limits(import_kw=100.0)
    measures(meter, 40.0, at, quality)

    assert ask(device, 80.0).power_kw == granted_kw


def test_without_meter_devices_and_known_loads_are_summed(
    operator_a: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cars:
        def load_kw(self, *, site_id: int) -> float:
            return 70.0 if site_id == Site.objects.get().pk else 0.0

    monkeypatch.setattr(ports, "_loads", [Cars()])
    device, plant = battery_make(), pv_make()
    limits(import_kw=100.0)
    measures(plant, -15.0)

    # 70 of the cars - 15 of the sun: 45 are left.
    assert ask(device, 80.0).power_kw == 45.0


def test_pv_limit_is_cut_by_the_export_limit_only(operator_a: Operator) -> None:
    plant, meter = pv_make(), meter_make()
    limits(import_kw=0.0, export_kw=10.0)
    measures(meter, 2.0)

    raised = ask(plant, -20.0)
    curtailed = ask(plant, 0.0)

    # 2 kW are drawn here, so 12 may be produced; a curtailment is never cut.
    assert (raised.power_kw, raised.limited_by) == (-12.0, "grid_export_limit")
    assert (curtailed.power_kw, curtailed.limited_by) == (0.0, "")


def test_two_batteries_asked_in_the_same_second_share_the_room(operator_a: Operator) -> None:
    first, second, meter = battery_make("bat-01"), battery_make("bat-02", port=504), meter_make()
    limits(import_kw=100.0)
    measures(meter, 0.0)

    ask(first, 80.0)
    ask(second, 80.0)

    assert in_force() == {"bat-01": 80.0, "bat-02": 20.0}


def test_the_same_again_leaves_a_cut_setpoint_as_it_is(operator_a: Operator) -> None:
    device, meter = battery_make(), meter_make()
    limits(import_kw=100.0)
    measures(meter, 40.0)
    first = ask(device, 80.0)

    # 3 kW came free, less than 5 % of 100 kW.
    later = NOW + 2 * SECOND
    measures(meter, 37.0, later)
    again = ask(device, 80.0, now=later)

    assert (again.pk, again.power_kw) == (first.pk, 60.0)
    assert again.expires_at == later + QUARTER


def test_the_same_again_is_cut_further_when_the_room_shrank(operator_a: Operator) -> None:
    device, meter = battery_make(), meter_make()
    limits(import_kw=100.0)
    measures(meter, 40.0)
    first = ask(device, 80.0)
    measures(meter, 41.0, NOW + 2 * SECOND)

    again = ask(device, 80.0, now=NOW + 2 * SECOND)

    first.refresh_from_db()
    assert first.status == SetpointStatus.SUPERSEDED
    assert (again.power_kw, again.asked_kw) == (59.0, 80.0)


def test_check_refuses_what_would_be_cut_and_stores_nothing(operator_a: Operator) -> None:
    device, meter = battery_make(), meter_make()
    limits(import_kw=100.0, export_kw=100.0)
    measures(meter, 40.0)
    device.refresh_from_db()

    setpoint_limits_check(device, 60.0, now=NOW)
    setpoint_limits_check(device, -100.0, now=NOW)
    with pytest.raises(DomainError) as cut:
        setpoint_limits_check(device, 61.0, now=NOW)
    with pytest.raises(DomainError) as rated:
        setpoint_limits_check(device, 101.0, now=NOW)

    assert cut.value.code == "setpoint.grid_import_limit"
    assert rated.value.code == "setpoint.power_above_rated"
    assert Setpoint.objects.count() == 0


def test_check_does_not_ask_whether_a_device_is_in_service(operator_a: Operator) -> None:
    """A device is tested before it goes into service."""
    device = battery_make()
    Device.objects.update(stage="new")
    device.refresh_from_db()

    setpoint_limits_check(device, 5.0, now=NOW)


def test_request_without_limits_asks_nothing_about_the_site(operator_a: Operator) -> None:
    device = battery_make()

    with CaptureQueriesContext(connection) as without:
        ask(device, 20.0)
    limits(import_kw=100.0)
    with CaptureQueriesContext(connection) as with_limits:
        ask(device, 21.0, now=NOW + SECOND)

    def selects(context: CaptureQueriesContext) -> int:
        return len([q for q in context if q["sql"].startswith("SELECT")])

    # Site, device, active one, power before, state of charge, limits of the moment, the last one.
    assert selects(without) == 7
    # The last failure is only looked for when none is active; powers, set-points, two for the cars.
    assert selects(with_limits) == 6 + 4


# --- what holds is kept within the limit ---


@pytest.fixture
def charging(operator_a: Operator) -> tuple[Device, Device]:
    """A battery that charges with 60 of 60 kW for 20 s, behind a meter that shows 100 of 100."""
    device, meter = battery_make(), meter_make()
    limits(import_kw=100.0)
    measures(meter, 40.0)
    measures(device, 0.0)
    applied(ask(device, 60.0))
    measures(device, 60.0, NOW + 20 * SECOND)
    measures(meter, 100.0, NOW + 20 * SECOND)
    return device, meter


LATER = NOW + 21 * SECOND


def test_what_keeps_the_limit_is_left_alone(charging: tuple[Device, Device]) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert limits_hold(now=LATER) == 0

    # Limits of the moment, sites, their set-points, the powers and the set-points beside them.
    assert len([q for q in queries if q["sql"].startswith("SELECT")]) == 5
    assert in_force() == {"bat-01": 60.0}


def test_a_load_that_grows_cuts_what_holds(charging: tuple[Device, Device]) -> None:
    _device, meter = charging
    measures(meter, 125.0, LATER)

    assert limits_hold(now=LATER) == 1

    # 125 - 60 = 65 kW of others leave 35.
    before, after = Setpoint.objects.order_by("pk")
    assert (before.status, before.ended_at) == (SetpointStatus.SUPERSEDED, LATER)
    assert (after.power_kw, after.asked_kw) == (35.0, 60.0)
    assert (after.source, after.reason, after.before_kw) == ("plan", "plan 12", 60.0)
    assert (after.expires_at, after.limited_by) == (before.expires_at, "grid_import_limit")


def test_what_was_cut_grows_again_when_room_comes_free(charging: tuple[Device, Device]) -> None:
    device, meter = charging
    measures(meter, 125.0, LATER)
    limits_hold(now=LATER)
    applied(Setpoint.objects.get(status="requested"), LATER)

    free = LATER + 30 * SECOND
    measures(device, 35.0, free)
    measures(meter, 40.0 + 35.0, free)
    assert limits_hold(now=free) == 1

    newest = Setpoint.objects.get(status="requested")
    assert (newest.power_kw, newest.asked_kw, newest.limited_by) == (60.0, None, "")


def test_a_site_whose_setpoints_changed_just_now_is_left_alone(operator_a: Operator) -> None:
    """The meter shows the battery already, the battery itself not yet: no load grew."""
    device, meter = battery_make(), meter_make()
    limits(import_kw=100.0)
    measures(meter, 40.0)
    applied(ask(device, 60.0))
    measures(device, 0.0, NOW + 3 * SECOND)
    measures(meter, 105.0, NOW + 3 * SECOND)

    assert limits_hold(now=NOW + 5 * SECOND) == 0
    # Six seconds after the change it counts.
    assert limits_hold(now=NOW + 6 * SECOND) == 1


def test_the_weakest_source_is_cut_first(operator_a: Operator) -> None:
    mine, theirs, meter = battery_make("bat-01"), battery_make("bat-02", port=504), meter_make()
    limits(import_kw=100.0)
    measures(meter, 0.0)
    applied(ask(mine, 50.0, source="operator"))
    applied(ask(theirs, 50.0, source="plan"))
    for device in (mine, theirs):
        measures(device, 50.0, NOW + 20 * SECOND)
    measures(meter, 130.0, NOW + 20 * SECOND)

    assert limits_hold(now=LATER) == 1

    # 30 too many: the plan's battery gives them.
    assert in_force() == {"bat-01": 50.0, "bat-02": 20.0}


def test_an_operators_limits_are_looked_after_in_its_own_schema(
    charging: tuple[Device, Device], operator_b: Operator
) -> None:
    _device, meter = charging
    measures(meter, 125.0, LATER)

    with operator_context(operator_b.schema_name):
        assert limits_hold(now=LATER) == 0
        other = battery_make()
        limits(import_kw=10.0)
        assert ask(other, 80.0).power_kw == 10.0

    assert in_force() == {"bat-01": 60.0}


# --- together ---


def test_batteries_asked_by_many_at_once_never_break_the_limit_together(
    live_operators: tuple[Operator, Operator],
) -> None:
    """Four batteries in four threads, 80 kW each, over a connection of 100 kW."""
    with operator_context("guadeloupe"):
        devices = [battery_make(f"bat-{n}", port=510 + n) for n in range(4)]
        limits(import_kw=100.0)
    start = threading.Barrier(4)
    errors: list[Exception] = []

    def work(device: Device) -> None:
        try:
            with operator_context("guadeloupe"):
                start.wait(10)
                for turn in range(10):
                    ask(device, 80.0 - turn, now=NOW + turn * SECOND)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(device,)) for device in devices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert errors == []
    with operator_context("guadeloupe"):
        powers = in_force()
        assert set(powers) == {"bat-0", "bat-1", "bat-2", "bat-3"}
        assert 0 < sum(powers.values()) <= 100.0
        assert Setpoint.objects.exclude(limited_by="").exists()
