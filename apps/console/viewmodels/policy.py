"""The policy page: what the plans of a site aim at, and what the grid asks of the site."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from zoneinfo import ZoneInfo

from django.core.paginator import Paginator
from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.assets.models import Site
from apps.console.formats import power_text
from apps.console.plan_words import OBJECTIVE_SENTENCES, clock_words
from apps.console.viewmodels.island_price_forms import FormError, needed_number
from apps.flexibility.choices import GridRequestKind, Objective
from apps.flexibility.models import GridRequest, SitePolicy
from apps.flexibility.refusal_words import refusal_words
from apps.flexibility.selectors.grid_requests import (
    GridLimitsNow,
    grid_limits_now,
    grid_requests,
)
from apps.flexibility.services.policies import PolicyFields
from cariflex.common.errors import DomainError

MAY_SEE = "flexibility.view_sitepolicy"
MAY_CHANGE = "flexibility.change_sitepolicy"
MAY_REQUEST = "flexibility.add_gridrequest"
MAY_CANCEL = "flexibility.change_gridrequest"
PAGE_SIZE = 20
NUMBERS = (
    "feed_in_margin_eur_per_mwh", "co2_price_eur_per_t", "peak_price_eur_per_kw",
    "evening_bonus_eur_per_mwh", "reserve_kw", "reserve_minutes", "car_target_soc_percent",
    "car_min_soc_percent", "car_max_soc_percent",
)  # fmt: skip
CLOCKS = ("evening_from", "evening_until")
POLICY_FIELDS = ("objective", *NUMBERS, *CLOCKS)
REQUEST_FIELDS = ("kind", "limit_kw", "start", "end", "reference")
_FLOATS = ("reserve_kw", "car_target_soc_percent", "car_min_soc_percent", "car_max_soc_percent")
LABELS: dict[str, str | Promise] = {
    "feed_in_margin_eur_per_mwh": gettext_lazy("Feeding in earns less by (€/MWh)"),
    "co2_price_eur_per_t": gettext_lazy("A tonne of CO2 counts (€)"),
    "peak_price_eur_per_kw": gettext_lazy("A kW of the highest import counts (€)"),
    "evening_from": gettext_lazy("Evening peak from"),
    "evening_until": gettext_lazy("Evening peak until"),
    "evening_bonus_eur_per_mwh": gettext_lazy("Energy of the evening counts more by (€/MWh)"),
    "reserve_kw": gettext_lazy("Reserve held (kW)"),
    "reserve_minutes": gettext_lazy("The reserve lasts (minutes)"),
    "car_target_soc_percent": gettext_lazy("Charged to (%)"),
    "car_min_soc_percent": gettext_lazy("Never discharged below (%)"),
    "car_max_soc_percent": gettext_lazy("Charged by plan up to (%)"),
}
HELP: dict[str, str | Promise] = {
    "feed_in_margin_eur_per_mwh": gettext_lazy("Keeps plans from buying and selling at once."),
    "co2_price_eur_per_t": gettext_lazy("Used by the objective least CO2."),
    "peak_price_eur_per_kw": gettext_lazy("0: peaks cost nothing of their own."),
    "evening_bonus_eur_per_mwh": gettext_lazy("Used by the objective support of the evening."),
    "reserve_kw": gettext_lazy("Free in both directions, all batteries together."),
}
Texts = Mapping[str, str]
Errors = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Filled:
    """What was typed and what is wrong with it, of both forms; empty where nothing was sent."""

    policy: Texts = field(default_factory=dict)
    request: Texts = field(default_factory=dict)
    errors: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ObjectiveChoice:
    """An objective with the sentence that says what it does."""

    value: str
    label: str
    words: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class PolicyInput:
    """A number or a time of the form."""

    name: str
    label: str
    value: str
    help: str
    is_clock: bool


@dataclass(frozen=True, slots=True)
class RequestLine:
    """A request of the grid as text; `state` is its tone, icon and word."""

    request: GridRequest
    kind: str
    limit: str
    start: str
    end: str
    state: str
    tone: str
    icon: str
    word: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class PolicyPage:
    """Everything the page shows."""

    site: Site
    sites: tuple[tuple[int, str], ...]
    objectives: tuple[ObjectiveChoice, ...]
    aims: tuple[PolicyInput, ...]
    cars: tuple[PolicyInput, ...]
    curtails_pv: bool
    limits: GridLimitsNow
    requests: tuple[RequestLine, ...]
    request: Texts
    errors: Errors
    kinds: tuple[tuple[str, str], ...]
    page: int
    page_count: int
    total_count: int
    may_change: bool
    may_request: bool
    may_cancel: bool


def policy_page(
    *, site: Site, filled: Filled, page: int, now: datetime, permissions: Iterable[str]
) -> PolicyPage:
    """The page of a site; seven queries. A site nobody chose for has the usual values."""
    policy = SitePolicy.objects.filter(site=site).first() or SitePolicy(site=site)
    may = set(permissions)
    texts = {**stored_texts(policy), **filled.policy}
    zone = ZoneInfo(site.time_zone)
    paginator = Paginator(grid_requests(site.pk), PAGE_SIZE)
    shown = paginator.get_page(page)
    inputs = tuple(
        PolicyInput(name, str(LABELS[name]), texts[name], str(HELP.get(name, "")), name in CLOCKS)
        for name in LABELS
    )
    return PolicyPage(
        site=site,
        sites=tuple(Site.objects.order_by("pk").values_list("pk", "name")),
        objectives=tuple(
            ObjectiveChoice(
                value=objective.value,
                label=str(objective.label),
                words=str(OBJECTIVE_SENTENCES[objective]),
                is_chosen=texts["objective"] == objective.value,
            )
            for objective in Objective
        ),
        aims=tuple(one for one in inputs if not one.name.startswith("car_")),
        cars=tuple(one for one in inputs if one.name.startswith("car_")),
        curtails_pv=bool(texts["curtails_pv"]),
        limits=grid_limits_now(site.pk, now),
        requests=tuple(_line(request, zone, now) for request in shown),
        request={name: filled.request.get(name, "") for name in REQUEST_FIELDS},
        errors=filled.errors,
        kinds=tuple((kind.value, str(kind.label)) for kind in GridRequestKind),
        page=shown.number,
        page_count=paginator.num_pages,
        total_count=paginator.count,
        may_change=MAY_CHANGE in may,
        may_request=MAY_REQUEST in may,
        may_cancel=MAY_CANCEL in may,
    )


def stored_texts(policy: SitePolicy) -> dict[str, str]:
    """A policy as its form shows it."""
    numbers = {name: _plain(getattr(policy, name)) for name in NUMBERS}
    clocks = {name: f"{getattr(policy, name):%H:%M}" for name in CLOCKS}
    on = "on" if policy.curtails_pv else ""
    return {"objective": policy.objective, **numbers, **clocks, "curtails_pv": on}


def policy_fields(texts: Texts) -> PolicyFields:
    """What the form says, for the service. Raises FormError (a DomainError) naming the field."""
    found: dict[str, object] = {
        "objective": texts["objective"],
        "curtails_pv": bool(texts.get("curtails_pv")),
    }
    for name in NUMBERS:
        value = needed_number(texts, name)
        if name == "reserve_minutes":
            if value != int(value):
                raise FormError(name, _("Whole minutes only."))
            found[name] = int(value)
        else:
            found[name] = float(value) if name in _FLOATS else value
    for name in CLOCKS:
        try:
            found[name] = time.fromisoformat(texts[name][:5])
        except ValueError as err:
            raise FormError(name, _("This is not a time.")) from err
    return found  # type: ignore[return-value]


def refused(refusal: DomainError, known: Iterable[str]) -> dict[str, str]:
    """A refusal in the reader's words beside its field; at the form where no field is named."""
    name = refusal.field or ""
    return {name if name in set(known) else "": refusal_words(refusal)}


def _plain(value: object) -> str:
    """A number without zeros that say nothing, with the language's own point."""
    text = f"{value:f}" if not isinstance(value, int) else str(value)
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace(".", str(formats.get_format("DECIMAL_SEPARATOR")))


def _line(request: GridRequest, zone: ZoneInfo, now: datetime) -> RequestLine:
    state = _state(request, now)
    tone, icon, word = {
        "cancelled": ("mute", "cross", _("Cancelled")),
        "over": ("mute", "check", _("Over")),
        "ahead": ("info", "clock", _("Ahead")),
        "in_force": ("warn", "grid", _("In force")),
    }[state]
    return RequestLine(
        request=request,
        kind=str(GridRequestKind(request.kind).label),
        limit=power_text(request.limit_kw),
        start=clock_words(request.start, zone, now),
        end=clock_words(request.end, zone, now),
        state=state,
        tone=tone,
        icon=icon,
        word=word,
        is_open=state in ("ahead", "in_force"),
    )


def _state(request: GridRequest, now: datetime) -> str:
    if request.cancelled_at is not None:
        return "cancelled"
    if request.end <= now:
        return "over"
    return "in_force" if request.start <= now else "ahead"
