"""PV plants, what is forecast of them and how well it was met. Powers in kW, production >= 0.

A forecast slot is the latest published one, not the surest: once the weather is too old, the clear
sky of today stands for it although it is only a fallback.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from apps.assets.choices import DeviceKind, Quantity
from apps.assets.models import Sensor
from apps.assets.selectors import slot_means
from apps.markets.choices import Feed, Quality, SeriesKind
from apps.markets.feeds.day_ahead import local_day_start
from apps.markets.models import PvArray, PvPlant, SeriesValue
from apps.markets.pv import plant as pure
from apps.markets.pv.grouping import Cell, cell_of
from cariflex.common.units import QUARTER_HOUR

TOTAL_AREA: Final = "island"
"""The area of the sum of all plants."""
MAX_CODE: Final = 40
MIN_COVERAGE: Final = 0.5
"""A quarter hour that was measured for less than this says little of its mean."""
P10: Final = "p10"
P50: Final = "p50"
P90: Final = "p90"
VARIANTS: Final = (P10, P50, P90)
Measured: TypeAlias = tuple[tuple[datetime, float], ...]
"""(start, mean kW >= 0) by start."""


@dataclass(frozen=True, slots=True)
class PlantRow:
    """A plant with what it is made of; `model` is None where `fault` says why it cannot be."""

    plant_id: int
    device_id: int
    code: str
    name: str
    time_zone: str
    enabled: bool
    solcast_resource_id: str
    model: pure.PvPlant | None
    fault: str = ""

    @property
    def cell(self) -> Cell | None:
        """The cell whose weather it takes."""
        return cell_of(self.model.latitude, self.model.longitude) if self.model else None


@dataclass(frozen=True, slots=True)
class ForecastPoint:
    """Mean AC power over the quarter hour from `start`, kW.

    `origin` is solcast, open_meteo, meteo_france or clear_sky; P10 and P90 are those of the same
    origin, None where it gives none.
    """

    start: datetime
    p50_kw: Decimal
    p10_kw: Decimal | None
    p90_kw: Decimal | None
    quality: Quality
    origin: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class PlantSkill:
    """How far the forecast known at the start of a day was from what was measured.

    Over the quarter hours that have both and in which either is above 0. `mae_kw` is the mean
    absolute error, `bias_kw` the mean of forecast minus measured, `mae_percent` the first in
    percent of the peak power; all None when there is no such quarter hour.
    """

    code: str
    slots: int
    mae_kw: float | None
    bias_kw: float | None
    mae_percent: float | None


def plant_model(plant: PvPlant, arrays: Iterable[PvArray]) -> pure.PvPlant:
    """The plant as the model takes it, at its own place, else its device's, else its site's.

    Three reads unless device and site are selected. Raises PlantError for a plant that cannot be.
    """
    device = plant.device
    if device.kind != DeviceKind.PV:
        raise pure.PlantError("device", "is no PV plant")
    if len(device.code) > MAX_CODE or device.code == TOTAL_AREA:
        raise pure.PlantError(
            "device", f"code must have at most {MAX_CODE} signs and not be {TOTAL_AREA!r}"
        )
    latitude, longitude = _place(plant)
    return pure.PvPlant(
        latitude=latitude,
        longitude=longitude,
        altitude_m=plant.altitude_m,
        arrays=tuple(
            pure.PvArray(array.tilt_degrees, array.azimuth_degrees, array.peak_kwp)
            for array in arrays
        ),
        inverter_limit_kw=plant.inverter_limit_kw,
        loss_percent=plant.loss_percent,
        power_coefficient_percent_per_c=plant.power_coefficient_percent_per_c,
    )


def pv_plants(*, enabled_only: bool = False) -> list[PlantRow]:
    """The operator's plants by code. Two queries."""
    plants = PvPlant.objects.select_related("device__site").prefetch_related("arrays")
    if enabled_only:
        plants = plants.filter(enabled=True)
    return [_row(plant) for plant in plants.order_by("device__code")]


def weather_cells() -> list[Cell]:
    """The cells whose weather the enabled plants need, in order. Two queries."""
    return sorted({row.cell for row in pv_plants(enabled_only=True) if row.cell is not None})


def rooftop_resources() -> list[str]:
    """The Solcast resources of the enabled plants, in order. One query."""
    found = PvPlant.objects.filter(enabled=True).exclude(solcast_resource_id="")
    return sorted(set(found.values_list("solcast_resource_id", flat=True)))


def weather_request(cell: Cell) -> str:
    """The word a feed is asked for the weather of a cell by; documents are kept under it."""
    return f"weather:{cell.south},{cell.west}"


def rooftop_request(resource_id: str) -> str:
    """The word a feed is asked for the power of a registered site by."""
    return f"rooftop:{resource_id}"


def cell_area(cell: Cell) -> str:
    """The area of the weather series of a cell."""
    return f"{cell.south},{cell.west}"


def pv_forecast(
    *, codes: Sequence[str], start: datetime, end: datetime, as_of: datetime | None = None
) -> dict[str, list[ForecastPoint]]:
    """The forecast of plants by their device's code (TOTAL_AREA: of all together), one query.

    The quarter hours that start in [start, end), ordered; with `as_of` as it was known then.
    """
    rows = SeriesValue.objects.filter(
        series__kind=SeriesKind.PV_PRODUCTION,
        series__source=Feed.ISLAND,
        series__area__in=[*codes],
        start__gte=start,
        start__lt=end,
    )
    if as_of is not None:
        rows = rows.filter(published_at__lte=as_of)
    latest = (
        rows.order_by("series_id", "start", "-published_at", "-pk")
        .distinct("series_id", "start")
        .values_list(
            "series__area", "series__variant", "start", "value", "quality", "origin", "published_at"
        )
    )
    found: dict[tuple[str, datetime], dict[str, _Known]] = defaultdict(dict)
    for area, variant, at, value, quality, origin, published_at in latest:
        found[area, at][variant] = _Known(value, quality, origin, published_at)
    points: dict[str, list[ForecastPoint]] = {code: [] for code in codes}
    for (area, at), known in sorted(found.items(), key=lambda item: item[0]):
        if P50 in known:
            points[area].append(_point(at, known))
    return points


def pv_measured(*, rows: Sequence[PlantRow], start: datetime, end: datetime) -> dict[str, Measured]:
    """The quarter hours each plant was measured in, by its device's code. Three queries.

    A device's power is negative while it produces; what it draws at night counts as 0.
    """
    codes = {row.device_id: row.code for row in rows}
    sensors = dict(
        Sensor.objects.filter(
            device_id__in=codes, quantity=Quantity.POWER_KW, channel=""
        ).values_list("pk", "device_id")
    )
    found: dict[str, list[tuple[datetime, float]]] = {code: [] for code in codes.values()}
    if not sensors:
        return dict.fromkeys(found, ())
    for slot in slot_means(sensor_ids=[*sensors], start=start, end=end, resolution=QUARTER_HOUR):
        if slot.coverage >= MIN_COVERAGE:
            power_kw = max(-slot.mean, 0.0)
            found[codes[sensors[slot.sensor_id]]].append((slot.start, power_kw))
    return {code: tuple(slots) for code, slots in found.items()}


def pv_skill(*, now: datetime) -> list[PlantSkill]:
    """How well yesterday was forecast, plant by plant (enabled ones), by code.

    Yesterday is the local one of each site, its forecast the one known at its midnight. Six
    queries for each time zone of the sites.
    """
    by_zone: dict[str, list[PlantRow]] = defaultdict(list)
    for row in pv_plants(enabled_only=True):
        by_zone[row.time_zone].append(row)
    found = [
        skill for zone, rows in by_zone.items() for skill in _skill_of(ZoneInfo(zone), rows, now)
    ]
    return sorted(found, key=lambda skill: skill.code)


@dataclass(frozen=True, slots=True)
class _Known:
    value: Decimal
    quality: str
    origin: str
    published_at: datetime


def _point(at: datetime, known: Mapping[str, _Known]) -> ForecastPoint:
    p50 = known[P50]

    def percentile(name: str) -> Decimal | None:
        # A percentile that a former origin left behind says nothing of the P50 of this one.
        other = known.get(name)
        return other.value if other is not None and other.origin == p50.origin else None

    return ForecastPoint(
        start=at,
        p50_kw=p50.value,
        p10_kw=percentile(P10),
        p90_kw=percentile(P90),
        quality=Quality(p50.quality),
        origin=p50.origin,
        published_at=p50.published_at,
    )


def _skill_of(zone: ZoneInfo, rows: Sequence[PlantRow], now: datetime) -> list[PlantSkill]:
    today = now.astimezone(zone).date()
    start = local_day_start(today - timedelta(days=1), zone)
    end = local_day_start(today, zone)
    measured = pv_measured(rows=rows, start=start, end=end)
    told = pv_forecast(codes=[row.code for row in rows], start=start, end=end, as_of=start)
    return [_skill(row, dict(measured[row.code]), told[row.code]) for row in rows]


def _skill(
    row: PlantRow, measured_kw: Mapping[datetime, float], told: Iterable[ForecastPoint]
) -> PlantSkill:
    errors = [
        float(point.p50_kw) - measured_kw[point.start]
        for point in told
        if point.start in measured_kw and (point.p50_kw > 0 or measured_kw[point.start] > 0)
    ]
    if not errors:
        return PlantSkill(row.code, 0, None, None, None)
    mae_kw = sum(map(abs, errors)) / len(errors)
    return PlantSkill(
        code=row.code,
        slots=len(errors),
        mae_kw=mae_kw,
        bias_kw=sum(errors) / len(errors),
        mae_percent=100 * mae_kw / row.model.peak_kwp if row.model else None,
    )


def _row(plant: PvPlant) -> PlantRow:
    model, fault = None, ""
    try:
        model = plant_model(plant, plant.arrays.all())
    except pure.PlantError as err:
        fault = str(err)
    device = plant.device
    return PlantRow(
        plant_id=plant.pk,
        device_id=device.pk,
        code=device.code,
        name=device.name,
        time_zone=device.site.time_zone,
        enabled=plant.enabled,
        solcast_resource_id=plant.solcast_resource_id,
        model=model,
        fault=fault,
    )


def _place(plant: PvPlant) -> tuple[float, float]:
    for owner in (plant, plant.device, plant.device.site):
        if owner.latitude is not None and owner.longitude is not None:
            return owner.latitude, owner.longitude
    raise pure.PlantError("latitude", "is not given, and neither device nor site has a place")
