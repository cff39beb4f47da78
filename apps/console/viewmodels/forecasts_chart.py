"""A day of a forecast: what was expected at its midnight, what is expected now, what came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.console.viewmodels.data_chart import SeriesChart
from apps.console.viewmodels.data_words import unit_decimals, unit_text, value_text
from apps.flexibility.choices import ForecastMethod, ForecastQuantity
from apps.flexibility.selectors.forecast_history import SiteFacts, known_in
from apps.flexibility.selectors.forecasts import Expected, expected, expected_of
from apps.markets.feeds.day_ahead import local_day_start
from cariflex.common.units import QUARTER_HOUR, floor_slot, slots

YEARS = range(2000, 2100)
AHEAD: Final = timedelta(hours=48)
# Lines of the chart's script that serve here: dashed and plain.
AT_MIDNIGHT, NOW = "estimated", "forecast"
CO2_UNIT: Final = "g/kWh"


@dataclass(frozen=True, slots=True)
class Slot:
    """A quarter hour as the table shows it."""

    start: datetime
    time: str
    expected: str
    low: str
    high: str
    measured: str
    is_new_day: bool


@dataclass(frozen=True, slots=True)
class ForecastDay:
    """One local day, today with the two days ahead."""

    day: date
    today: date
    method: ForecastMethod | None
    slots: tuple[Slot, ...]
    chart: SeriesChart
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
class _Value:
    """What was expected of a slot and which line it belongs to; what came."""

    start: datetime
    line: str
    p50: float | None
    low: float | None
    high: float | None
    measured: float | None


def unit_of(facts: SiteFacts, quantity: ForecastQuantity) -> str:
    """The unit of a quantity as it is stored."""
    if quantity == ForecastQuantity.PRICE and quantity in facts.series:
        return facts.series[quantity].unit
    return {ForecastQuantity.PRICE: "EUR/MWh", ForecastQuantity.CO2: CO2_UNIT}.get(quantity, "kW")


def shown(value: float | None, quantity: ForecastQuantity) -> float | None:
    """A value as people read it: PV is shown as production (>= 0)."""
    if value is None or quantity != ForecastQuantity.PV:
        return value
    return -value + 0.0


def forecast_day(
    *,
    facts: SiteFacts,
    quantity: ForecastQuantity,
    method: ForecastMethod | None,
    asked: date | None,
    now: datetime,
) -> ForecastDay:
    """A local day of the site, today when none is asked for; `method` None: the one in use.

    What is over is shown as it was expected at midnight, what is to come as it is expected now.
    """
    zone = ZoneInfo(facts.site.time_zone)
    today = now.astimezone(zone).date()
    day = asked if asked and asked.year in YEARS else today
    start, end = local_day_start(day, zone), local_day_start(day + timedelta(days=1), zone)
    running = floor_slot(now)
    if day == today:
        end = running + AHEAD
    turn = min(max(running, start), end)
    told = [
        _told(facts, quantity, method, start, turn, min(start, now)),
        _told(facts, quantity, method, turn, end, now),
    ]
    measured = known_in(facts, spans=[(start, turn)], as_of=now).get(quantity, {})
    values = [
        *_values(told[0], AT_MIDNIGHT, quantity, measured),
        *_values(told[1], NOW, quantity, measured),
    ]
    unit = unit_of(facts, quantity)
    return ForecastDay(
        day=day,
        today=today,
        method=told[1].method or told[0].method,
        slots=_rows(values, unit, zone),
        chart=_chart(values, unit, (start, end), now),
        is_known=any(value.p50 is not None or value.measured is not None for value in values),
    )


def _told(
    facts: SiteFacts,
    quantity: ForecastQuantity,
    method: ForecastMethod | None,
    start: datetime,
    end: datetime,
    known_at: datetime,
) -> Expected:
    if start == end:
        return Expected(start, None, None, (), (), ())
    if method is None:
        return expected(
            site_id=facts.site.pk, quantity=quantity, start=start, end=end, now=known_at
        )
    return expected_of(
        method=method, site_id=facts.site.pk, quantity=quantity, start=start, end=end, now=known_at
    )


def _values(
    told: Expected,
    line: str,
    quantity: ForecastQuantity,
    measured: Mapping[datetime, float],
) -> list[_Value]:
    low, high = told.p10, told.p90
    if quantity == ForecastQuantity.PV:
        # As production the percentiles change places.
        low, high = high, low
    return [
        _Value(
            start=at,
            line=line,
            p50=shown(told.p50[n], quantity),
            low=shown(low[n], quantity),
            high=shown(high[n], quantity),
            measured=shown(measured.get(at), quantity),
        )
        for n, at in enumerate(slots(told.start, told.start + len(told.p50) * QUARTER_HOUR))
    ]


def _rows(values: Sequence[_Value], unit: str, zone: ZoneInfo) -> tuple[Slot, ...]:
    rows: list[Slot] = []
    last: date | None = None
    for value in values:
        local = value.start.astimezone(zone)
        rows.append(
            Slot(
                start=value.start,
                time=f"{local:%H:%M}",
                expected=value_text(value.p50, unit),
                low=value_text(value.low, unit),
                high=value_text(value.high, unit),
                measured=value_text(value.measured, unit),
                is_new_day=last is not None and local.date() != last,
            )
        )
        last = local.date()
    return tuple(rows)


def _chart(
    values: Sequence[_Value], unit: str, span: tuple[datetime, datetime], now: datetime
) -> SeriesChart:
    start, end = span
    has_band = any(value.low is not None and value.high is not None for value in values)
    return SeriesChart(
        unit=unit_text(unit),
        decimals=unit_decimals(unit),
        step_s=int(QUARTER_HOUR.total_seconds()),
        times_s=(*(value.start.timestamp() for value in values), end.timestamp()),
        values=(*(value.p50 for value in values), None),
        qualities=(*(value.line if value.p50 is not None else None for value in values), None),
        low=(*(value.low for value in values), None) if has_band else (),
        high=(*(value.high for value in values), None) if has_band else (),
        gaps=(),
        start_s=start.timestamp(),
        end_s=end.timestamp(),
        now_s=now.timestamp(),
        words={
            AT_MIDNIGHT: _("Expected at midnight"),
            NOW: _("Expected now"),
            # The line of a day of which nothing is expected.
            "actual": _("Expected now"),
            "low": _("Low (P10)"),
            "high": _("High (P90)"),
            "measured": pgettext("energy", "Measured"),
        },
        measured=(*(value.measured for value in values), None)
        if any(value.measured is not None for value in values)
        else (),
    )
