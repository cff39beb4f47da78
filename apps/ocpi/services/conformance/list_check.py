"""A list under check: its pages asked for and judged, its rules written down."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from apps.ocpi.choices import ObjectKind
from apps.ocpi.clients.ocpi import PartnerAnswer
from apps.ocpi.objects.fields import date_time_text
from apps.ocpi.services.conformance.answers import judge, opened
from apps.ocpi.services.conformance.line import Line
from apps.ocpi.services.conformance.objects import Page, page_of
from apps.ocpi.services.conformance.report import PASSED
from apps.ocpi.services.conformance.words import Seen, seen

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_REL_NEXT = re.compile(r'\brel\s*=\s*"?next\b', re.IGNORECASE)


@dataclass(frozen=True)
class ListCheck:
    """A list under check; pages are asked for with the token and headers of any other call."""

    line: Line
    module: str
    url: str

    def page(self, **params: str) -> Page | None:
        """A page that should be given; None when there is none. Every answer is judged.

        Sessions are only asked for from an instant on (2.2.1 §9.2.1.1).
        """
        if self.module == ObjectKind.SESSIONS:
            params = {"date_from": date_time_text(EARLIEST), **params}
        return self.page_at(self.url, params)

    def page_at(self, url: str, params: dict[str, str] | None = None) -> Page | None:
        """As `page`, at an address of the same list."""
        answer = opened(self.line.ask(self.module, url, params))
        judge(self.line, self.module, answer)
        if not answer.is_success:
            return None
        found = page_of(answer)
        if found is None and answer.problem is None:
            self.failed("envelope", answer.heard.ids.request_id, seen("data_no_list"))
        return found

    def passed(self, rule: str, page: Page, what: Seen | None = None) -> None:
        """The rule is kept."""
        self.line.book.passed(rule, self.module, page.request_id, what)

    def failed(self, rule: str, request_id: str, what: Seen) -> None:
        """The rule is broken."""
        self.line.book.failed(rule, self.module, request_id, what)

    def skipped(self, what: Seen, *rules: str) -> None:
        """The rules could not be tried."""
        for rule in rules:
            self.line.book.skipped(rule, self.module, what)

    def rests_on(self, rule: str, *rules: str) -> bool:
        """Whether a rule is kept; if not, those that make sense only then are not tried."""
        if self.line.book.outcome(rule, self.module) == PASSED:
            return True
        self.skipped(seen("rests_on", rule=rule), *rules)
        return False


def next_url(page: Page) -> str:
    """The address of the next page, empty when none is named."""
    heard = page.answer.heard
    return PartnerAnswer(heard.http, 0, "", heard.headers).next_url


def bare(url: str) -> str:
    """An address whose parameters may stand in any order."""
    parts = urlsplit(url)
    return f"{parts.path}?{urlencode(sorted(parse_qsl(parts.query)))}"


def names_next(page: Page) -> bool:
    """Whether a Link with rel=next is there, whatever it leads to."""
    return _REL_NEXT.search(page.answer.heard.headers.get("link", "")) is not None
