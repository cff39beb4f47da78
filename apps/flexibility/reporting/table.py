"""A report as CSV: one figure a line, numbers as people and spreadsheets of a language write them.

Pure. Columns: `section` (month, battery, mode, case, day, gap), `name` (of the battery, mode,
case, day or device), `figure` (named as in the JSON, with its unit), `value`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal
from io import StringIO
from typing import Final

from apps.flexibility.reporting.stored import ReportFigures
from cariflex.common.money import round_half_up
from cariflex.common.time import format_rfc3339

HEAD: Final = ("section", "name", "figure", "value")
COMMA_LANGUAGES: Final = ("fr", "es")
BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
# What a spreadsheet takes for a formula (OWASP, CSV injection).
_FORMULA: Final = re.compile(r"\s*[=+@|%＝＋－＠-]|[\t\r\n]")
_PLACES: Final = 3

Value = float | int | Decimal | str | bool | None
Row = tuple[str, str, str, Value]


def report_csv(report: ReportFigures, *, site_code: str, language: str) -> bytes:
    """The report as UTF-8 CSV.

    In French and Spanish with semicolons, decimal commas and a byte order mark, as spreadsheets
    there open it; else with commas and points.
    """
    with_comma = language.split("-")[0] in COMMA_LANGUAGES
    written = StringIO()
    writer = csv.writer(written, delimiter=";" if with_comma else ",", lineterminator="\n")
    writer.writerow(HEAD)
    for section, name, figure, value in _rows(report, site_code):
        writer.writerow((section, _text(name), figure, _cell(value, with_comma=with_comma)))
    return ((BOM if with_comma else "") + written.getvalue()).encode()


def _cell(value: Value, *, with_comma: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _text(value)
    # Money with its cents, a measured quantity to a thousandth.
    places = 2 if isinstance(value, Decimal) else _PLACES
    text = str(round_half_up(Decimal(str(value)), places))
    return text.replace(".", ",") if with_comma else text


def _text(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def _rows(report: ReportFigures, site_code: str) -> Iterator[Row]:
    month = report.month
    for figure, value in _month(report, site_code).items():
        yield "month", "", figure, value
    for battery in month.cycles:
        yield "battery", battery.code, "cycles", battery.cycles
    for mode, percent in month.mode_percent.items():
        yield "mode", mode, "share_percent", percent
    for case in report.comparison.cases:
        for figure, value in {**asdict(case), "comparable_eur": case.comparable_eur}.items():
            if figure != "name":
                yield "case", case.name.value, figure, value
    for day in month.days:
        for figure, value in asdict(day).items():
            if figure != "day":
                yield "day", day.day.isoformat(), figure, value
    for gap in month.gaps:
        yield "gap", gap.code, "slot_count", gap.slot_count


def _month(report: ReportFigures, site_code: str) -> dict[str, Value]:
    month, plan, peak = report.month, report.month.plan, report.month.peak
    return {
        "site": site_code,
        "start": format_rfc3339(report.start),
        "end": format_rfc3339(report.end),
        "is_so_far": report.is_so_far,
        "slot_count": month.slot_count,
        "measured_count": month.measured_count,
        "priced_count": month.priced_count,
        "co2_count": month.co2_count,
        **asdict(month.flows),
        "cost_eur": month.cost_eur,
        "co2_kg": month.co2_kg,
        "self_consumption_percent": month.self_consumption_percent,
        "self_sufficiency_percent": month.self_sufficiency_percent,
        "peak_kw": peak.power_kw if peak else None,
        "peak_at": format_rfc3339(peak.at) if peak else None,
        "plan_slot_count": plan.slot_count if plan else None,
        "plan_mae_kw": plan.mae_kw if plan else None,
        "plan_deviation_kwh": plan.deviation_kwh if plan else None,
    }
