"""Aware UTC everywhere; intervals are half-open [start, end)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


def utc_now() -> datetime:
    """The clock, read at the edge; rules take `now` as an argument instead."""
    return datetime.now(UTC)


def require_aware(at: datetime, name: str = "datetime") -> datetime:
    """The instant in UTC; ValueError when it has no time zone."""
    if at.tzinfo is None:
        raise ValueError(f"{name} must be an aware datetime, got {at.isoformat()}")
    return at.astimezone(UTC)


def parse_rfc3339(text: str) -> datetime:
    """The instant of an RFC 3339 text; a text without offset is UTC, as OCPI and OCPP have it.

    Raises ValueError when the text is not a date-time.
    """
    if "T" not in text.upper() and " " not in text.strip():
        raise ValueError(f"not an RFC 3339 date-time: {text!r}")
    at = datetime.fromisoformat(text.strip())
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def format_rfc3339(at: datetime) -> str:
    """`2026-03-10T12:55:00Z`, with milliseconds only when there are any."""
    at = require_aware(at)
    spec = "milliseconds" if at.microsecond >= 1000 else "seconds"
    return at.replace(tzinfo=None).isoformat(timespec=spec) + "Z"


@dataclass(frozen=True, slots=True)
class Interval:
    """A half-open stretch of time [start, end), both aware."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        require_aware(self.start, "start")
        require_aware(self.end, "end")
        if self.end < self.start:
            raise ValueError("end must not be before start")

    @property
    def duration(self) -> timedelta:
        return self.end - self.start

    def contains(self, at: datetime) -> bool:
        """True from start on, false from end on."""
        return self.start <= at < self.end

    def overlap(self, other: "Interval") -> timedelta:
        """How long both hold; zero when they only touch."""
        length = min(self.end, other.end) - max(self.start, other.start)
        return max(length, timedelta(0))
