"""What the weather feeds share: which cells are due within the quota, and the series of a cell."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from apps.markets.choices import CallOutcome, Feed, Quality, SeriesKind
from apps.markets.feeds.weather import WeatherForecast, WeatherSlot
from apps.markets.models import FeedAccess, FeedCall, FeedRequest
from apps.markets.pv.grouping import Call, Cell, cells_to_ask
from apps.markets.selectors.pv import P10, P50, P90, cell_area
from apps.markets.services.feeds.adapter import Batch, Wanted
from apps.markets.services.series import GivenValue, SeriesKey
from cariflex.common.errors import DomainError

HORIZON: Final = timedelta(hours=48)
ASK_AGAIN: Final = timedelta(hours=1)
"""How soon the engine may ask again; how often a cell is asked follows from the quota."""
_REQUEST: Final = re.compile(r"weather:(-?\d{1,5}),(-?\d{1,5})")
# A request that is no longer wanted: its calls count against the quota all the same.
_GONE: Final = Cell(-1, -1)


def requests_due(
    access: FeedAccess, *, requests: Collection[str], now: datetime, quota_per_day: int
) -> list[Wanted]:
    """The requests that may be made now, the most urgent first, never more than are left today.

    What an operator asked to have again comes first, then what `cells_to_ask` deals out. Two
    queries.
    """
    day = now.astimezone(UTC).date()
    # What is shared out need not be cells: only which is which counts.
    cells = {request: Cell(number, 0) for number, request in enumerate(sorted(requests))}
    names = {cell: request for request, cell in cells.items()}
    calls = [
        Call(cells.get(request, _GONE), at, outcome == CallOutcome.ANSWERED)
        for request, at, outcome in FeedCall.objects.filter(
            access=access, at__gt=now - HORIZON - timedelta(days=1), at__lte=now
        ).values_list("request", "at", "outcome")
    ]
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    left = quota_per_day - sum(call.at >= midnight for call in calls)
    again = FeedRequest.objects.filter(
        access=access, day=day, status="missing", attempts__gt=0, next_attempt_at__lte=now
    ).values_list("request", flat=True)
    due = cells_to_ask(names, calls=calls, now=now, quota_per_day=quota_per_day, horizon=HORIZON)
    wanted = dict.fromkeys([*(one for one in again if one in cells), *(names[one] for one in due)])
    return [Wanted(request, day) for request in wanted][: max(left, 0)]


def request_cell(request: str) -> Cell:
    """The cell of a weather request. Raises DomainError for another request."""
    match = _REQUEST.fullmatch(request)
    if match is None:
        raise DomainError("weather.request", "is no request for the weather", field="request")
    return Cell(int(match[1]), int(match[2]))


def weather_batches(feed: Feed, cell: Cell, forecast: WeatherForecast) -> tuple[Batch, ...]:
    """The series of a cell: radiation with the percentiles there are, temperature, wind.

    They keep the resolution of the feed; beam and diffuse radiation stay in the document.
    """
    slots = forecast.slots

    def batch(kind: SeriesKind, values: list[GivenValue], variant: str = "") -> Batch:
        key = SeriesKey(
            kind=kind, area=cell_area(cell), source=feed, variant=variant,
            resolution=forecast.resolution,
        )  # fmt: skip
        return Batch(key, tuple(values))

    low = [_given(slot, slot.p10.ghi_w_per_m2) for slot in slots if slot.p10]
    high = [_given(slot, slot.p90.ghi_w_per_m2) for slot in slots if slot.p90]
    return (
        batch(SeriesKind.GHI, [_given(slot, slot.p50.ghi_w_per_m2) for slot in slots], P50),
        *([batch(SeriesKind.GHI, low, P10)] if low else []),
        *([batch(SeriesKind.GHI, high, P90)] if high else []),
        batch(SeriesKind.TEMPERATURE, [_given(slot, slot.temperature_c) for slot in slots]),
        batch(SeriesKind.WIND_SPEED, [_given(slot, slot.wind_m_per_s) for slot in slots]),
    )


def missing_words(missing: Collection[datetime]) -> tuple[str, ...]:
    """Slots that a feed left out, in words."""
    return tuple(f"{at:%Y-%m-%dT%H:%MZ}: is left out" for at in missing)


def _given(slot: WeatherSlot, value: float) -> GivenValue:
    return GivenValue(slot.start, Decimal(f"{value:.2f}"), Quality.FORECAST)
