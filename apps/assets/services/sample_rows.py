"""From a measurement to rows of readings, each with its quality. Pure."""

import math
from collections.abc import Mapping

from apps.assets.choices import Quality, Quantity
from apps.assets.drivers.poller import Sample
from apps.assets.drivers.registry import DeviceSpec
from apps.assets.services.readings import ReadingRow

# An inverter may deliver a little more than its plate says; a multiple is a broken scale factor.
POWER_PLAUSIBLE_SHARE = 1.5
LARGEST_ENERGY_KWH = 1e9


def value_quality(*, quantity: str, value: float, rated_power_kw: float) -> Quality:
    """Good, or bad for a value that the device cannot have measured."""
    if not math.isfinite(value):
        return Quality.BAD
    if quantity == Quantity.POWER_KW:
        plausible = abs(value) <= POWER_PLAUSIBLE_SHARE * rated_power_kw
    elif quantity == Quantity.SOC_PERCENT:
        plausible = 0.0 <= value <= 100.0
    else:
        plausible = abs(value) <= LARGEST_ENERGY_KWH
    return Quality.GOOD if plausible else Quality.BAD


def sample_rows(sample: Sample, sensor_ids: Mapping[int, Mapping[str, int]]) -> list[ReadingRow]:
    """A row for each quantity that was measured and that the device has a sensor for."""
    spec: DeviceSpec = sample.spec
    measured = {
        Quantity.POWER_KW: sample.measurement.power_kw,
        Quantity.ENERGY_KWH: sample.measurement.energy_kwh,
        Quantity.SOC_PERCENT: sample.measurement.soc_percent,
    }
    sensors = sensor_ids.get(spec.device_id, {})
    return [
        ReadingRow(
            sensors[quantity],
            sample.at,
            value,
            int(value_quality(quantity=quantity, value=value, rated_power_kw=spec.rated_power_kw)),
        )
        for quantity, value in measured.items()
        if value is not None and quantity in sensors
    ]
