"""Walking through partners' lists: the safety net below pushes (2.2.1 transport §4.1.4.1).

A pull is a row that goes on where it was cut off: `next_url` is the page to read. Who works on it
holds it by `locked_until`; a killed worker's pull is taken up once that is over. It is done when it
saw all that was announced; else it fails, and the next one asks from the same instant again.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.db import IntegrityError, transaction

from apps.ocpi.choices import InterfaceRole, ObjectKind, PullMode, PullState
from apps.ocpi.clients.ocpi import PartnerAnswer, call_partner, endpoint
from apps.ocpi.models import Partner, Pull
from apps.ocpi.objects.fields import date_time_text
from apps.ocpi.services.pulls_objects import PageTaken, absent_mark, held_count, page_take
from cariflex.common.errors import DomainError, ExternalError

logger = logging.getLogger(__name__)

OVERLAP = timedelta(minutes=5)
"""Clocks differ, and a list may be written while it is read."""
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
HELD_FOR = timedelta(minutes=3)
MOST_TRIES = 8
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(hours=1)
MOST_PAGES = 200_000
MOST_PAGE_BYTES = 50_000_000
"""A page may carry an object that is far too large; it alone is refused."""
SHRUNK = "The list became shorter while it was read"
SHORT = "The list was shorter than announced"
EMPTIED = "The list was empty"
LOOPED = "A page came twice"
_AGAIN = "read again"
_TRIES = re.compile(r"try (\d+) of")
Clock = Callable[[], datetime]


@dataclass(slots=True)
class _Walk:
    """What one worker knows of its pull beside the row."""

    pull: Pull
    partner: Partner
    url: str
    """Of the list, without parameters."""
    clock: Clock
    seen_urls: set[str] = field(default_factory=set)
    seen_keys: set[int] = field(default_factory=set)
    shrank: bool = False

    @property
    def kind(self) -> ObjectKind:
        return ObjectKind(self.pull.kind)


@transaction.atomic
def pull_start(*, partner: Partner, kind: str, mode: str, now: datetime) -> Pull:
    """Begin to read a partner's list, or the reading that goes on already.

    The changes are those since the last complete reading began, less an overlap; without one, all.
    DomainError when the partner does not serve the list.
    """
    endpoint(partner, kind, InterfaceRole.SENDER)
    running = Pull.objects.filter(partner=partner, kind=kind, state=PullState.RUNNING).first()
    if running is not None:
        return running
    date_from = None
    if mode == PullMode.DELTA:
        last = (
            Pull.objects.filter(partner=partner, kind=kind, state=PullState.DONE)
            .order_by("-started_at")
            .first()
        )
        date_from = None if last is None else last.started_at - OVERLAP
    if date_from is None:
        mode = PullMode.FULL
    try:
        with transaction.atomic():
            return Pull.objects.create(
                partner=partner, kind=kind, mode=mode, date_from=date_from, started_at=now
            )
    except IntegrityError:
        # Somebody else began at the same moment.
        return Pull.objects.get(partner=partner, kind=kind, state=PullState.RUNNING)


def pull_run(*, pull_id: int, clock: Clock, until: datetime | None = None) -> timedelta | None:
    """Read pages until the end or `until`; when to go on, None when there is nothing left to do.

    Nothing happens while somebody else holds the pull.
    """
    pull = _take(pull_id, clock())
    if pull is None:
        return None
    partner = pull.partner
    try:
        url = endpoint(partner, pull.kind, InterfaceRole.SENDER)
    except DomainError as err:
        _end(pull, PullState.FAILED, str(err), clock())
        return None
    walk = _Walk(pull, partner, url, clock)
    while pull.state == PullState.RUNNING:
        if until is not None and clock() >= until:
            _release(pull, clock())
            return timedelta(0)
        try:
            answer = _page(walk)
            taken = page_take(partner, walk.kind, answer.rows(), now=clock())
        except (ExternalError, ValueError) as err:
            wait = _trouble(pull, err, clock())
            if wait is not None:
                return wait
            continue
        _advance(walk, answer, taken)
    return None


def pull_now(*, partner: Partner, kind: str, mode: str, clock: Clock) -> Pull:
    """Read a list at once, as far as it goes; a running pull of the same list is joined."""
    pull = pull_start(partner=partner, kind=kind, mode=mode, now=clock())
    pull_run(pull_id=pull.pk, clock=clock)
    pull.refresh_from_db()
    return pull


def _take(pull_id: int, now: datetime) -> Pull | None:
    """The pull, held for us; None when it is over or somebody works on it."""
    held = Pull.objects.filter(pk=pull_id, state=PullState.RUNNING).exclude(locked_until__gt=now)
    if not held.update(locked_until=now + HELD_FOR):
        return None
    return Pull.objects.select_related("partner").get(pk=pull_id)


def _release(pull: Pull, at: datetime) -> None:
    pull.locked_until = at
    pull.save(update_fields=["locked_until"])


def _page(walk: _Walk) -> PartnerAnswer:
    pull = walk.pull
    url = pull.next_url or _first_url(walk)
    walk.seen_urls.add(_bare(url))
    answer = call_partner(
        walk.partner, "GET", url, module=pull.kind, most_bytes=MOST_PAGE_BYTES
    ).expect_success(walk.partner)
    answer.rows()  # ValueError when it is no list
    return answer


def _first_url(walk: _Walk, offset: int = 0) -> str:
    query = {"offset": str(offset), "limit": str(walk.partner.pull_limit)}
    date_from = walk.pull.date_from
    if date_from is None and walk.kind == ObjectKind.SESSIONS:
        # The one list that must be asked for from an instant on (2.2.1 §9.2.1.1).
        date_from = EARLIEST
    if date_from is not None:
        query["date_from"] = date_time_text(date_from)
    return f"{walk.url}?{urlencode(query)}"


def _advance(walk: _Walk, answer: PartnerAnswer, taken: PageTaken) -> None:
    """Count a page and find the next one."""
    pull = walk.pull
    fresh = {one for one in taken.keys if one not in walk.seen_keys}
    walk.seen_keys |= fresh
    pull.pages += 1
    pull.seen += len(fresh)
    pull.stored += taken.stored
    pull.refused += taken.refused
    announced = _announced(answer)
    if announced is not None:
        if pull.announced is not None and announced < pull.announced:
            walk.shrank = True
        pull.announced = announced
    following = _followed(walk, answer)
    if following and (_bare(following) in walk.seen_urls or not fresh):
        following = _beyond_loop(walk)
    if pull.pages >= MOST_PAGES:
        following = ""
    if following:
        pull.next_url = following
        pull.locked_until = walk.clock() + HELD_FOR
        if _TRIES.search(pull.note):
            pull.note = "read again." if _AGAIN in pull.note else ""
        pull.save()
        return
    _finish(walk, taken)


def _followed(walk: _Walk, answer: PartnerAnswer) -> str:
    """The Link to the next page, always at the list's own address: only its parameters count."""
    if not answer.next_url:
        return ""
    ours, theirs = urlsplit(walk.url), urlsplit(answer.next_url)
    query = "&".join(part for part in (ours.query, theirs.query) if part)
    return urlunsplit((ours.scheme, ours.netloc, ours.path, query, ""))


def _beyond_loop(walk: _Walk) -> str:
    """By its offset, what a Link that leads nowhere hides; empty when there is nothing more."""
    pull = walk.pull
    if pull.announced is None or pull.seen >= pull.announced:
        return ""
    url = _first_url(walk, offset=pull.seen)
    if _bare(url) in walk.seen_urls:
        pull.note = LOOPED
        return ""
    return url


def _finish(walk: _Walk, last: PageTaken) -> None:
    """The list is at its end: done, read once more, or failed."""
    pull, now = walk.pull, walk.clock()
    is_short = pull.announced is not None and pull.seen < pull.announced
    held = held_count(pull) if pull.mode == PullMode.FULL else 0
    trouble = ""
    if walk.shrank:
        trouble = SHRUNK
    elif is_short:
        trouble = pull.note if pull.note == LOOPED else SHORT
    elif held and not pull.seen and not pull.refused:
        trouble = EMPTIED
    was_restarted = _AGAIN in pull.note
    if trouble and not was_restarted:
        _restart(walk, f"{trouble}: read again.")
        return
    if trouble and trouble != EMPTIED:
        _end(pull, PullState.FAILED, f"{trouble}, also when read again.", now)
        return
    marked = absent_mark(pull) if pull.mode == PullMode.FULL else 0
    notes = [pull.note] if was_restarted else []
    if pull.refused:
        notes.append(f"{pull.refused} refused. {last.problem}".strip())
    if marked:
        notes.append(f"{marked} are not listed any more.")
    _end(pull, PullState.DONE, " ".join(one for one in notes if one), now)


def _restart(walk: _Walk, note: str) -> None:
    pull = walk.pull
    pull.next_url, pull.announced, pull.note = "", None, note
    pull.seen = 0
    pull.locked_until = walk.clock() + HELD_FOR
    pull.save()
    walk.seen_urls.clear()
    walk.seen_keys.clear()
    walk.shrank = False
    logger.warning("pull read again partner=%s kind=%s", walk.partner.code, pull.kind)


def _trouble(pull: Pull, err: Exception, now: datetime) -> timedelta | None:
    """How long to wait before the page is asked for again; None when the pull failed."""
    found = _TRIES.search(pull.note)
    tries = 1 + (int(found.group(1)) if found else 0)
    is_final = isinstance(err, ExternalError) and not err.retryable and _is_refusal(err)
    if is_final or tries >= MOST_TRIES:
        _end(pull, PullState.FAILED, str(err), now)
        return None
    wait = min(FIRST_WAIT * int(2 ** (tries - 1)), LONGEST_WAIT)
    if isinstance(err, ExternalError) and err.retry_after_s is not None:
        wait = min(timedelta(seconds=err.retry_after_s), LONGEST_WAIT)
    pull.locked_until = now + wait
    again = " (read again)" if _AGAIN in pull.note else ""
    pull.note = f"Waits, try {tries} of {MOST_TRIES}{again}: {err}"[:300]
    pull.save(update_fields=["locked_until", "note"])
    logger.warning("pull waits pull=%s s=%d why=%s", pull.pk, wait.total_seconds(), err)
    return wait


def _is_refusal(err: ExternalError) -> bool:
    """HTTP said no; what only cannot be read may be whole the next time."""
    return err.status is None or err.status >= 400


def _end(pull: Pull, state: PullState, note: str, now: datetime) -> None:
    pull.state, pull.note, pull.ended_at = state, note[:300], now
    pull.locked_until, pull.next_url = None, ""
    pull.save()
    logger.info(
        "pull ended pull=%s kind=%s state=%s seen=%d stored=%d refused=%d",
        pull.pk, pull.kind, state, pull.seen, pull.stored, pull.refused,
    )  # fmt: skip


def _announced(answer: PartnerAnswer) -> int | None:
    text = answer.headers.get("x-total-count", "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _bare(url: str) -> str:
    """An address whose parameters may stand in any order."""
    parts = urlsplit(url)
    return f"{parts.path}?{urlencode(sorted(parse_qsl(parts.query)))}"
