"""Series, accesses and documents whose figures can be told by hand, in the current schema.

`now` is 2026-11-23 15:07:30 UTC, 11:07:30 in Guadeloupe; its local day is [04:00 UTC, 04:00 UTC).
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from apps.markets.choices import Feed, Quality, SeriesKind
from apps.markets.models import FeedAccess, FeedCall, FeedRequest, ImportedDocument, Series
from apps.markets.services.series import GivenValue, SeriesKey, series_ensure, values_store
from cariflex.common.units import QUARTER_HOUR

MIDNIGHT = datetime(2026, 11, 23, 4, tzinfo=UTC)
"""Midnight in Guadeloupe."""
PUBLISHED = datetime(2026, 11, 22, 12, tzinfo=UTC)


def key(kind: SeriesKind, source: Feed = Feed.ENTSOE, **more: object) -> SeriesKey:
    return SeriesKey(kind=kind, area="GP", source=source, **more)  # type: ignore[arg-type]


def given(
    first: datetime, count: int, value: str = "100", quality: Quality = Quality.ACTUAL
) -> list[GivenValue]:
    """`count` quarter hours that rise by 1 each."""
    return [GivenValue(first + n * QUARTER_HOUR, Decimal(value) + n, quality) for n in range(count)]


def price_build() -> Series:
    """Prices 100, 101, ... of the day, the slots 40 to 43 missing; slot 0 published twice."""
    series = series_ensure(key(SeriesKind.PRICE))
    values = given(MIDNIGHT, 96)
    values_store(series=series, values=values[:40] + values[44:], published_at=PUBLISHED)
    values_store(
        series=series,
        values=[GivenValue(MIDNIGHT, Decimal("90.5"))],
        published_at=PUBLISHED + timedelta(hours=2),
    )
    return series


def forecast_build() -> dict[str, Series]:
    """PV production of the day: p10 from 10, p50 from 20, p90 from 30."""
    found = {}
    for variant, value in (("p10", "10"), ("p50", "20"), ("p90", "30")):
        series = series_ensure(key(SeriesKind.PV_PRODUCTION, Feed.ISLAND, variant=variant))
        values_store(
            series=series,
            values=given(MIDNIGHT, 96, value, Quality.FORECAST),
            published_at=PUBLISHED,
        )
        found[variant] = series
    return found


def access_build(*, now: datetime) -> FeedAccess:
    """An access to ENTSO-E: 3 of 10 calls made today, one request failed, one complete."""
    access = FeedAccess.objects.create(
        feed=Feed.ENTSOE, area="10YFR-RTE------C", base_url="https://feed.example/api",
        token="the-secret-token", settings={"requests": ["prices"]}, quota_per_day=10,  # noqa: S106
        state="unreachable", state_since=now - timedelta(hours=1),
        last_error="no answer within 20 s", last_success_at=now - timedelta(hours=2),
    )  # fmt: skip
    for n in range(3):
        FeedCall.objects.create(access=access, request="prices", at=now - n * timedelta(hours=1))
    FeedCall.objects.create(access=access, request="prices", at=now - timedelta(days=1))
    FeedRequest.objects.create(
        access=access, day=now.date(), status="unreachable", attempts=4, failures=4,
        next_attempt_at=now + timedelta(minutes=5), last_error="no answer within 20 s",
    )  # fmt: skip
    FeedRequest.objects.create(
        access=access, day=now.date() - timedelta(days=1), status="complete", attempts=1
    )
    return access


def document_build(access: FeedAccess, *, now: datetime, **more: object) -> ImportedDocument:
    """A document with two refused rows and markup in its bytes."""
    fields = {
        "day": now.date(), "name": "prices.csv", "status": "partly", "values_new": 94,
        "faults": ["line 3, Price: 'x' is no number", "line 9, Time: given twice"],
        "times_received": 2, "received_at": now, "received_by": "somebody", "sha256": "a" * 64,
        "raw": b"Date;Price\n<script>alert(1)</script>;1\n", **more,
    }  # fmt: skip
    return ImportedDocument.objects.create(access=access, **fields)
