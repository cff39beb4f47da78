"""A day of a PV plant: what was forecast with its band, what was measured beside it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from apps.assets.models import Device
from apps.console.formats import NO_VALUE, energy_text, power_text
from apps.console.viewmodels.data_chart import SeriesChart, series_chart
from apps.console.viewmodels.data_words import source_text
from apps.console.viewmodels.plant_form import PlantForm, rule_words
from apps.console.viewmodels.plants import HOURS_A_SLOT, place_text
from apps.markets.choices import SeriesKind
from apps.markets.feeds.day_ahead import local_day_slots, local_day_start
from apps.markets.models import Series
from apps.markets.selectors.pv import (
    ForecastPoint,
    Measured,
    PlantRow,
    pv_forecast,
    pv_measured,
    pv_plants,
)
from apps.markets.selectors.series import KnownValue
from cariflex.common.units import QUARTER_HOUR

YEARS = range(2000, 2100)


@dataclass(frozen=True, slots=True)
class DaySlot:
    """A quarter hour with its forecast, as the chart takes it and as the table shows it."""

    start: datetime
    time: str
    known: KnownValue | None
    p50: str
    p10: str
    p90: str
    measured: str
    source: str


@dataclass(frozen=True, slots=True)
class PlantDay:
    """One local day of a plant."""

    day: date
    today: date
    time_zone: str
    slots: tuple[DaySlot, ...]
    chart: SeriesChart
    forecast: str
    measured: str
    is_known: bool

    @property
    def previous(self) -> date:
        """The day before."""
        return self.day - timedelta(days=1)

    @property
    def next(self) -> date:
        """The day after."""
        return self.day + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PlantPage:
    """The page of one plant: its form and its day; `day` is None before there is a plant."""

    device: Device
    row: PlantRow | None
    form: PlantForm
    day: PlantDay | None
    place_help: str
    may_change: bool

    @property
    def fault(self) -> str:
        """Why nothing can be forecast of the plant as it is stored."""
        field, _colon, rule = (self.row.fault if self.row else "").rpartition(": ")
        words = rule_words(rule)
        return words if words != rule or not field else f"{field}: {rule}"


def plant_page(
    *, device: Device, form: PlantForm, asked: date | None, now: datetime, may_change: bool
) -> PlantPage:
    """The page of a PV device. Five queries and those of the form."""
    row = next((one for one in pv_plants() if one.device_id == device.pk), None)
    return PlantPage(
        device=device,
        row=row,
        form=form,
        day=plant_day(row=row, asked=asked, now=now) if row else None,
        place_help=_place_help(device),
        may_change=may_change,
    )


def plant_day(*, row: PlantRow, asked: date | None, now: datetime) -> PlantDay:
    """A local day of the plant's site; today when none is asked for."""
    zone = ZoneInfo(row.time_zone)
    today = now.astimezone(zone).date()
    day = asked if asked and asked.year in YEARS else today
    start, end = local_day_start(day, zone), local_day_start(day + timedelta(days=1), zone)
    points = pv_forecast(codes=[row.code], start=start, end=end)[row.code]
    measured = pv_measured(rows=[row], start=start, end=end)[row.code]
    slots = _slots(local_day_slots(day, zone, QUARTER_HOUR), points, measured, zone)
    return PlantDay(
        day=day,
        today=today,
        time_zone=row.time_zone,
        slots=slots,
        chart=_chart(slots, points, dict(measured), start, end, now),
        forecast=_energy(point.p50_kw for point in points) if points else NO_VALUE,
        measured=energy_text(sum(kw for _at, kw in measured) * float(HOURS_A_SLOT))
        if measured
        else NO_VALUE,
        is_known=bool(points or measured),
    )


def _slots(
    starts: Sequence[datetime],
    points: Sequence[ForecastPoint],
    measured: Measured,
    zone: ZoneInfo,
) -> tuple[DaySlot, ...]:
    told, seen = {point.start: point for point in points}, dict(measured)
    return tuple(_slot(at, told.get(at), seen.get(at), zone) for at in starts)


def _slot(
    at: datetime, point: ForecastPoint | None, measured_kw: float | None, zone: ZoneInfo
) -> DaySlot:
    return DaySlot(
        start=at,
        time=f"{at.astimezone(zone):%H:%M}",
        known=_known(point, point.p50_kw) if point else None,
        p50=_power(point.p50_kw if point else None),
        p10=_power(point.p10_kw if point else None),
        p90=_power(point.p90_kw if point else None),
        measured=power_text(measured_kw, "kW"),
        source=source_text(point.origin) if point else NO_VALUE,
    )


def _chart(
    slots: Sequence[DaySlot],
    points: Sequence[ForecastPoint],
    measured: dict[datetime, float],
    start: datetime,
    end: datetime,
    now: datetime,
) -> SeriesChart:
    chart = series_chart(
        series=Series(kind=SeriesKind.PV_PRODUCTION, unit="kW", resolution_s=900),
        slots=slots,
        start=start,
        end=end,
        now=now,
        band={
            "p10": [_known(one, one.p10_kw) for one in points if one.p10_kw is not None],
            "p90": [_known(one, one.p90_kw) for one in points if one.p90_kw is not None],
        },
    )
    return replace(
        chart,
        measured=(*(measured.get(slot.start) for slot in slots), None) if measured else (),
        words={**chart.words, "measured": _("Measured PV")},
    )


def _known(point: ForecastPoint, value: Decimal) -> KnownValue:
    return KnownValue(point.start, value, point.quality, point.origin, point.published_at)


def _energy(powers_kw: Iterable[Decimal]) -> str:
    return energy_text(sum(powers_kw, Decimal(0)) * HOURS_A_SLOT)


def _power(power_kw: Decimal | None) -> str:
    return power_text(None if power_kw is None else float(power_kw), "kW")


def _place_help(device: Device) -> str:
    where = (
        (device, _("Empty: where the device is")),
        (device.site, _("Empty: where the site is")),
    )
    for owner, words in where:
        if owner.latitude is not None and owner.longitude is not None:
            return f"{words} ({place_text(owner.latitude, owner.longitude)})"
    return _("Neither device nor site has a place.")
