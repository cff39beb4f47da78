"""A band for a forecast that comes without one: as wide as its errors were of late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from apps.flexibility.forecasting.baselines import Z90
from apps.flexibility.forecasting.points import Made, Point
from apps.flexibility.forecasting.skill import BUCKETS, Bucket, bucket_of
from cariflex.common.units import QUARTER_HOUR


def banded(made: Made, *, rmse: Mapping[Bucket, float]) -> list[Point]:
    """The points, those without a band with one from the root mean square error of their horizon.

    Without an error of that horizon a point stays as it is.
    """
    points: list[Point] = []
    for number, point in enumerate(made.points):
        horizon = made.start + number * QUARTER_HOUR - made.made_at
        error = rmse.get(bucket_of(horizon) or BUCKETS[0])
        if point.p50 is None or point.p10 is not None or error is None:
            points.append(point)
            continue
        reach = Z90 * error
        points.append(replace(point, p10=point.p50 - reach, p90=point.p50 + reach))
    return points
