"""The panel "why this set-point" of the schedule page."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from apps.assets.models import Site
from apps.console.formats import NO_VALUE, percent_text, power_text
from apps.console.plan_words import clock_words, fact_title, fact_words
from apps.flexibility.explaining import Code, SubjectKind
from apps.flexibility.selectors.explanations import Explanation, explanation
from cariflex.common.units import QUARTER_HOUR

WARNINGS = frozenset(
    {Code.NO_PLAN, Code.HELD, Code.OWN_RULE, Code.CAR_SHORT, Code.DIFFERS, Code.SOC_WINDOW}
)
"""Facts that an operator may want to act on."""


@dataclass(frozen=True, slots=True)
class WhyLine:
    """One fact in words."""

    code: str
    title: str
    words: str
    is_warning: bool


@dataclass(frozen=True, slots=True)
class WhyPanel:
    """One device in one quarter hour."""

    name: str
    span: str
    planned: str
    planned_soc: str
    setpoint: str
    measured: str
    plan_id: int | None
    lines: tuple[WhyLine, ...]


def why_panel(*, site_id: int, key: str, at: datetime, now: datetime) -> WhyPanel | None:
    """The panel of a device and the quarter hour that holds `at`; None where there is no such."""
    found = explanation(site_id=site_id, key=key, at=at, now=now)
    if found is None:
        return None
    zone = ZoneInfo(Site.objects.only("time_zone").get(pk=site_id).time_zone)
    start, end = found.start, found.start + QUARTER_HOUR
    return WhyPanel(
        name=found.name,
        span=f"{clock_words(start, zone, now)} – {clock_words(end, zone, start)}",
        planned=_planned(found),
        planned_soc=percent_text(found.planned_soc_percent),
        setpoint=power_text(found.setpoint_kw),
        measured=power_text(found.measured_kw),
        plan_id=found.plan_id,
        lines=tuple(
            WhyLine(
                code=str(fact.code),
                title=fact_title(fact),
                words=fact_words(fact, zone, start),
                is_warning=fact.code in WARNINGS,
            )
            for fact in found.facts
        ),
    )


def _planned(found: Explanation) -> str:
    if found.planned_kw is None:
        return NO_VALUE
    # A plant is shown by what it produces.
    is_pv = found.kind == SubjectKind.PV
    return power_text(0.0 - found.planned_kw if is_pv else found.planned_kw)
