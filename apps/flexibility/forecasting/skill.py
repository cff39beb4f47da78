"""How good forecasts were: error, bias and band, by how far ahead they looked.

Units are those of the quantity: kW (consumption positive), EUR/MWh or g/kWh.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import fsum, sqrt
from typing import Final, TypeAlias

from apps.flexibility.forecasting.points import History, Made, Point
from cariflex.common.units import QUARTER_HOUR

Bucket: TypeAlias = tuple[int, int]
"""Horizons in (from, to] hours from the moment a forecast is made to the start of a slot."""
BUCKETS: Final[tuple[Bucket, ...]] = ((0, 1), (1, 6), (6, 24), (24, 48))
DAY_AHEAD: Final[Bucket] = (6, 24)
"""The horizon by which methods are compared: most of a plan lies there."""


@dataclass(frozen=True, slots=True)
class Skill:
    """How good a method was over one bucket of horizons.

    `slot_count` is the number of compared pairs of forecast and slot, one at least. `bias` is the
    mean of forecast minus measured. `in_band_share` (0 to 1) counts the pairs with a band, None
    without any; a perfect band has 0.8.
    """

    slot_count: int
    mae: float
    bias: float
    rmse: float
    in_band_share: float | None


@dataclass(frozen=True, slots=True)
class _Pair:
    bucket: Bucket
    slot: datetime
    point: Point
    error: float
    measured: float


def skills(
    *, made: Iterable[Made], measured: History, skip_zeros: bool = False
) -> dict[Bucket, Skill]:
    """The skill of one method's forecasts per bucket; a bucket without a pair is left out.

    A forecast counts only for slots that start after it was made. With `skip_zeros` (PV) slots
    where both are 0 are left out: every method knows the night.
    """
    found: dict[Bucket, list[_Pair]] = defaultdict(list)
    for pair in _pairs(made, measured, skip_zeros=skip_zeros):
        found[pair.bucket].append(pair)
    return {bucket: _skill(found[bucket]) for bucket in BUCKETS if bucket in found}


def slot_errors(
    *,
    made: Iterable[Made],
    measured: History,
    skip_zeros: bool = False,
    bucket: Bucket = DAY_AHEAD,
) -> dict[datetime, float]:
    """The mean absolute error per slot over all forecasts that had it within the bucket.

    Each slot weighs the same, however often a method made a forecast: so methods that are made
    hourly and six-hourly can be compared.
    """
    found: dict[datetime, list[float]] = defaultdict(list)
    for pair in _pairs(made, measured, skip_zeros=skip_zeros):
        if pair.bucket == bucket:
            found[pair.slot].append(abs(pair.error))
    return {slot: fsum(errors) / len(errors) for slot, errors in found.items()}


def bucket_of(horizon: timedelta) -> Bucket | None:
    """The bucket of a horizon; None where it is not ahead at all, or beyond them."""
    hours = horizon / timedelta(hours=1)
    return next((bucket for bucket in BUCKETS if bucket[0] < hours <= bucket[1]), None)


def _pairs(made: Iterable[Made], measured: History, *, skip_zeros: bool) -> Iterator[_Pair]:
    for forecast in made:
        for number, point in enumerate(forecast.points):
            slot = forecast.start + number * QUARTER_HOUR
            bucket = bucket_of(slot - forecast.made_at)
            value = measured.get(slot)
            if bucket is None or value is None or point.p50 is None:
                continue
            if skip_zeros and value == 0 and point.p50 == 0:
                continue
            yield _Pair(bucket, slot, point, point.p50 - value, value)


def _skill(pairs: list[_Pair]) -> Skill:
    count = len(pairs)
    banded = [
        pair.point.p10 <= pair.measured <= pair.point.p90
        for pair in pairs
        if pair.point.p10 is not None and pair.point.p90 is not None
    ]
    return Skill(
        slot_count=count,
        mae=fsum(abs(pair.error) for pair in pairs) / count,
        bias=fsum(pair.error for pair in pairs) / count,
        rmse=sqrt(fsum(pair.error**2 for pair in pairs) / count),
        in_band_share=sum(banded) / len(banded) if banded else None,
    )
