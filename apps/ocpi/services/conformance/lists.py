"""One list of a partner's: its pages, links, filters and objects."""

import uuid
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlsplit

from apps.ocpi.choices import ObjectKind
from apps.ocpi.objects.fields import date_time_read, date_time_text
from apps.ocpi.services.conformance.answers import opened
from apps.ocpi.services.conformance.line import Line
from apps.ocpi.services.conformance.list_check import (
    EARLIEST,
    ListCheck,
    bare,
    names_next,
    next_url,
)
from apps.ocpi.services.conformance.objects import Page, objects_seen, whole
from apps.ocpi.services.conformance.windows import check_windows
from apps.ocpi.services.conformance.words import seen

SAMPLE = 50
"""Objects of a page that are read, at most."""
LAST_PAGE_UP_TO = 2_000
"""An offset far into a long list costs the partner much: the last page of those is not asked."""
LONG_AGO = datetime(2000, 1, 2, tzinfo=UTC)
AHEAD = timedelta(days=365)
INVALID_DATE = "the-day-before-yesterday"
_PARAMETERS = 2001
_UNKNOWN = 2003
_LINKS = ("link_next", "link_absolute", "link_filters", "link_moves")


def check_list(line: Line, module: str, url: str) -> None:
    """Try every rule of a list. Raises what `Line.ask` raises."""
    check = ListCheck(line, module, url)
    sample = check.page(limit=str(min(line.partner.pull_limit, SAMPLE)))
    if sample is None:
        line.book.skip_rest(module, seen("list_unread"))
        return
    _check_objects(check, sample)
    _check_counts(check, sample)
    _check_limit(check, sample)
    _check_last(check, sample)
    _check_dates(check, sample)
    check_windows(check, sample)
    _check_invalid_date(check)
    if module == ObjectKind.LOCATIONS:
        _check_unknown(check)
    line.book.skip_rest(module, seen("not_needed"))


def _check_objects(check: ListCheck, sample: Page) -> None:
    if not sample.rows:
        check.skipped(seen("list_empty"), "objects", "dates_utc")
        return
    good = seen("objects_good", count=len(sample.rows))
    found = objects_seen(check.line.book.version, check.module, sample)
    for rule, problem in zip(("objects", "dates_utc"), found, strict=True):
        if problem is None:
            check.passed(rule, sample, good)
        else:
            check.failed(rule, sample.request_id, problem)


def _check_counts(check: ListCheck, sample: Page) -> None:
    headers, count = sample.answer.heard.headers, len(sample.rows)
    for rule, name in (("total_count", "X-Total-Count"), ("x_limit", "X-Limit")):
        text = headers.get(name.lower())
        number = None if text is None else whole(text)
        if text is None:
            check.failed(rule, sample.request_id, seen("missing", name=name))
        elif number is None:
            check.failed(rule, sample.request_id, seen("not_a_number", name=name, value=text))
        elif number < count:
            what = seen("too_small", name=name, value=number, count=count)
            check.failed(rule, sample.request_id, what)
        else:
            check.passed(rule, sample, seen("value", name=name, value=number))


def _check_limit(check: ListCheck, sample: Page) -> None:
    """One object of a page, and from there the Link to the next."""
    if not sample.rows:
        check.skipped(seen("list_empty"), "limit", *_LINKS)
        return
    filters = {
        "date_from": date_time_text(EARLIEST),
        "date_to": _ahead(check),
    }
    page = check.page(limit="1", offset="0", **filters)
    if page is None:
        check.skipped(seen("list_unread"), "limit", *_LINKS)
        return
    count = len(page.rows)
    if count == 1:
        check.passed("limit", page, seen("one_given"))
    else:
        what = seen("too_many", count=count) if count else seen("nothing_given")
        check.failed("limit", page.request_id, what)
    if check.rests_on("limit", *_LINKS):
        _check_links(check, sample, page, filters)


def _check_links(check: ListCheck, sample: Page, page: Page, filters: dict[str, str]) -> None:
    if (page.total if page.total is not None else len(sample.rows)) <= 1:
        check.skipped(seen("list_of_one"), *_LINKS)
        return
    link = next_url(page)
    if not link:
        check.failed("link_next", page.request_id, seen("link_none"))
        check.rests_on("link_next", *_LINKS)
        return
    check.passed("link_next", page, seen("link_there", value=link))
    parts = urlsplit(link)
    if not parts.netloc or parts.scheme not in ("http", "https"):
        check.failed("link_absolute", page.request_id, seen("link_relative", value=link))
    elif _host(link) != _host(check.url):
        # Our token is for the partner's own host.
        check.failed("link_absolute", page.request_id, seen("link_elsewhere", value=link))
    else:
        check.passed("link_absolute", page, seen("good"))
    query = dict(parse_qsl(parts.query))
    lost = [name for name, text in filters.items() if not _same(query.get(name, ""), text)]
    if lost:
        what = seen("link_filter_lost", name=", ".join(lost), value=link)
        check.failed("link_filters", page.request_id, what)
    else:
        check.passed("link_filters", page)
    if check.rests_on("link_absolute", "link_moves"):
        _follow(check, page, link)


def _follow(check: ListCheck, page: Page, link: str) -> None:
    """One step along the Link: other objects, and no way back."""
    read = {bare(page.answer.heard.url)}
    if bare(link) in read:
        check.failed("link_moves", page.request_id, seen("link_itself", value=link))
        return
    following = check.page_at(link)
    if following is None:
        check.skipped(seen("list_unread"), "link_moves")
        return
    after = next_url(following)
    keys = {item.key for item in page.items}
    again = [item.key for item in following.items if item.key in keys]
    if not following.rows:
        what = seen("link_empty")
    elif again:
        what = seen("link_same", key=again[0])
    elif after and bare(after) in read | {bare(link)}:
        what = seen("link_back", value=after)
    else:
        check.passed("link_moves", following)
        return
    check.failed("link_moves", following.request_id, what)


def _check_last(check: ListCheck, sample: Page) -> None:
    """No Link where everything was given: on the sample, else on the last page of a short list."""
    if not check.rests_on("total_count", "link_last"):
        return
    total = sample.total or 0
    page, reach = sample, len(sample.rows)
    if total > reach:
        if total > LAST_PAGE_UP_TO:
            check.skipped(seen("list_all_pages"), "link_last")
            return
        last = check.page(limit="1", offset=str(total - 1))
        if last is None:
            check.skipped(seen("list_unread"), "link_last")
            return
        page, reach = last, total - 1 + len(last.rows)
    link = page.answer.heard.headers.get("link", "")
    if not names_next(page):
        check.passed("link_last", page)
    elif page.total is not None and page.total > reach:
        check.skipped(seen("keeps_changing"), "link_last")
    else:
        check.failed("link_last", page.request_id, seen("link_on_last", value=link))


def _check_dates(check: ListCheck, sample: Page) -> None:
    """Each filter by itself, where it lets nothing through."""
    if not sample.rows:
        check.skipped(seen("list_empty"), "date_from", "date_to")
        return
    for rule, value in (("date_from", _ahead(check)), ("date_to", date_time_text(LONG_AGO))):
        page = check.page(**{rule: value}, limit="1")
        if page is None:
            check.skipped(seen("list_unread"), rule)
        elif page.rows:
            what = seen("objects_given", count=max(len(page.rows), page.total or 0))
            check.failed(rule, page.request_id, what)
        else:
            check.passed(rule, page, seen("nothing_given"))


def _check_invalid_date(check: ListCheck) -> None:
    """An error of the caller's, told as one (2.2.1 §5.2): never HTTP 500, never ignored."""
    params = {"date_from": INVALID_DATE, "limit": "1"}
    answer = opened(check.line.ask(check.module, check.url, params))
    request_id = answer.heard.ids.request_id
    if answer.status_code == _PARAMETERS and answer.heard.http in (200, 400):
        check.line.book.passed("invalid_date", check.module, request_id, answer.outcome)
        return
    what = answer.outcome
    if answer.is_success:
        what = seen("accepted", http=answer.heard.http, code=answer.status_code or "-")
    check.failed("invalid_date", request_id, what)


def _check_unknown(check: ListCheck) -> None:
    url = f"{check.url.rstrip('/')}/{quote(uuid.uuid4().hex)}"
    answer = opened(check.line.ask(check.module, url))
    request_id = answer.heard.ids.request_id
    if answer.heard.http == 404 or (answer.heard.http == 200 and answer.status_code == _UNKNOWN):
        check.line.book.passed("unknown_object", check.module, request_id, answer.outcome)
    else:
        check.failed("unknown_object", request_id, answer.outcome)


def _ahead(check: ListCheck) -> str:
    return date_time_text((check.line.clock() + AHEAD).replace(microsecond=0))


def _same(one: str, other: str) -> bool:
    """Whether two texts are the same instant, however it is written."""
    try:
        return date_time_read(one) == date_time_read(other)
    except ValueError:
        return False


def _host(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    return parts.scheme, parts.hostname or "", port or {"https": 443}.get(parts.scheme, 80)
