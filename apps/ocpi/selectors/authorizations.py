"""How long answers about tokens took: the rate that AFIREV has operators report."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from apps.ocpi.choices import AllowedType, AskOutcome, Direction
from apps.ocpi.models import TokenAsk


@dataclass(frozen=True, slots=True)
class AnswerTimes:
    """Questions of a period [start, end). Times in ms of those that were answered.

    `within_percent`: of the questions that were asked, those answered within the limit; None when
    none was asked. `remembered`: decided without asking.
    """

    asked: int
    answered: int
    allowed: int
    slow: int
    failed: int
    remembered: int
    within: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None

    @property
    def within_percent(self) -> float | None:
        return 100 * self.within / self.asked if self.asked else None


_QUERY = """
SELECT count(*) FILTER (WHERE outcome <> %(remembered)s),
       count(*) FILTER (WHERE outcome = %(answered)s),
       count(*) FILTER (WHERE outcome = %(answered)s AND allowed = %(allowed)s),
       count(*) FILTER (WHERE outcome = %(slow)s),
       count(*) FILTER (WHERE outcome = %(failed)s),
       count(*) FILTER (WHERE outcome = %(remembered)s),
       count(*) FILTER (WHERE outcome = %(answered)s AND latency_ms <= %(limit)s),
       percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY latency_ms)
           FILTER (WHERE outcome = %(answered)s)
FROM ocpi_tokenask
WHERE at >= %(start)s AND at < %(end)s AND direction = %(direction)s
  AND (%(partner)s IS NULL OR partner_id = %(partner)s)
"""


def answer_times(
    *,
    start: datetime,
    end: datetime,
    limit_ms: float = 2000,
    direction: str = Direction.OUT,
    partner: int | None = None,
) -> AnswerTimes:
    """The answers to our questions (OUT) or to those of partners (IN). One query."""
    named: dict[str, Any] = {
        "start": start, "end": end, "limit": limit_ms, "direction": direction, "partner": partner,
        "remembered": AskOutcome.REMEMBERED, "answered": AskOutcome.ANSWERED,
        "slow": AskOutcome.SLOW, "failed": AskOutcome.FAILED, "allowed": AllowedType.ALLOWED,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_QUERY, named)
        asked, answered, allowed, slow, failed, remembered, within, shares = cursor.fetchone()
    p50, p95, p99 = shares or (None, None, None)
    return AnswerTimes(
        asked, answered, allowed, slow, failed, remembered, within, p50, p95, p99
    )  # fmt: skip


def asks_recent(*, limit: int = 100) -> list[TokenAsk]:
    """The newest questions, with their partner. One query."""
    return list(TokenAsk.objects.select_related("partner").order_by("-at", "-pk")[:limit])
