"""A report on paper: a template, the reader's language, WeasyPrint."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone, translation

from apps.flexibility.reporting import words
from apps.flexibility.reporting.stored import ReportFigures
from cariflex.common.errors import DomainError


@dataclass(frozen=True, slots=True)
class ReportPaper:
    """What stands on the paper beside the figures."""

    operator_name: str
    site_name: str
    month: date
    computed_at: datetime
    is_final: bool
    figures: ReportFigures


def report_html(paper: ReportPaper, *, language: str) -> str:
    """The paper as a page, in a language, with the local times of the site."""
    figures = paper.figures
    with translation.override(language), timezone.override(figures.time_zone):
        context = {
            "paper": paper,
            "sections": words.sections(figures),
            "cases": words.case_lines(figures),
            "no_cases": words.no_cases_words(figures.comparison.reason),
            "possible": words.possible_words(figures),
            "gaps": words.gap_sentences(figures),
            "days": words.day_lines(figures),
            "computed": words.moment(paper.computed_at, figures.time_zone),
            "until": words.moment(figures.end, figures.time_zone),
        }
        return render_to_string("flexibility/report.html", context)


def report_pdf(paper: ReportPaper, *, language: str) -> bytes:
    """The paper as PDF/UA-1.

    DomainError `documents.renderer_missing` where Pango is not installed.
    """
    written: bytes = _renderer().pdf_write(report_html(paper, language=language))
    return written


def _renderer() -> Any:
    # Loaded with the first paper: without Pango, everything else still works.
    try:
        return importlib.import_module("apps.flexibility.reporting.weasy")
    except OSError as err:
        raise DomainError(
            "documents.renderer_missing",
            "Papers need the library Pango, which is not on this machine"
            " (Debian/Ubuntu: apt install libpangoft2-1.0-0 libharfbuzz-subset0).",
        ) from err
