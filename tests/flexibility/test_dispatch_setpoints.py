"""Dispatch beside hands off, limits of the grid connection, and stronger set-points that end."""

from datetime import timedelta

import pytest

from apps.assets.choices import SetpointSource, SetpointStatus
from apps.assets.models import Device, Setpoint, Site
from apps.assets.services import hands_off_set, setpoint_request
from apps.chargers.site_load import ChargingLoad
from apps.flexibility.choices import ControlMode
from apps.flexibility.selectors import control_state
from apps.flexibility.services.dispatch import dispatch
from apps.flexibility.tasks import dispatch as dispatch_task
from cariflex.common.time import utc_now
from cariflex.common.units import QUARTER_HOUR
from tests.flexibility.conftest import NOW, SLOT, Island, report
from tests.flexibility.test_dispatch import plan_make, setpoints

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("source", [SetpointSource.OPERATOR, SetpointSource.GRID])
def test_the_plan_comes_again_when_a_stronger_set_point_ends(
    island: Island, source: SetpointSource
) -> None:
    plan_make(island)
    dispatch(now=NOW)
    stronger = setpoint_request(
        device_id=island.bat_1.pk, power_kw=-3.0, source=source, reason="peak",
        expires_at=NOW + timedelta(minutes=2), now=NOW + SECOND,
    )  # fmt: skip

    dispatch(now=NOW + 60 * SECOND)
    during = setpoints()["bat-1"]
    report(island, NOW + 120 * SECOND)
    dispatch(now=NOW + 120 * SECOND)

    assert during == (-3.0, source)
    assert setpoints()["bat-1"] == (20.0, "plan")
    stronger.refresh_from_db()
    assert stronger.status == SetpointStatus.EXPIRED


def test_the_own_rule_takes_over_where_a_stronger_set_point_ended_and_no_plan_is_left(
    island: Island,
) -> None:
    setpoint_request(
        device_id=island.bat_1.pk, power_kw=-3.0, source="operator", reason="peak",
        expires_at=NOW + timedelta(seconds=30), now=NOW,
    )  # fmt: skip
    dispatch(now=NOW)
    assert setpoints() == {"bat-1": (-3.0, "operator"), "bat-2": (30.0, "fallback")}

    dispatch(now=NOW + 30 * SECOND)

    assert setpoints() == {"bat-1": (30.0, "fallback"), "bat-2": (30.0, "fallback")}


def test_all_four_sources_in_their_order_and_back(island: Island) -> None:
    """fallback < plan < grid < operator; each one that ends leaves the device to the next."""

    def hold(source: str, power_kw: float, until_s: int) -> None:
        setpoint_request(
            device_id=island.bat_1.pk, power_kw=power_kw, source=source, reason="x",
            expires_at=NOW + until_s * SECOND, now=NOW,
        )  # fmt: skip

    def source_now(after_s: int) -> str:
        dispatch(now=NOW + after_s * SECOND)
        return setpoints()["bat-1"][1]

    assert source_now(0) == "fallback"
    plan_make(island)
    assert source_now(0) == "plan"
    hold("grid", -10.0, 60)
    assert source_now(0) == "grid"
    hold("operator", -3.0, 40)
    assert source_now(39) == "operator"
    # The grid's own set-point was overridden: whoever runs the grid's event asks again.
    assert source_now(40) == "plan"


def test_hands_off_battery_gets_nothing_and_leaves_the_surplus_to_the_other(
    island: Island,
) -> None:
    hands_off_set(device=island.bat_1, is_on=True, reason="x", changed_by=None, now=NOW)

    requested = dispatch(now=NOW)

    # 60 kW of surplus for one battery of 50 kW.
    assert requested == 1
    assert setpoints() == {"bat-2": (50.0, "fallback")}
    assert not Setpoint.objects.filter(device=island.bat_1).exists()


def test_hands_off_site_gets_nothing_and_keeps_its_control_state(island: Island) -> None:
    plan_make(island)
    hands_off_set(site=island.site, is_on=True, reason="x", changed_by=None, now=NOW)

    assert dispatch(now=NOW) == 0

    assert Setpoint.objects.count() == 0
    assert control_state(island.site.pk).mode == ControlMode.PLAN


def test_battery_out_of_service_gets_nothing(island: Island) -> None:
    plan_make(island)
    Device.objects.filter(pk=island.bat_1.pk).update(stage="out_of_service")

    dispatch(now=NOW)

    assert set(setpoints()) == {"bat-2"}
    assert not Setpoint.objects.filter(device=island.bat_1).exists()


def test_two_batteries_keep_the_import_limit_together_and_are_not_asked_again(
    island: Island,
) -> None:
    """60 kW of sun and 20 to import: 80 kW for two batteries that shall charge with 50 each."""
    Site.objects.update(grid_import_limit_kw=20.0)
    plan_make(island, power_kw=50.0)

    dispatch(now=NOW)
    again = dispatch(now=NOW + 2 * SECOND)

    assert setpoints() == {"bat-1": (50.0, "plan"), "bat-2": (30.0, "plan")}
    cut = Setpoint.objects.get(device=island.bat_2)
    assert (cut.asked_kw, cut.limited_by) == (50.0, "grid_import_limit")
    assert again == 0
    assert Setpoint.objects.count() == 2


def test_a_cut_set_point_is_prolonged_with_the_next_slot(island: Island) -> None:
    Site.objects.update(grid_import_limit_kw=20.0)
    plan_make(island, power_kw=50.0)
    dispatch(now=NOW)
    later = SLOT + QUARTER_HOUR
    report(island, later)

    dispatch(now=later)

    assert setpoints() == {"bat-1": (50.0, "plan"), "bat-2": (30.0, "plan")}
    assert Setpoint.objects.count() == 2


def test_the_task_keeps_the_limits_while_set_points_last(island: Island) -> None:
    now = utc_now()
    Device.objects.filter(pk=island.bat_2.pk).update(control_enabled=False)
    setpoint_request(
        device_id=island.bat_1.pk, power_kw=40.0, source="operator", reason="x",
        expires_at=now + timedelta(hours=1), now=now - timedelta(minutes=2),
    )  # fmt: skip
    Setpoint.objects.update(
        status="applied", written_at=now - timedelta(minutes=1), applied_kw=40.0
    )
    Site.objects.update(grid_import_limit_kw=60.0)
    report(island, now, pv_kw=0.0, power=40.0)

    dispatch_task()

    # Battery 2 draws 40 kW by itself: 20 of 60 kW are left.
    assert setpoints() == {"bat-1": (20.0, "operator")}


def test_the_cars_count_at_the_first_site(island: Island, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.chargers.site_load.charging_power_kw", lambda: 44.0)
    other = Site.objects.create(code="other", name="Other")
    Site.objects.update(grid_import_limit_kw=100.0)
    plan_make(island, power_kw=50.0)
    report(island, NOW, pv_kw=0.0)

    dispatch(now=NOW)

    # 100 kW less the cars' 44: 50 for the first battery, 6 for the second.
    assert setpoints() == {"bat-1": (50.0, "plan"), "bat-2": (6.0, "plan")}
    assert ChargingLoad().load_kw(site_id=other.pk) == 0.0
