"""CDRs priced again from what is sealed in them: the price must come out the same."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.db.models import Q, TextField
from django.db.models.functions import Cast

from apps.billing.choices import FindingKind
from apps.billing.models import Cdr, ReconciliationFinding
from apps.billing.rating import Price, RatingProblem, Tariff, rate, session_parse, tariff_parse
from apps.billing.services.cdr_making import MONEY_PLACES
from apps.billing.services.reconciliation_pages import (
    PAGE_ROWS,
    Page,
    Scope,
    key_read,
    key_written,
)
from cariflex.common.exact_json import exact_loads
from cariflex.common.money import round_half_up

_CHUNK = 1000
# CDRs of before the tariff engine were rounded to cents at each step.
_CENTS_NOTE, _CENT = "cdr.cents", Decimal("0.01")


def prices_page(scope: Scope, place: str) -> Page:
    """Price each CDR of a page again by its own periods and tariff; credits are left out."""
    key = key_read(place, scope)
    seen, last = 0, place
    drifts = []
    for row in _rows(scope, key):
        seen += 1
        last = key_written(row["ended_at"], row["id"])
        if row["credit"]:
            continue
        drift = _drift(scope, row)
        if drift is not None:
            drifts.append(drift)
    ReconciliationFinding.objects.bulk_create(drifts, ignore_conflicts=True)
    return Page(seen, last, is_last=seen < PAGE_ROWS)


def price_again(
    *, tariff_content: str, charging_periods: str, ended_at: str, time_zone: str
) -> Price:
    """What a CDR costs by its sealed tariff and its periods, both JSON texts, to 4 decimals.

    Raises RatingProblem for what cannot be priced.
    """
    periods = exact_loads(charging_periods)
    start = periods[0]["start_date_time"] if periods else ended_at
    session, _notes = session_parse(
        {"start_date_time": start, "end_date_time": ended_at, "charging_periods": periods},
        time_zone,
    )
    return rate(_tariff(tariff_content), session).total_cost.rounded(MONEY_PLACES)


@lru_cache(maxsize=256)
def _tariff(content: str) -> Tariff:
    return tariff_parse(exact_loads(content), "2.2.1")[0]


def _rows(scope: Scope, key: tuple[Any, str] | None) -> Iterator[Mapping[str, Any]]:
    cdrs = Cdr.objects.filter(ended_at__gte=scope.start, ended_at__lt=scope.end)
    if key is not None:
        at, row = key
        # The second bound lets the index serve the first.
        cdrs = cdrs.filter(Q(ended_at__gt=at) | Q(id__gt=row), ended_at__gte=at)
    return (
        cdrs.order_by("ended_at", "id")
        .annotate(
            tariff_text=Cast("tariff_content", TextField()),
            periods_text=Cast("charging_periods", TextField()),
        )
        .values(
            "id", "ended_at", "credit", "session_id", "time_zone", "currency", "total_excl_vat",
            "total_incl_vat", "tariff_text", "periods_text", "rating__notes",
        )[:PAGE_ROWS]
        .iterator(chunk_size=_CHUNK)
    )  # fmt: skip


def _drift(scope: Scope, row: Mapping[str, Any]) -> ReconciliationFinding | None:
    try:
        price = price_again(
            tariff_content=row["tariff_text"],
            charging_periods=row["periods_text"],
            ended_at=f"{row['ended_at']:%Y-%m-%dT%H:%M:%SZ}",
            time_zone=row["time_zone"],
        )
    except RatingProblem as problem:
        return _finding(scope, row, None, f"Cannot be priced again: {problem}")
    allowed = _CENT if _is_in_cents(row["rating__notes"]) else Decimal(0)
    net = abs(row["total_excl_vat"] - round_half_up(price.excl_vat, MONEY_PLACES))
    gross = abs(row["total_incl_vat"] - round_half_up(price.incl_vat, MONEY_PLACES))
    if net <= allowed and gross <= allowed:
        return None
    detail = f"With VAT {price.incl_vat}, not {row['total_incl_vat']} {row['currency']}"
    return _finding(scope, row, price.excl_vat, detail)


def _finding(
    scope: Scope, row: Mapping[str, Any], expected: Decimal | None, detail: str
) -> ReconciliationFinding:
    return ReconciliationFinding(
        run_id=scope.run_id,
        kind=FindingKind.PRICE_DRIFT,
        subject=f"cdr:{row['id']}",
        session_id=row["session_id"],
        cdr_id=row["id"],
        expected=expected,
        found=row["total_excl_vat"],
        unit=row["currency"],
        detail=detail[:300],
    )


def _is_in_cents(notes: Any) -> bool:
    return any(note.get("code") == _CENTS_NOTE for note in notes or ())
