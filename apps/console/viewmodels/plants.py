"""PV plants as a list: what each is made of, what is forecast today, how well yesterday was met."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from apps.assets.choices import DeviceKind
from apps.assets.models import Device
from apps.console.formats import NO_BREAK_SPACE, NO_VALUE, energy_text, number_text, power_text
from apps.console.viewmodels.data_words import source_text
from apps.markets.feeds.day_ahead import local_day_start
from apps.markets.selectors.pv import (
    ForecastPoint,
    PlantRow,
    PlantSkill,
    pv_forecast,
    pv_plants,
    pv_skill,
)
from cariflex.common.units import QUARTER_HOUR

MAY_SEE = "markets.view_series"
MAY_CHANGE = "markets.change_pvplant"
HOURS_A_SLOT = Decimal("0.25")
ARRAYS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class PlantLine:
    """One plant of the list, figures as people read them."""

    row: PlantRow
    place: str
    arrays: tuple[str, ...]
    arrays_left: int
    peak: str
    limit: str
    source: str
    quality: str
    today: str
    mae: str
    mae_percent: str


@dataclass(frozen=True, slots=True)
class PlantsPage:
    """The page of plants, and the PV devices that have none yet."""

    lines: tuple[PlantLine, ...]
    without: tuple[Device, ...]
    peak: str
    today: str
    may_change: bool


def plants_page(*, now: datetime, may_change: bool) -> PlantsPage:
    """Every plant by its device's code.

    Four queries, three more for each time zone that sites of enabled plants have.
    """
    rows = pv_plants()
    days = {row.time_zone: local_day(row.time_zone, now) for row in rows}
    told = _told(rows, days)
    skills = {skill.code: skill for skill in pv_skill(now=now)}
    energies = {row.code: _energy_kwh(told[row.code], days[row.time_zone]) for row in rows}
    known = [energy for energy in energies.values() if energy is not None]
    peaks = [row.model.peak_kwp for row in rows if row.model]
    return PlantsPage(
        lines=tuple(
            _line(row, told[row.code], energies[row.code], skills.get(row.code), now)
            for row in rows
        ),
        without=devices_without(),
        peak=peak_text(sum(peaks)) if peaks else NO_VALUE,
        today=energy_text(sum(known, Decimal(0))) if known else NO_VALUE,
        may_change=may_change,
    )


def devices_without() -> tuple[Device, ...]:
    """PV devices that nothing is forecast of yet, by code. One query."""
    due = Device.objects.filter(kind=DeviceKind.PV, pv_plant=None).select_related("site")
    return tuple(due.order_by("code"))


def local_day(time_zone: str, now: datetime) -> tuple[datetime, datetime]:
    """[start, end) of today in a zone."""
    zone = ZoneInfo(time_zone)
    today = now.astimezone(zone).date()
    return local_day_start(today, zone), local_day_start(today + timedelta(days=1), zone)


def peak_text(peak_kwp: float) -> str:
    """A peak power with its unit."""
    return f"{number_text(peak_kwp, 1)}{NO_BREAK_SPACE}{_('kWp')}"


def place_text(latitude: float, longitude: float) -> str:
    """A place in degrees."""
    return f"{number_text(latitude, 4)}°, {number_text(longitude, 4)}°"


def _told(
    rows: Sequence[PlantRow], days: Mapping[str, tuple[datetime, datetime]]
) -> dict[str, list[ForecastPoint]]:
    if not rows:
        return {}
    start = min(start for start, _end in days.values())
    end = max(end for _start, end in days.values())
    return pv_forecast(codes=[row.code for row in rows], start=start, end=end)


def _energy_kwh(points: Sequence[ForecastPoint], day: tuple[datetime, datetime]) -> Decimal | None:
    powers = [point.p50_kw for point in points if day[0] <= point.start < day[1]]
    return sum(powers, Decimal(0)) * HOURS_A_SLOT if powers else None


def _line(
    row: PlantRow,
    points: Sequence[ForecastPoint],
    energy_kwh: Decimal | None,
    skill: PlantSkill | None,
    now: datetime,
) -> PlantLine:
    running = next((one for one in points if one.start <= now < one.start + QUARTER_HOUR), None)
    model = row.model
    arrays = tuple(
        _("%(kwp)s kWp to %(azimuth)s°, tilt %(tilt)s°")
        % {
            "kwp": number_text(one.peak_kwp, 1),
            "azimuth": _degrees(one.azimuth_degrees),
            "tilt": _degrees(one.tilt_degrees),
        }
        for one in (model.arrays if model else ())
    )
    return PlantLine(
        row=row,
        place=place_text(model.latitude, model.longitude) if model else NO_VALUE,
        arrays=arrays[:ARRAYS_SHOWN],
        arrays_left=max(len(arrays) - ARRAYS_SHOWN, 0),
        peak=peak_text(model.peak_kwp) if model else NO_VALUE,
        limit=power_text(model.inverter_limit_kw) if model else NO_VALUE,
        source=source_text(running.origin) if running else "",
        quality=str(running.quality) if running else "",
        today=energy_text(energy_kwh),
        mae=power_text(skill.mae_kw if skill else None),
        mae_percent=f"{number_text(skill.mae_percent, 1)}{NO_BREAK_SPACE}%"
        if skill and skill.mae_percent is not None
        else "",
    )


def _degrees(value: float) -> str:
    return number_text(value, 0 if value == round(value) else 1)
