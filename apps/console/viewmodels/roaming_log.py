"""The log of what was said with partners: searched, a page at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

import msgspec
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise

from apps.accounts.models import User
from apps.console.viewmodels.messages import key_text
from apps.ocpi.choices import Direction, OcpiVersion
from apps.ocpi.models import Exchange, Partner
from apps.ocpi.selectors.card_masks import body_masked, error_masked, path_masked
from apps.ocpi.selectors.exchanges import (
    EXPORT_MAX,
    HOPS_MAX,
    ExchangeSearch,
    Key,
    exchange_hops,
    exchanges_page,
)
from apps.ocpi.server import routes

MAY_SEE = "ocpi.view_exchange"
MAY_SEE_CARDS = "chargers.view_idtoken"
PAGE_SIZE = 50
SEARCH_MAX_LENGTH = 100
ID_MAX_LENGTH = 64
SPANS = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "all": None,
}
FIRST_SPAN = "day"
# A search that takes longer is given up: somebody else needs the database too.
SEARCH_LIMIT_MS = 5000
_LIMIT = "SELECT set_config('statement_timeout', %s, true)"
_QUERY_CANCELED = "57014"


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What the log shows; empty means all. `start` and `end` are local times, as typed."""

    partner: str = ""
    direction: str = ""
    module: str = ""
    has_error: bool = False
    correlation_id: str = ""
    text: str = ""
    span: str = FIRST_SPAN
    start: str = ""
    end: str = ""

    def search(self, now: datetime) -> ExchangeSearch:
        """The same as a search at this moment; times that were typed go before the span."""
        start, end = moment(self.start), moment(self.end)
        length = SPANS[self.span]
        if start is None and end is None and length is not None:
            start = now - length
        return ExchangeSearch(
            partner=self.partner,
            direction=self.direction,
            module=self.module,
            has_error=self.has_error,
            correlation_id=self.correlation_id,
            text=self.text,
            start=start,
            end=end,
        )

    @property
    def query(self) -> str:
        """The filter as the query of an address."""
        return _query(self, {})


@dataclass(frozen=True, slots=True)
class ExchangeLine:
    """One exchange of the page; without `shows_cards` the ids of cards are cut short."""

    exchange: Exchange
    shows_cards: bool

    @property
    def path(self) -> str:
        """The address."""
        one = self.exchange
        return one.path if self.shows_cards else path_masked(one.path, one.module)

    @property
    def error(self) -> str:
        """What went wrong; empty when nothing did."""
        one = self.exchange
        return one.error if self.shows_cards else error_masked(one.error, one.path, one.module)

    @property
    def is_bad(self) -> bool:
        """True when there was no whole answer, or one that says no; a check asks for those."""
        one = self.exchange
        return not one.is_check and (
            bool(one.error)
            or (one.http_status is not None and one.http_status >= 400)
            or (one.status_code is not None and one.status_code >= 2000)
        )


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of the log."""

    lines: tuple[ExchangeLine, ...]
    filter: LogFilter
    is_first_page: bool
    is_too_slow: bool
    next_after: Key | None
    partners: tuple[tuple[str, str], ...]
    modules: tuple[str, ...]
    directions: tuple[tuple[str, str | Promise], ...]
    shows_cards: bool
    export_max: int = EXPORT_MAX

    @property
    def is_filtered(self) -> bool:
        """True when anything but the span is chosen."""
        return self.filter != LogFilter(span=self.filter.span)

    @property
    def older_query(self) -> str:
        """The query of the next page with the same filter."""
        after = key_text(self.next_after) if self.next_after else ""
        return _query(self.filter, {"after": after})


@dataclass(frozen=True, slots=True)
class ExchangePage:
    """One exchange with its bodies, and all that was said under its correlation id."""

    line: ExchangeLine
    request_text: str
    response_text: str
    hops: tuple[ExchangeLine, ...]
    is_cut: bool
    """True when there are more hops than are shown."""
    shows_cards: bool


def may_see_cards(user: User) -> bool:
    """Whether somebody may see whole ids of cards, in the log as elsewhere."""
    return user.has_perm(MAY_SEE_CARDS)


def log_page(*, chosen: LogFilter, after: Key | None, now: datetime, shows_cards: bool) -> LogPage:
    """A page of the log, newest first. Two queries."""
    # One place for all pages: the span begins where the first page was opened.
    search = chosen.search(now)
    if after is not None and search.start is not None and not chosen.start:
        search = replace(search, start=min(search.start, after[0]))
    rows, next_after, is_too_slow = _page(search, after)
    partners = Partner.objects.order_by("name", "pk").values_list("code", "name")
    return LogPage(
        lines=tuple(ExchangeLine(row, shows_cards) for row in rows),
        filter=chosen,
        is_first_page=after is None,
        is_too_slow=is_too_slow,
        next_after=next_after,
        partners=tuple(partners),
        modules=modules_known(),
        directions=tuple(Direction.choices),
        shows_cards=shows_cards,
    )


def exchange_page(*, exchange_id: int, shows_cards: bool) -> ExchangePage | None:
    """One exchange, None when there is none; two queries."""
    exchange = Exchange.objects.select_related("partner").filter(pk=exchange_id).first()
    if exchange is None:
        return None
    hops = exchange_hops(exchange)
    return ExchangePage(
        line=ExchangeLine(exchange, shows_cards),
        request_text=_body(exchange.request_body, exchange.module, shows_cards=shows_cards),
        response_text=_body(exchange.response_body, exchange.module, shows_cards=shows_cards),
        hops=tuple(ExchangeLine(hop, shows_cards) for hop in hops),
        is_cut=len(hops) >= HOPS_MAX,
        shows_cards=shows_cards,
    )


def modules_known() -> tuple[str, ...]:
    """The modules that can be searched for."""
    served = {name for version in OcpiVersion.values for name, _role in routes.interfaces(version)}
    return tuple(sorted(served | {"versions", "credentials"}))


def body_text(body: str) -> str:
    """A body as people read it: JSON on lines of its own, anything else as it came."""
    try:
        # Digits stay as they were sent, and no number is worked out.
        return msgspec.json.format(body, indent=2)
    except (msgspec.MsgspecError, RecursionError):
        return body


def moment(text: str) -> datetime | None:
    """The instant of a local time as typed, `2026-03-10T12:00`; None for anything else."""
    try:
        at = parse_datetime(text)
        return None if at is None else at if timezone.is_aware(at) else timezone.make_aware(at)
    except (ValueError, OverflowError):
        return None


def _body(body: str, module: str, *, shows_cards: bool) -> str:
    return body_text(body if shows_cards else body_masked(body, module))


def _page(search: ExchangeSearch, after: Key | None) -> tuple[list[Exchange], Key | None, bool]:
    """The rows, the key to continue after, and whether the search was given up."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(_LIMIT, [str(SEARCH_LIMIT_MS)])
            page = exchanges_page(search=search, after=after, limit=PAGE_SIZE)
            with connection.cursor() as cursor:
                cursor.execute(_LIMIT, ["0"])
    except OperationalError as err:
        if getattr(err.__cause__, "pgcode", "") != _QUERY_CANCELED:
            raise
        return [], None, True
    return list(page.rows), page.next_after, False


def _query(chosen: LogFilter, further: Mapping[str, str]) -> str:
    kept = {
        "q": chosen.text,
        "partner": chosen.partner,
        "module": chosen.module,
        "direction": chosen.direction,
        "errors": "on" if chosen.has_error else "",
        "correlation": chosen.correlation_id,
        "span": chosen.span if chosen.span != FIRST_SPAN else "",
        "start": chosen.start,
        "end": chosen.end,
        **further,
    }
    return urlencode({name: value for name, value in kept.items() if value})
