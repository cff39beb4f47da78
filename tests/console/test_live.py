"""The live snapshot: exact values, budget, JSON."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import pytest
from django.test import Client

from apps.assets.models import Device, SensorLatest
from apps.console.viewmodels.live import live_snapshot, snapshot_text
from apps.flexibility.models import ControlState
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.console.scene import island_build, meter_build, readings_put

pytestmark = pytest.mark.django_db


def test_the_snapshot_adds_up(operator_a: Operator, now: datetime) -> None:
    island_build(now=now)

    snapshot = live_snapshot(now=now + timedelta(seconds=1))

    assert snapshot.schema == "guadeloupe"
    assert snapshot.flow.pv_power_kw == -5.0
    assert snapshot.flow.battery_power_kw == 3.0
    assert snapshot.flow.charging_power_kw == 20.0
    assert snapshot.flow.grid_power_kw == 18.0
    assert (snapshot.flow.in_kw, snapshot.flow.out_kw) == (23.0, 23.0)
    assert not snapshot.flow.is_partial
    # (10 kWh * 50 % + 30 kWh * 90 %) / 40 kWh = 32 / 40
    assert (snapshot.fleet.energy_kwh, snapshot.fleet.soc_percent) == (32.0, 80.0)
    assert (snapshot.fleet.charging_count, snapshot.fleet.discharging_count) == (1, 1)
    assert (snapshot.devices.total_count, snapshot.devices.fresh_count) == (4, 4)
    assert (snapshot.stations.total_count, snapshot.stations.connected_count) == (2, 2)
    assert snapshot.stations.in_use_count == 1
    assert snapshot.price is not None
    assert (snapshot.price.price_eur_per_mwh, snapshot.price.quality) == (81.25, "actual")
    assert (snapshot.control.mode, snapshot.control.reason_code) == ("plan", "")
    assert [session.energy_kwh for session in snapshot.sessions] == [3.5]


def test_a_grid_meter_is_no_part_of_the_sums(operator_a: Operator, now: datetime) -> None:
    meter = meter_build(island_build(now=now), now=now, power_kw=18.0)
    Device.objects.filter(pk=meter.pk).update(connection_state="silent")

    snapshot = live_snapshot(now=now)

    # As without it: in PV 5 + grid 18 (calculated), out batteries 3 + car 20.
    assert (snapshot.flow.in_kw, snapshot.flow.grid_power_kw) == (23.0, 18.0)
    assert not snapshot.flow.is_partial
    assert (snapshot.fleet.energy_kwh, snapshot.fleet.capacity_kwh) == (32.0, 40.0)
    assert snapshot.devices.silent_count == 1


def test_an_unknown_state_of_charge_gives_no_energy(operator_a: Operator, now: datetime) -> None:
    island_build(now=now)
    SensorLatest.objects.filter(sensor__quantity="soc_percent").delete()

    fleet = live_snapshot(now=now).fleet

    assert (fleet.soc_percent, fleet.energy_kwh, fleet.capacity_kwh) == (None, None, None)


def test_a_silent_device_is_left_out_of_the_sums(operator_a: Operator, now: datetime) -> None:
    island_build(now=now)
    Device.objects.filter(code="pv-01").update(connection_state="silent")

    snapshot = live_snapshot(now=now)

    assert snapshot.flow.pv_power_kw == -2.0
    assert snapshot.flow.is_partial
    assert snapshot.flow.in_kw == snapshot.flow.out_kw == 23.0
    assert (snapshot.devices.fresh_count, snapshot.devices.silent_count) == (3, 1)


def test_old_values_are_late(operator_a: Operator, now: datetime) -> None:
    island_build(now=now)

    snapshot = live_snapshot(now=now + timedelta(seconds=6))

    assert snapshot.devices.stale_count == 4
    assert snapshot.flow.pv_power_kw == 0.0
    assert {asset.state for asset in snapshot.assets if asset.kind != "station"} == {"stale"}


def test_no_number_is_an_error(operator_a: Operator, now: datetime) -> None:
    island_build(now=now)
    readings_put(
        now=now + timedelta(seconds=1),
        powers_kw={"pv-01": float("nan"), "pv-02": -2.0, "bat-01": 4.0, "bat-02": -1.0},
    )

    snapshot = live_snapshot(now=now + timedelta(seconds=1))

    assert [a.state for a in snapshot.assets if a.asset_id == "pv-01"] == ["error"]
    assert snapshot.flow.pv_power_kw == -2.0


def test_an_operator_without_anything_has_an_empty_snapshot(
    operator_a: Operator, now: datetime
) -> None:
    snapshot = live_snapshot(now=now)

    assert (snapshot.price, snapshot.assets, snapshot.sessions) == (None, (), ())
    assert (snapshot.flow.in_kw, snapshot.fleet.soc_percent) == (0, None)
    assert snapshot.control.mode == "unknown"


def test_the_reason_travels_as_a_code(operator_a: Operator, now: datetime) -> None:
    site = island_build(now=now)
    ControlState.objects.filter(site=site).update(mode="fallback", reason_code="unavailable")

    control = live_snapshot(now=now).control

    assert (control.mode, control.reason_code, control.since) == ("fallback", "unavailable", now)


def test_the_text_is_json_with_units_in_its_keys(operator_a: Operator, now: datetime) -> None:
    island_build(now=now)

    document = json.loads(snapshot_text(live_snapshot(now=now)))

    assert document["at"] == "2026-11-23T15:07:30Z"
    assert document["flow"]["grid_power_kw"] == 18.0
    assert document["flow"]["sources"][0] == {
        "key": "pv", "power_kw": 5.0, "share_percent": pytest.approx(100 * 5 / 23),
    }  # fmt: skip
    assert document["assets"][0]["asset_id"] == "bat-01"


def test_the_snapshot_of_another_operator_is_another(
    operator_a: Operator, operator_b: Operator, now: datetime
) -> None:
    island_build(now=now)

    with operator_context("martinique"):
        other = live_snapshot(now=now)

    assert (other.schema, other.assets, other.price) == ("martinique", (), None)


def test_a_snapshot_takes_ten_queries_at_most(
    operator_a: Operator,
    now: datetime,
    queries_at_most: Callable[[int], AbstractContextManager[None]],
) -> None:
    island_build(now=now)
    live_snapshot(now=now)

    with queries_at_most(10):
        live_snapshot(now=now)


def test_the_page_and_the_feed_give_the_same_document(
    signed_in: Callable[..., Client], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.console.views.pages.utc_now", lambda: now)
    with operator_context("guadeloupe"):
        island_build(now=now)
        expected = snapshot_text(live_snapshot(now=now))

    reply = signed_in("guadeloupe").get("/live/snapshot")

    assert reply.status_code == 200
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.content.decode() == expected
