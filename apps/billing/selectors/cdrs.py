"""Every read of CDRs that more than one caller needs."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Case, Count, F, OuterRef, Q, QuerySet, Subquery, Sum, When

from apps.billing.exports.csv_file import cdr_csv
from apps.billing.models import Cdr
from apps.chargers.models import Session

__all__ = [
    "CdrRow",
    "CdrTotals",
    "CdrsPage",
    "SessionShown",
    "cdr_csv",
    "cdr_of_session",
    "cdr_row",
    "cdr_totals",
    "cdrs_page",
    "sessions_shown",
]

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class CdrRow:
    """A CDR as a line of a table, in cents; the token is masked."""

    cdr_id: UUID
    reference: str
    session_id: int
    station_id: str
    commune: str
    id_token_masked: str
    started_at: datetime
    ended_at: datetime
    energy_kwh: Decimal
    total_excl_vat: Decimal
    vat: Decimal
    total_incl_vat: Decimal
    currency: str
    explanation: str


@dataclass(frozen=True, slots=True)
class SessionShown:
    """A session with the number of its meter rows, and its CDR once there is one."""

    transaction_id: str
    station_id: str
    state: str
    energy_kwh: Decimal
    meter_rows: int
    cdr_id: UUID | None


@dataclass(frozen=True, slots=True)
class CdrsPage:
    """One page of CDRs, newest first."""

    rows: tuple[CdrRow, ...]
    total: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class CdrTotals:
    """Sums over CDRs of one currency."""

    currency: str
    count: int
    energy_kwh: Decimal
    total_excl_vat: Decimal
    vat: Decimal
    total_incl_vat: Decimal


def cdrs_page(*, page: int = 1, page_size: int = PAGE_SIZE, search: str = "") -> CdrsPage:
    """A page of CDRs, newest first; `search` looks in reference, station and transaction."""
    cdrs = Cdr.objects.order_by("-issued_at", "-id")
    if search:
        cdrs = cdrs.filter(
            Q(reference__icontains=search)
            | Q(station_id__icontains=search)
            | Q(transaction_id__icontains=search)
        )
    total = cdrs.count()
    pages = max(1, -(-total // page_size))
    page = min(max(1, page), pages)
    rows = cdrs[(page - 1) * page_size : page * page_size]
    return CdrsPage(tuple(cdr_row(cdr) for cdr in rows), total, page, pages)


def cdr_of_session(*, session_id: int) -> CdrRow | None:
    """The CDR of a session that counts, None while there is none."""
    cdr = Cdr.objects.live().filter(session_id=session_id).first()
    return cdr_row(cdr) if cdr else None


def sessions_shown(*, transaction_id: str, station_id: str | None = None) -> list[SessionShown]:
    """The sessions of that transaction id (a station's own), of one station or all. One query."""
    live = Cdr.objects.live().filter(session=OuterRef("pk")).order_by("-revision")
    sessions = (
        Session.objects.select_related("station")
        .filter(transaction_id=transaction_id)
        .annotate(live_cdr_id=Subquery(live.values("pk")[:1]))
    )
    if station_id is not None:
        sessions = sessions.filter(station__station_id=station_id)
    return [
        SessionShown(
            transaction_id=session.transaction_id,
            station_id=session.station.station_id,
            state=session.state,
            energy_kwh=session.energy_kwh,
            meter_rows=session.meter_rows,
            cdr_id=session.live_cdr_id,
        )
        for session in sessions.annotate(meter_rows=Count("meter_values")).order_by("pk")
    ]


def cdr_totals(cdrs: QuerySet[Cdr]) -> list[CdrTotals]:
    """The sums of a selection, one line for each currency; one query.

    A credit takes its energy back as it does its amounts.
    """
    energy = Case(When(credit=True, then=-F("energy_kwh")), default=F("energy_kwh"))
    sums = (
        cdrs.order_by()
        .values("currency")
        .annotate(
            count=Count("pk"),
            energy=Sum(energy),
            net=Sum("total_excl_vat"),
            tax=Sum("vat"),
            gross=Sum("total_incl_vat"),
        )
        .order_by("currency")
    )
    return [
        CdrTotals(
            row["currency"], row["count"], row["energy"], row["net"], row["tax"], row["gross"]
        )
        for row in sums
    ]


def cdr_row(cdr: Cdr) -> CdrRow:
    """The row of a CDR."""
    return CdrRow(
        cdr_id=cdr.pk,
        reference=cdr.reference,
        session_id=cdr.session_id,
        station_id=cdr.station_id,
        commune=cdr.commune,
        id_token_masked=cdr.id_token_masked,
        started_at=cdr.started_at,
        ended_at=cdr.ended_at,
        energy_kwh=cdr.energy_kwh,
        total_excl_vat=cdr.net_rounded,
        vat=cdr.vat_rounded,
        total_incl_vat=cdr.gross_rounded,
        currency=cdr.currency,
        explanation=cdr.explanation,
    )
