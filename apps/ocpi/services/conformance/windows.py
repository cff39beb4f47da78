"""Whether a list's dates hold to the instant: [date_from, date_to) around one of its objects."""

from collections import Counter
from datetime import datetime, timedelta

from apps.ocpi.objects.fields import date_time_text
from apps.ocpi.services.conformance.list_check import ListCheck
from apps.ocpi.services.conformance.objects import Item, Page
from apps.ocpi.services.conformance.report import PASSED
from apps.ocpi.services.conformance.rules import rules_of
from apps.ocpi.services.conformance.words import seen

WINDOW = timedelta(seconds=1)
MOST_TRIES = 2
"""An object may be updated between the page that has it and the window around it."""
_RULES = ("window_gives", "window_inside", "date_to_excluded")


def check_windows(check: ListCheck, sample: Page) -> None:
    """Try the rules of windows; they need filters that do something at all."""
    if not sample.rows:
        check.skipped(seen("list_empty"), *_RULES)
        return
    if not (check.rests_on("date_from", *_RULES) and check.rests_on("date_to", *_RULES)):
        return
    page: Page | None = sample
    for _try in range(MOST_TRIES):
        item = _fittest(page) if page is not None else None
        if item is None or item.at is None:
            check.skipped(seen("unread_date", key=sample.items[0].key), *_RULES)
            return
        request_id = _check_window(check, item, item.at)
        if request_id is None:
            return
        page = check.page(limit=str(max(1, len(sample.rows))))
        again = page.item(item.key) if page is not None else None
        if again is not None and again.at == item.at:
            _missed(check, item, item.at, request_id)
            return
    check.skipped(seen("keeps_changing"), *_RULES)


def _fittest(page: Page) -> Item | None:
    """The object that was updated longest ago, if it can be alone at its instant."""
    dated = [item for item in page.items if item.at is not None]
    shared = Counter(item.at for item in dated)
    return min(dated, key=lambda item: (shared[item.at] > 1, item.at), default=None)


def _window(check: ListCheck, at: datetime) -> tuple[datetime, datetime]:
    """2.1.1 does not say whether `date_from` itself is included: it is left a second before."""
    includes = any(
        rule.code == "date_to_excluded" for rule in rules_of(check.line.book.version, check.module)
    )
    return (at if includes else at - WINDOW), at + WINDOW


def _check_window(check: ListCheck, item: Item, at: datetime) -> str | None:
    """None when it could be told; else the request in whose window the object was not."""
    begins, ends = _window(check, at)
    page = check.page(date_from=date_time_text(begins), date_to=date_time_text(ends))
    if page is None:
        check.skipped(seen("list_unread"), *_RULES)
        return None
    outside = [one for one in page.items if one.at is not None and not begins <= one.at <= ends]
    if outside:
        one = outside[0]
        what = seen(
            "window_outside", key=one.key, at=_text(one.at), begins=_text(begins), ends=_text(ends)
        )
        check.failed("window_inside", page.request_id, what)
    if page.item(item.key) is None:
        if not page.is_cut:
            return page.request_id
        check.skipped(seen("list_too_long"), *_RULES)
        return None
    check.passed("window_gives", page, seen("window_found", key=item.key, at=_text(at)))
    check.passed("window_inside", page, seen("objects_given", count=len(page.rows)))
    if check.line.book.outcome("window_inside", check.module) == PASSED:
        _check_end(check, item, at)
    else:
        check.skipped(seen("rests_on", rule="window_inside"), "date_to_excluded")
    return None


def _check_end(check: ListCheck, item: Item, at: datetime) -> None:
    """The same object, where its instant is the end of the window."""
    rule = "date_to_excluded"
    begins = at - WINDOW
    page = check.page(date_from=date_time_text(begins), date_to=date_time_text(at))
    if page is None:
        check.skipped(seen("list_unread"), rule)
    elif any(one.at == at for one in page.items):
        found = page.item(item.key) or next(one for one in page.items if one.at == at)
        check.failed(rule, page.request_id, seen("window_found", key=found.key, at=_text(at)))
    elif page.is_cut:
        check.skipped(seen("list_too_long"), rule)
    else:
        check.passed(rule, page, seen("not_given", key=item.key, at=_text(at)))


def _missed(check: ListCheck, item: Item, at: datetime, request_id: str) -> None:
    begins, ends = _window(check, at)
    what = seen("window_missed", key=item.key, at=_text(at), begins=_text(begins), ends=_text(ends))
    check.failed("window_gives", request_id, what)
    check.skipped(seen("rests_on", rule="window_gives"), *_RULES)


def _text(at: datetime | None) -> str:
    return "" if at is None else date_time_text(at)
