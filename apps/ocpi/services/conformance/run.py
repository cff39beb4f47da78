"""A check from its first request to its last: reading calls, and two that must be refused."""

import logging
import time
from collections.abc import Callable
from functools import partial

from apps.ocpi.choices import PartnerState
from apps.ocpi.models import ConformanceState
from apps.ocpi.services.conformance.configuration import check_door, check_versions
from apps.ocpi.services.conformance.line import Clock, Line, NoAnswer, Stopped
from apps.ocpi.services.conformance.lists import check_list
from apps.ocpi.services.conformance.report import Book, ReportTaken, lists_served, report_take
from apps.ocpi.services.conformance.rules import VERSIONS
from apps.ocpi.services.conformance.words import Seen, seen
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)


def conformance_run(
    *, report_id: int, clock: Clock = utc_now, pause: Callable[[float], None] = time.sleep
) -> None:
    """Fill a report that was begun; nothing happens when it is over or somebody fills it.

    A rule that is broken is a row. A partner that stops to answer ends the report as failed.
    """
    report = report_take(report_id, clock())
    if report is None:
        return
    book = Book(report)
    line = Line(report.partner, book, clock, pause)
    lists = lists_served(report.partner)
    state, note = ConformanceState.ENDED, None
    try:
        if report.partner.state != PartnerState.REGISTERED:
            raise Stopped(ConformanceState.FAILED, seen("not_registered"))
        _walk(line, lists)
    except Stopped as stopped:
        state, note = stopped.state, stopped.note
    except ReportTaken:
        logger.warning("conformance.taken report=%s", report_id)
        return
    except Exception:
        logger.exception("conformance.fault report=%s", report_id)
        _end(line, lists, ConformanceState.FAILED, seen("fault"))
        raise
    _end(line, lists, state, note)


def _walk(line: Line, lists: dict[str, str]) -> None:
    has_versions = bool(line.partner.versions_url)
    if has_versions:
        _guarded(line, VERSIONS, lists, partial(check_versions, line, lists))
    else:
        line.book.skip_rest(VERSIONS, seen("no_versions_url"))
    for module, url in lists.items():
        _guarded(line, module, lists, partial(check_list, line, module, url))
    if has_versions:
        _guarded(line, VERSIONS, lists, partial(check_door, line))
    line.book.skip_rest(VERSIONS, seen("not_needed"))


def _guarded(line: Line, module: str, lists: dict[str, str], check: Callable[[], None]) -> None:
    """One module; without an answer the others go on, as long as the partner gives any."""
    try:
        check()
    except NoAnswer as err:
        line.book.failed("answered", module, err.request_id, seen("no_answer", why=err.why))
        if module != VERSIONS:
            line.book.skip_rest(module, seen("list_unread"))
        other, url = VERSIONS, line.partner.versions_url
        if module == VERSIONS or not url:
            other, url = next(((m, u) for m, u in lists.items() if m != module), ("", ""))
        if not url or not line.is_there(other, url):
            note = seen("partner_gone", why=err.why)
            raise Stopped(ConformanceState.FAILED, note) from err


def _end(line: Line, lists: dict[str, str], state: ConformanceState, note: Seen | None) -> None:
    for module in (VERSIONS, *lists):
        line.book.skip_rest(module, note or seen("not_needed"))
    now = line.clock()
    try:
        line.book.end(now, requests=line.requests, state=state, note=note)
    except ReportTaken:
        logger.warning("conformance.taken report=%s", line.book.report.pk)
        return
    logger.info(
        "conformance.ended report=%s state=%s requests=%d", line.book.report.pk, state,
        line.requests,
    )  # fmt: skip
