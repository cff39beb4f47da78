"""The power balance: sums, signs, the calculated grid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.console.viewmodels.flow import power_flow

POWER_KW = st.floats(-5000, 5000, allow_nan=False)


def shares(flow_side: tuple[object, ...]) -> dict[str, float]:
    return {share.key: share.power_kw for share in flow_side}  # type: ignore[attr-defined]


def test_a_sunny_noon_exports_what_is_left() -> None:
    flow = power_flow(pv_power_kw=-100.0, battery_power_kw=30.0, charging_power_kw=20.0)

    assert shares(flow.sources) == {"pv": 100.0}
    assert shares(flow.sinks) == {"battery": 30.0, "grid": 50.0, "charging": 20.0}
    assert (flow.in_kw, flow.out_kw) == (100.0, 100.0)
    assert flow.grid_power_kw == -50.0


def test_an_evening_imports_what_is_missing() -> None:
    flow = power_flow(pv_power_kw=0.0, battery_power_kw=-15.0, charging_power_kw=44.0)

    assert shares(flow.sources) == {"battery": 15.0, "grid": 29.0}
    assert shares(flow.sinks) == {"charging": 44.0}
    assert flow.grid_power_kw == 29.0
    assert [round(share.share_percent, 6) for share in flow.sources] == [
        pytest.approx(100 * 15 / 44), pytest.approx(100 * 29 / 44)
    ]  # fmt: skip


def test_nothing_at_all_has_no_shares_and_no_negative_zero() -> None:
    flow = power_flow(pv_power_kw=0.0, battery_power_kw=0.0, charging_power_kw=0.0)

    assert (flow.sources, flow.sinks, flow.in_kw, flow.out_kw) == ((), (), 0, 0)
    assert str(flow.grid_power_kw) == "0.0"


def test_an_inverter_that_draws_at_night_is_a_sink() -> None:
    flow = power_flow(pv_power_kw=0.02, battery_power_kw=0.0, charging_power_kw=0.0)

    assert shares(flow.sinks) == {"pv": 0.02}
    assert shares(flow.sources) == {"grid": 0.02}


@given(pv=POWER_KW, battery=POWER_KW, charging=st.floats(0, 5000))
def test_in_equals_out(pv: float, battery: float, charging: float) -> None:
    flow = power_flow(pv_power_kw=pv, battery_power_kw=battery, charging_power_kw=charging)

    assert flow.in_kw == pytest.approx(flow.out_kw, abs=1e-6)
    assert all(share.power_kw > 0 for share in (*flow.sources, *flow.sinks))
    assert pv + battery + charging == pytest.approx(flow.grid_power_kw, abs=1e-6)
