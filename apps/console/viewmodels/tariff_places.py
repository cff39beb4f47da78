"""Where tariffs apply: reading a place from a form, and which tariff applies there and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.billing.choices import AssignmentScope
from apps.billing.models import TariffVersion
from apps.billing.selectors.tariff_lists import target_name
from apps.billing.selectors.tariffs import (
    PRECEDENCE,
    Considered,
    PriceQuestion,
    holders_of,
    tariff_choice,
)
from apps.chargers.models import ChargingStation, Connector, Evse
from apps.console.viewmodels.tariff_preview import arrival_of
from cariflex.common.errors import DomainError

VERDICTS: dict[str, str | Promise] = {
    "chosen": _("applies"),
    "outranked": _("a line above goes first"),
    "no_version": _("no version of it is in force"),
}
TONES = {"chosen": "ok", "outranked": "mute", "no_version": "warn"}
# Scopes that are chosen from a list in the form: name of the field.
_LISTED = {
    AssignmentScope.SITE: "site",
    AssignmentScope.TOKEN_GROUP: "token_group",
    AssignmentScope.ACCOUNT: "account",
}


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
    field = _LISTED.get(scope)  # type: ignore[call-overload]
    if field is not None:
        text = values.get(field, "")
        if text.isdecimal() and len(text) < 10:
            return int(text)
        raise DomainError("billing.assignment_target", "There is no such target.", field=field)
    station = _station(values)
    if scope == AssignmentScope.STATION:
        return station.pk
    evse = _evse(station, values)
    if scope == AssignmentScope.EVSE:
        return evse.pk
    connector = Connector.objects.filter(
        evse=evse, connector_id=_number(values.get("connector", ""))
    ).first()
    if connector is None:
        raise DomainError(
            "billing.assignment_target", "The EVSE has no such connector.", field="connector"
        )
    return connector.pk


def which_page(values: Mapping[str, str], *, now: datetime) -> WhichPage:
    """Which tariff applies at a place for a token at a time; nothing is asked without a station."""
    at = arrival_of(values.get("at", ""), now=now - timedelta(hours=1))
    if not values.get("at"):
        at = timezone.localtime(now).replace(second=0, microsecond=0)
    precedence = tuple(str(scope.label) for scope in PRECEDENCE)
    if not values.get("station"):
        return WhichPage(values, at, False, "", None, (), precedence)
    try:
        question = _question(values)
    except DomainError as refusal:
        problem = PROBLEMS.get(refusal.field or "", refusal.message)
        return WhichPage(values, at, True, problem, None, (), precedence)
    choice = tariff_choice(question, at=at)
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


PROBLEMS: dict[str, str | Promise] = {
    "station": _("There is no such station."),
    "evse": _("The station has no such EVSE."),
    "connector": _("The EVSE has no such connector."),
}


def _question(values: Mapping[str, str]) -> PriceQuestion:
    station = _station(values)
    evse = _evse(station, values) if values.get("evse") else None
    connector = None
    if evse is not None and values.get("connector"):
        connector = target_of(AssignmentScope.CONNECTOR, values)
    elif evse is not None:
        only = list(Connector.objects.filter(evse=evse).values_list("pk", flat=True)[:2])
        connector = only[0] if len(only) == 1 else None
    is_ad_hoc = values.get("ad_hoc") == "1"
    token = "" if is_ad_hoc else values.get("token", "")
    group, account = holders_of([token] if token else []).get(token.upper(), (None, None))
    return PriceQuestion(
        connector=connector,
        evse=evse.pk if evse else None,
        station=station.pk,
        site=station.site_id,
        token_group=group,
        account=account,
        is_ad_hoc=is_ad_hoc,
    )


def _station(values: Mapping[str, str]) -> ChargingStation:
    found = ChargingStation.objects.filter(station_id=values.get("station", "")).first()
    if found is None:
        raise DomainError("billing.assignment_target", "There is no such station.", field="station")
    return found


def _evse(station: ChargingStation, values: Mapping[str, str]) -> Evse:
    number = _number(values.get("evse", ""))
    found = Evse.objects.filter(station=station, evse_id=number).first()
    if found is None:
        raise DomainError(
            "billing.assignment_target", "The station has no such EVSE.", field="evse"
        )
    return found


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else -1
