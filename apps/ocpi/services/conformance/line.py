"""Asking a partner during a check: bounded, patient once, polite when asked to wait."""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from apps.ocpi.clients.ocpi import Heard, hear_partner
from apps.ocpi.models import ConformanceState, Partner
from apps.ocpi.server.headers import Ids
from apps.ocpi.services.conformance.report import Book
from apps.ocpi.services.conformance.words import Seen, seen
from cariflex.common.errors import ExternalError

MOST_REQUESTS = 60
MOST_TIME = timedelta(minutes=10)
SECOND_TRY_S = 1.0
MOST_PAGE_BYTES = 5_000_000
_TOO_MANY, _UNAVAILABLE = 429, 503
Clock = Callable[[], datetime]


class Stopped(Exception):
    """The check ends here; `note` says why."""

    def __init__(self, state: ConformanceState, note: Seen) -> None:
        super().__init__(note.code)
        self.state, self.note = state, note


class NoAnswer(Exception):
    """There was no whole answer, and not at the second try either."""

    def __init__(self, why: str, request_id: str) -> None:
        super().__init__(why)
        self.why, self.request_id = why, request_id


class Line:
    """The requests of one check. The report is stored before each."""

    def __init__(
        self, partner: Partner, book: Book, clock: Clock, pause: Callable[[float], None]
    ) -> None:
        self.partner, self.book, self.clock = partner, book, clock
        self.requests = 0
        self._pause = pause
        self._until = clock() + MOST_TIME

    def ask(
        self,
        module: str,
        url: str,
        params: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        token: str | None = None,
    ) -> Heard:
        """The answer, whatever it says.

        Raises NoAnswer, and Stopped when the bounds are reached or the partner asks to wait.
        """
        try:
            return self._once(module, url, params, method, token)
        except NoAnswer as err:
            if not isinstance(err.__cause__, ExternalError) or not err.__cause__.retryable:
                raise
        self._pause(SECOND_TRY_S)
        return self._once(module, url, params, method, token)

    def is_there(self, module: str, url: str) -> bool:
        """Whether an address still gives any answer."""
        try:
            self._once(module, url, None, "GET", None)
        except NoAnswer:
            return False
        return True

    def _once(
        self,
        module: str,
        url: str,
        params: Mapping[str, str] | None,
        method: str,
        token: str | None,
    ) -> Heard:
        now = self.clock()
        if self.requests >= MOST_REQUESTS:
            raise Stopped(ConformanceState.ENDED, seen("most_requests", count=self.requests))
        if now >= self._until:
            raise Stopped(ConformanceState.FAILED, seen("most_time"))
        self.book.store(now, requests=self.requests)
        self.requests += 1
        ids = Ids(str(uuid.uuid4()), str(uuid.uuid4()))
        try:
            heard = hear_partner(
                self.partner, method, url, module=module, params=params, ids=ids, token=token,
                most_bytes=MOST_PAGE_BYTES,
            )  # fmt: skip
        except ExternalError as err:
            raise NoAnswer(err.message, ids.request_id) from err
        wait_s = heard.retry_after_s
        if heard.http == _TOO_MANY or (heard.http == _UNAVAILABLE and wait_s is not None):
            note = (
                seen("asked_to_wait_some") if wait_s is None
                else seen("asked_to_wait", seconds=f"{wait_s:g}")
            )  # fmt: skip
            raise Stopped(ConformanceState.ENDED, note)
        return heard
