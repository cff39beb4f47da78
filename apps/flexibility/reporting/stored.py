"""A report as it is kept in a JSON column, and back. Pure; money is Decimal text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from apps.flexibility.reporting.baselines import Case, CaseName, Comparison, NoCases
from apps.flexibility.reporting.figures import (
    BatteryCycles,
    DayFigures,
    Flows,
    MonthFigures,
    Peak,
    PlanMatch,
)
from apps.flexibility.reporting.month import DeviceGap, local_month, month_interval
from cariflex.common.money import round_half_up
from cariflex.common.time import format_rfc3339, parse_rfc3339

VERSION: Final = 1
"""Of the shape: a stored report of another one is computed again."""
MONEY_PLACES: Final = 4


@dataclass(frozen=True, slots=True)
class ReportFigures:
    """The report of [start, end): what was, and what would have been."""

    start: datetime
    end: datetime
    time_zone: str
    currency: str
    feed_in_margin_eur_per_mwh: Decimal
    month: MonthFigures
    comparison: Comparison

    @property
    def month_end(self) -> datetime:
        """When the local month is over."""
        return month_interval(local_month(self.start, self.time_zone), self.time_zone).end

    @property
    def is_so_far(self) -> bool:
        """Whether the month was still running when this was computed."""
        return self.end < self.month_end

    def as_json(self) -> dict[str, Any]:
        """For a JSON column."""
        plain: dict[str, Any] = _plain(asdict(self))
        return {"version": VERSION, **plain}


def figures_of(stored: Mapping[str, Any]) -> ReportFigures | None:
    """What `as_json` gave; None for nothing, and for the shape of another version."""
    if stored.get("version") != VERSION:
        return None
    return ReportFigures(
        start=parse_rfc3339(stored["start"]),
        end=parse_rfc3339(stored["end"]),
        time_zone=stored["time_zone"],
        currency=stored["currency"],
        feed_in_margin_eur_per_mwh=Decimal(stored["feed_in_margin_eur_per_mwh"]),
        month=_month(stored["month"]),
        comparison=_comparison(stored["comparison"]),
    )


def _month(stored: Mapping[str, Any]) -> MonthFigures:
    peak, plan = stored["peak"], stored["plan"]
    own = {
        "flows": Flows(**stored["flows"]),
        "cost_eur": _money(stored["cost_eur"]),
        "peak": Peak(peak["power_kw"], parse_rfc3339(peak["at"])) if peak else None,
        "cycles": tuple(BatteryCycles(**one) for one in stored["cycles"]),
        "plan": PlanMatch(**plan) if plan else None,
        "days": tuple(_day(one) for one in stored["days"]),
        "gaps": tuple(DeviceGap(**one) for one in stored["gaps"]),
    }
    return MonthFigures(**{**stored, **own})


def _day(stored: Mapping[str, Any]) -> DayFigures:
    own = {"day": date.fromisoformat(stored["day"]), "cost_eur": _money(stored["cost_eur"])}
    return DayFigures(**{**stored, **own})


def _comparison(stored: Mapping[str, Any]) -> Comparison:
    return Comparison(
        slot_count=stored["slot_count"],
        cases=tuple(_case(one) for one in stored["cases"]),
        reason=NoCases(stored["reason"]),
    )


def _case(stored: Mapping[str, Any]) -> Case:
    own = {
        "name": CaseName(stored["name"]),
        "cost_eur": Decimal(stored["cost_eur"]),
        "stored_eur": Decimal(stored["stored_eur"]),
    }
    return Case(**{**stored, **own})


def _money(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _plain(value: Any) -> Any:
    """Money rounded half-up to four decimals as text, energies and powers to a mW(h)."""
    match value:
        case dict():
            return {key: _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case Decimal():
            return str(round_half_up(value, MONEY_PLACES))
        case datetime():
            return format_rfc3339(value)
        case date():
            return value.isoformat()
        case StrEnum():
            return value.value
        case float():
            return round(value, 6)
        case _:
            return value
