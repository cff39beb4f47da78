"""Roll-ups made the slow way, in Python from all readings: what the tables must hold in the end."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from apps.assets.choices import Quality
from apps.assets.models import HourRollup, MinuteRollup, QuarterRollup, Reading, Sensor
from apps.assets.models.readings import Rollup
from apps.assets.services.energy import Counter, CounterReading, counter_steps
from cariflex.common.units import floor_slot

MINUTE = timedelta(minutes=1)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
MODELS: dict[timedelta, type[Rollup]] = {
    MINUTE: MinuteRollup,
    QUARTER: QuarterRollup,
    HOUR: HourRollup,
}
Key = tuple[int, datetime]


@dataclass(frozen=True)
class Slot:
    mean: float | None
    minimum: float | None
    maximum: float | None
    energy_kwh: float | None
    count: int
    bad_count: int
    coverage: float


def stored_rollups(resolution: timedelta) -> dict[Key, Slot]:
    """The table as it is."""
    rows = MODELS[resolution].objects.all()
    return {
        (row.sensor_id, row.start): Slot(
            row.mean,
            row.minimum,
            row.maximum,
            row.energy_kwh,
            row.count,
            row.bad_count,
            row.coverage,
        )
        for row in rows
    }


def expected_rollups() -> dict[timedelta, dict[Key, Slot]]:
    """All three tables from the readings that are stored."""
    minutes: dict[Key, Slot] = {}
    sensors = {sensor.pk: sensor for sensor in Sensor.objects.select_related("device")}
    by_sensor: dict[int, list[Reading]] = defaultdict(list)
    for reading in Reading.objects.order_by("at"):
        by_sensor[reading.sensor_id].append(reading)
    for sensor_id, readings in by_sensor.items():
        minutes |= _minutes(sensors[sensor_id], readings)
    quarters = _coarser(sensors, minutes, MINUTE, QUARTER)
    return {MINUTE: minutes, QUARTER: quarters, HOUR: _coarser(sensors, quarters, QUARTER, HOUR)}


def assert_rollups_are_right() -> None:
    """Every table equals its recomputation from scratch."""
    for resolution, expected in expected_rollups().items():
        stored = stored_rollups(resolution)
        assert sorted(stored) == sorted(expected), resolution
        for key, slot in expected.items():
            assert _missing(stored[key]) == _missing(slot), key
            assert _figures(stored[key]) == pytest.approx(_figures(slot), rel=1e-9, abs=1e-9), key


def _missing(slot: Slot) -> set[str]:
    return {name for name, value in vars(slot).items() if value is None}


def _figures(slot: Slot) -> dict[str, float]:
    return {name: value for name, value in vars(slot).items() if value is not None}


def _minutes(sensor: Sensor, readings: list[Reading]) -> dict[Key, Slot]:
    trusted = [r for r in readings if r.quality in (Quality.GOOD, Quality.SUBSTITUTED)]
    energies: dict[datetime, float | None] = {}
    flagged: set[datetime] = set()
    is_counter = sensor.quantity.startswith("energy_")
    if is_counter:
        steps = counter_steps(
            Counter(sensor.device.rated_power_kw, sensor.rollover_kwh),
            [CounterReading(r.at, r.value) for r in trusted],
        )
        energies = {step.at: step.energy_kwh for step in steps}
        flagged = {step.at for step in steps if step.is_flagged}
    kept = {r.at: r.value for r in trusted if r.at not in flagged}
    slots: dict[Key, Slot] = {}
    for start in {floor_slot(r.at, MINUTE) for r in readings}:
        values = {at: value for at, value in kept.items() if start <= at < start + MINUTE}
        total = sum(1 for r in readings if start <= r.at < start + MINUTE)
        coverage = min(1.0, len(values) * _period_s(sensor) / 60)
        mean = sum(values.values()) / len(values) if values else None
        energy = _sum(energies.get(at) for at in values)
        if sensor.quantity == "power_kw" and mean is not None:
            energy = mean * coverage / 60
        slots[sensor.pk, start] = Slot(
            mean,
            min(values.values(), default=None),
            max(values.values(), default=None),
            energy,
            len(values),
            total - len(values),
            coverage,
        )
    return slots


def _coarser(
    sensors: dict[int, Sensor], finer: dict[Key, Slot], step: timedelta, resolution: timedelta
) -> dict[Key, Slot]:
    groups: dict[Key, list[Slot]] = defaultdict(list)
    for (sensor_id, start), slot in finer.items():
        groups[sensor_id, floor_slot(start, resolution)].append(slot)
    return {key: _joined(sensors[key[0]], parts, step, resolution) for key, parts in groups.items()}


def _joined(sensor: Sensor, parts: list[Slot], step: timedelta, resolution: timedelta) -> Slot:
    count = sum(part.count for part in parts)
    weight = sum(part.coverage for part in parts)
    weighted = sum(part.mean * part.coverage for part in parts if part.mean is not None)
    mean = weighted / weight if weight else None
    coverage = weight * (step / resolution)
    if _period_s(sensor) > 60:
        coverage = count * _period_s(sensor) / resolution.total_seconds()
    coverage = min(1.0, coverage)
    energy = _sum(part.energy_kwh for part in parts)
    if sensor.quantity == "power_kw" and mean is not None:
        energy = mean * coverage * (resolution / HOUR)
    return Slot(
        mean,
        min((part.minimum for part in parts if part.minimum is not None), default=None),
        max((part.maximum for part in parts if part.maximum is not None), default=None),
        energy,
        count,
        sum(part.bad_count for part in parts),
        coverage,
    )


def _period_s(sensor: Sensor) -> float:
    return sensor.period_s or sensor.device.poll_period_s


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
