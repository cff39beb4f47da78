"""Where tariffs apply: reading a place from a form, and which tariff applies there and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.billing.choices import AssignmentScope
from apps.billing.models import TariffVersion
from apps.billing.selectors.tariff_lists import target_name
from apps.billing.selectors.tariff_places import (
    PlaceAsked,
    connector_numbered,
    evse_numbered,
    question_at,
    station_named,
)
from apps.billing.selectors.tariffs import PRECEDENCE, Considered, tariff_choice
from apps.console.viewmodels.tariff_preview import arrival_of
from cariflex.common.errors import DomainError

VERDICTS: dict[str, str | Promise] = {
    "chosen": _("applies"),
    "outranked": _("a line above goes first"),
    "no_version": _("no version of it is in force"),
}
TONES = {"chosen": "ok", "outranked": "mute", "no_version": "warn"}
PROBLEMS: dict[str, str | Promise] = {
    "station": _("There is no such station."),
    "evse": _("The station has no such EVSE."),
    "connector": _("The EVSE has no such connector."),
}
# Scopes whose targets are chosen from a list; the fields of the form have their names.
LISTED = (AssignmentScope.SITE, AssignmentScope.TOKEN_GROUP, AssignmentScope.ACCOUNT)


@dataclass(frozen=True, slots=True)
class Line:
    """An assignment that could apply, with its place in the order."""

    rank: int
    considered: Considered
    target: str
    scope: str
    verdict: str | Promise
    tone: str


@dataclass(frozen=True, slots=True)
class WhichPage:
    """The question as asked, and its answer."""

    values: Mapping[str, str]
    at: datetime
    is_asked: bool
    problem: str | Promise
    version: TariffVersion | None
    lines: tuple[Line, ...]
    precedence: tuple[str, ...]


def target_of(scope: str, values: Mapping[str, str]) -> int | None:
    """The key of what a form points at; DomainError when there is none such."""
    if scope == AssignmentScope.OPERATOR:
        return None
    if scope in LISTED:
        return _number(values.get(scope, ""))
    station = station_named(values.get("station", ""))
    if scope == AssignmentScope.STATION:
        return station.pk
    evse = evse_numbered(station, _number(values.get("evse", "")))
    if scope == AssignmentScope.EVSE:
        return evse.pk
    return connector_numbered(evse, _number(values.get("connector", ""))).pk


def which_page(values: Mapping[str, str], *, now: datetime) -> WhichPage:
    """Which tariff applies at a place for a token at a time; nothing is asked without a station."""
    at = timezone.localtime(now).replace(second=0, microsecond=0)
    if values.get("at"):
        at = arrival_of(values["at"], now=now)
    precedence = tuple(str(scope.label) for scope in PRECEDENCE)
    if not values.get("station"):
        return WhichPage(values, at, False, "", None, (), precedence)
    asked = PlaceAsked(
        station_id=values["station"],
        evse_id=_number(values["evse"]) if values.get("evse") else None,
        connector_id=_number(values["connector"]) if values.get("connector") else None,
        id_token=values.get("token", ""),
        is_ad_hoc=values.get("ad_hoc") == "1",
    )
    try:
        choice = tariff_choice(question_at(asked), at=at)
    except DomainError as refusal:
        problem = PROBLEMS.get(refusal.field or "", refusal.message)
        return WhichPage(values, at, True, problem, None, (), precedence)
    lines = tuple(
        Line(
            rank=rank,
            considered=one,
            target=target_name(one.assignment),
            scope=str(AssignmentScope(one.assignment.scope).label),
            verdict=VERDICTS[one.verdict],
            tone=TONES[one.verdict],
        )
        for rank, one in enumerate(choice.considered, start=1)
    )
    return WhichPage(values, at, True, "", choice.version, lines, precedence)


def _number(text: str) -> int:
    """A number of a form; one that nothing has when it is none."""
    return int(text) if text.isdecimal() and len(text) < 10 else -1
