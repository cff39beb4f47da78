"""The pages of tariffs: the list, one tariff with its week, and which tariff applies where."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils import timezone

from apps.accounts.models import User
from apps.assets.models import Site
from apps.billing.choices import AssignmentScope, TariffType
from apps.billing.models import BillingAccount, TariffAssignment, TariffVersion
from apps.billing.rating import Dimension, RatingProblem, Tariff, tariff_parse
from apps.billing.selectors.tariff_contents import tariff_content
from apps.billing.selectors.tariff_lists import (
    TariffRow,
    assignments_of,
    target_name,
    tariff_row,
    tariffs_page,
    version_of,
    versions_of,
)
from apps.billing.tariff_week import DAYS
from apps.chargers.models import TokenGroup
from apps.console.tariff_words import PRICED, price_number, price_words, restriction_words
from apps.markets.models import Series

MAY_ADD = "billing.add_tariff"
MAY_CHANGE = "billing.change_tariff"
MOST_VERSIONS, MOST_ASSIGNMENTS = 50, 100
MOST_CHOICES = 300


@dataclass(frozen=True, slots=True)
class ElementWords:
    """A row of a tariff in words: when it applies, and its prices."""

    when: str
    prices: tuple[tuple[str, str], ...]
    """(dimension, price with unit)"""


@dataclass(frozen=True, slots=True)
class TariffLine:
    """A tariff of the list."""

    row: TariffRow
    summary: str
    is_dynamic: bool


@dataclass(frozen=True, slots=True)
class TariffsList:
    """The page of tariffs."""

    lines: tuple[TariffLine, ...]
    page: int
    page_count: int
    search: str
    is_archived: bool
    may_add: bool
    types: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AssignmentLine:
    """An assignment of the table; `state`: later, now or over."""

    assignment: TariffAssignment
    target: str
    state: str


@dataclass(frozen=True, slots=True)
class TargetChoices:
    """What a tariff can be assigned to, by scope: (key, name)."""

    sites: tuple[tuple[int, str], ...]
    groups: tuple[tuple[int, str], ...]
    accounts: tuple[tuple[int, str], ...]
    scopes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TariffPage:
    """One tariff: the version shown, all versions, assignments."""

    row: TariffRow
    shown: TariffVersion | None
    elements: tuple[ElementWords, ...]
    problem: str
    versions: tuple[TariffVersion, ...]
    assignments: tuple[AssignmentLine, ...]
    choices: TargetChoices | None
    types: tuple[tuple[str, str], ...]
    may_change: bool
    now: datetime
    shows_all: bool

    @property
    def limits(self) -> tuple[tuple[str, Decimal], ...]:
        """Bounds of the total before taxes that the version has."""
        content = self.shown.content if self.shown else {}
        return tuple(
            (name, content[name]["excl_vat"])
            for name in ("min_price", "max_price")
            if content.get(name)
        )


def tariffs_list(
    *, search: str, is_archived: bool, page: int, user: User, now: datetime
) -> TariffsList:
    """A page of the tariffs."""
    found = tariffs_page(now=now, search=search, is_archived=is_archived, page=page)
    return TariffsList(
        lines=tuple(_line(row) for row in found.rows),
        page=found.page,
        page_count=found.page_count,
        search=search,
        is_archived=is_archived,
        may_add=user.has_perm(MAY_ADD),
        types=type_choices(),
    )


def tariff_page(
    *, tariff_id: int, number: int | None, user: User, now: datetime, shows_all: bool
) -> TariffPage | None:
    """One tariff with the version asked for: else the one in force, the next, or the draft."""
    row = tariff_row(tariff_id, now=now)
    if row is None:
        return None
    shown = (
        version_of(tariff_id, number)
        if number is not None
        else row.current or row.following or row.draft
    )
    if number is not None and shown is None:
        return None
    elements, problem = _elements(shown)
    may_change = user.has_perm(MAY_CHANGE)
    most = None if shows_all else MOST_VERSIONS
    return TariffPage(
        row=row,
        shown=shown,
        elements=elements,
        problem=problem,
        versions=tuple(versions_of(tariff_id)[:most]),
        assignments=tuple(
            _assignment(one, now) for one in assignments_of(tariff_id)[:MOST_ASSIGNMENTS]
        ),
        choices=target_choices() if may_change else None,
        types=type_choices(),
        may_change=may_change,
        now=now,
        shows_all=shows_all,
    )


def type_choices() -> tuple[tuple[str, str], ...]:
    """The types of a tariff."""
    return tuple((value, str(label)) for value, label in TariffType.choices)


def series_choices() -> tuple[tuple[int, str], ...]:
    """The price series that a tariff can follow."""
    return tuple((one.pk, f"{one} · {one.currency}") for one in Series.objects.order_by("pk"))


def target_choices() -> TargetChoices:
    """What a tariff can be assigned to; stations and their parts are typed."""
    accounts = BillingAccount.objects.filter(is_active=True)[:MOST_CHOICES]
    return TargetChoices(
        sites=tuple((one.pk, str(one)) for one in Site.objects.all()[:MOST_CHOICES]),
        groups=tuple((one.pk, str(one)) for one in TokenGroup.objects.all()[:MOST_CHOICES]),
        accounts=tuple((one.pk, str(one)) for one in accounts),
        scopes=tuple((value, str(label)) for value, label in AssignmentScope.choices),
    )


def week_content(version: TariffVersion, *, now: datetime) -> tuple[dict[str, object], date]:
    """The tariff with this week's market prices, and this week's Monday, operator time."""
    zone = timezone.get_current_timezone_name()
    monday = monday_of(now, zone)
    start = datetime.combine(monday, datetime.min.time(), ZoneInfo(zone))
    end = start + timedelta(days=DAYS)
    return tariff_content(version, start=start, end=end, time_zone=zone), monday


def monday_of(now: datetime, time_zone: str) -> date:
    """The Monday of the local week."""
    today = now.astimezone(ZoneInfo(time_zone)).date()
    return today - timedelta(days=today.weekday())


def element_words(tariff: Tariff) -> tuple[ElementWords, ...]:
    """Each row of a tariff in words."""
    return tuple(
        ElementWords(
            restriction_words(element.restrictions),
            tuple(
                (str(one.type), price_words(one.price, tariff.currency, one.type))
                for one in element.price_components
            ),
        )
        for element in tariff.elements
    )


def _elements(version: TariffVersion | None) -> tuple[tuple[ElementWords, ...], str]:
    if version is None:
        return (), ""
    try:
        parsed, _notes = tariff_parse(version.content, "2.2.1")
    except RatingProblem as problem:
        return (), problem.message
    return element_words(parsed), ""


def _line(row: TariffRow) -> TariffLine:
    version = row.current or row.following or row.draft
    elements, _problem = _elements(version)
    told: dict[str, list[str]] = {}
    for element in elements:
        for dimension, words in element.prices:
            told.setdefault(dimension, []).append(words)
    formula = getattr(version, "formula", None)
    if version is not None and formula is not None:
        high = price_words(formula.cap_per_kwh, version.currency, Dimension.ENERGY)
        told[Dimension.ENERGY] = [f"{price_number(formula.floor_per_kwh)}–{high}"]
    summary = " + ".join(
        found[0] if len(set(found)) == 1 else f"{found[0]} …"
        for dimension in PRICED
        if (found := told.get(dimension))
    )
    return TariffLine(row, summary, formula is not None)


def _assignment(assignment: TariffAssignment, now: datetime) -> AssignmentLine:
    if assignment.valid_until is not None and assignment.valid_until <= now:
        state = "over"
    else:
        state = "later" if assignment.valid_from > now else "now"
    return AssignmentLine(assignment, target_name(assignment), state)
