"""From a measurement to rows of readings, each with its quality. Pure."""

import math
from collections.abc import Mapping

from apps.assets.choices import Quality, Quantity
from apps.assets.drivers.measurement import SensorKey
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
    elif quantity in (Quantity.SOC_PERCENT, Quantity.SOH_PERCENT):
        plausible = 0.0 <= value <= 100.0
    elif Quantity(quantity).is_counter:
        plausible = 0.0 <= value <= LARGEST_ENERGY_KWH
    else:
        plausible = True
    return Quality.GOOD if plausible else Quality.BAD


def sample_rows(
    sample: Sample, sensor_ids: Mapping[int, Mapping[SensorKey, int]]
) -> list[ReadingRow]:
    """A row for each value that was measured and that the device has a sensor for."""
    spec: DeviceSpec = sample.spec
    measurement = sample.measurement
    sensors = sensor_ids.get(spec.device_id, {})
    return [
        ReadingRow(
            sensors[key],
            sample.at,
            value,
            int(
                Quality.BAD
                if key in measurement.out_of_range
                else value_quality(quantity=key[0], value=value, rated_power_kw=spec.rated_power_kw)
            ),
        )
        for key, value in measurement.values.items()
        if key in sensors
    ]
