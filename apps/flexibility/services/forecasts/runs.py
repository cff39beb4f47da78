"""What came of the last attempt of each method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from apps.flexibility.choices import ForecastMethod, ForecastQuantity
from apps.flexibility.forecasting.reasons import ForecastReason
from apps.flexibility.models import ForecastRun


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt; `detail` is "3/7" for three days of the seven it takes."""

    reason: ForecastReason = ForecastReason.NONE
    detail: str = ""


def runs_note(
    *,
    site_id: int,
    outcomes: Mapping[tuple[ForecastQuantity, ForecastMethod], Outcome],
    now: datetime,
) -> None:
    """Keep what came of attempts that are over. One query."""
    rows = [
        ForecastRun(
            site_id=site_id,
            quantity=quantity,
            method=method,
            tried_at=now,
            reason_code=outcome.reason,
            detail=outcome.detail,
        )
        for (quantity, method), outcome in outcomes.items()
    ]
    ForecastRun.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["site", "quantity", "method"],
        update_fields=["tried_at", "reason_code", "detail", "lease_until"],
    )
