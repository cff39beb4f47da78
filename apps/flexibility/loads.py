"""What flows at a site beside the batteries, measured and expected. kW, consumption positive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from apps.assets.models import Device, Site
from apps.assets.selectors import sensor_ids_by_device, slot_means
from apps.chargers.selectors import charging_power_by_slot
from apps.flexibility.choices import AssetKind, SensorRole
from cariflex.common.units import QUARTER_HOUR

# Persistence: the same time yesterday, else the day before that and so on.
PERSISTENCE_DAYS: Final = (1, 2, 3, 7)
SlotPowers = dict[datetime, float]


def device_powers(
    *, device_ids: Sequence[int], start: datetime, end: datetime
) -> dict[int, SlotPowers]:
    """Measured mean power per device and quarter hour of [start, end); unmeasured slots absent."""
    return device_means(quantity="power_kw", device_ids=device_ids, start=start, end=end)


def device_means(
    *, quantity: str, device_ids: Sequence[int], start: datetime, end: datetime
) -> dict[int, SlotPowers]:
    """The mean of a quantity per device and quarter hour of [start, end), as of `device_powers`."""
    sensor_ids = {
        device_id: sensor_id
        for device_id, sensor_id in sensor_ids_by_device(quantity).items()
        if device_id in set(device_ids)
    }
    device_by_sensor = {sensor_id: device_id for device_id, sensor_id in sensor_ids.items()}
    powers: dict[int, SlotPowers] = {device_id: {} for device_id in device_ids}
    for mean in slot_means(
        sensor_ids=list(device_by_sensor), start=start, end=end, resolution=QUARTER_HOUR
    ):
        if mean.mean is not None:
            powers[device_by_sensor[mean.sensor_id]][mean.start] = mean.mean
    return powers


def site_powers(*, site_id: int, start: datetime, end: datetime) -> dict[SensorRole, SlotPowers]:
    """Measured PV (production is negative), vehicle charging and other load per quarter hour.

    The other load is what the meter of the grid connection shows beyond PV, batteries and cars;
    a site without such a meter has none that is known.
    """
    devices = Device.objects.filter(site_id=site_id).values_list("pk", "kind", "is_grid_meter")
    kinds = {pk: "grid" if is_grid_meter else kind for pk, kind, is_grid_meter in devices}
    by_device = device_powers(device_ids=list(kinds), start=start, end=end)

    def of(kind: str) -> list[SlotPowers]:
        return [powers for pk, powers in by_device.items() if kinds[pk] == kind]

    pv, charging = total(of(AssetKind.PV)), _charging(site_id, start, end)
    return {
        SensorRole.PV_POWER: pv,
        SensorRole.CHARGING_POWER: charging,
        SensorRole.LOAD_POWER: _other(of("grid"), pv, total(of(AssetKind.BATTERY)), charging),
    }


def _other(
    grid: Sequence[SlotPowers], pv: SlotPowers, batteries: SlotPowers, charging: SlotPowers
) -> SlotPowers:
    # Never below 0: meter and devices are not read at one instant.
    return {
        start: max(
            0.0,
            power_kw - pv.get(start, 0.0) - batteries.get(start, 0.0) - charging.get(start, 0.0),
        )
        for start, power_kw in total(grid).items()
    }


def total(parts: Sequence[SlotPowers]) -> SlotPowers:
    """The sum of several devices; a slot counts as soon as one of them measured it."""
    summed: SlotPowers = {}
    for part in parts:
        for start, power_kw in part.items():
            summed[start] = summed.get(start, 0.0) + power_kw
    return summed


def persistence(
    *, history: Mapping[datetime, float], start: datetime, slot_count: int
) -> list[float]:
    """Expected power per slot from `start`: that of the same time on the last day measured, else 0.

    Pure. Nothing measured means nothing expected: a plan then counts on no sun and no cars.
    """
    expected: list[float] = []
    for number in range(slot_count):
        slot = start + number * QUARTER_HOUR
        earlier = (history.get(slot - timedelta(days=days)) for days in PERSISTENCE_DAYS)
        expected.append(next((power for power in earlier if power is not None), 0.0))
    return expected


def _charging(site_id: int, start: datetime, end: datetime) -> SlotPowers:
    # Stations are counted at the operator's first site until each names its own.
    first = Site.objects.order_by("pk").values_list("pk", flat=True).first()
    if site_id != first:
        return {}
    return {
        slot.start: slot.mean_power_kw
        for slot in charging_power_by_slot(start=start, end=end, resolution=QUARTER_HOUR)
    }
