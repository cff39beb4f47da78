"""Which CDRs an export takes: the filters that people, programs and commands give."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, Func, Q, QuerySet

from apps.billing.models import Cdr, ExportJob
from apps.tenants.context import current_operator
from cariflex.common.errors import DomainError

FIRST_YEAR, LAST_YEAR = 2000, 2199
TEXT_MAX_LENGTH = 100
_SAME = {
    "account": "account__code",
    "invoice": "on_invoice__line__invoice__reference",
    "station": "station_id",
    "currency": "currency",
}
FILTERS = (
    "month", "start", "end", "account", "invoice", "station", "currency", "only", "search",
)  # fmt: skip
"""`month` is the booking month; `start` and `end` are local days of the session's end, both in;
`account` is its code, `invoice` a reference; `only` is `live` (what counts) or `credits`."""
ONLY = ("live", "credits")


def filters_checked(given: Mapping[str, Any]) -> dict[str, str]:
    """The filters as they are kept; empty ones are left out.

    DomainError `export.filter_unknown` or `export.filter_invalid`.
    """
    checked = {}
    for name, value in given.items():
        if name not in FILTERS:
            raise DomainError(
                "export.filter_unknown", f"There is no filter {name!r}.", field="filters"
            )
        text = str(value if value is not None else "").strip()
        if not text:
            continue
        if len(text) > TEXT_MAX_LENGTH or "\x00" in text:
            raise _invalid(name)
        if name == "month":
            month_of(text)
        elif name in ("start", "end"):
            day_of(text, name)
        elif name == "only" and text not in ONLY:
            raise _invalid(name)
        checked[name] = text
    if "start" in checked and "end" in checked and checked["end"] < checked["start"]:
        raise _invalid("end")
    return checked


def cdrs_filtered(filters: Mapping[str, str]) -> QuerySet[Cdr]:
    """The CDRs that checked filters leave."""
    cdrs: QuerySet[Cdr] = Cdr.objects.all()
    if filters.get("only") == "live":
        cdrs = Cdr.objects.live()
    if "start" in filters or "end" in filters:
        cdrs = _ended_between(cdrs, filters.get("start"), filters.get("end"))
    if month := filters.get("month"):
        cdrs = cdrs.filter(billing_month=month_of(month))
    for name, field in _SAME.items():
        if value := filters.get(name):
            cdrs = cdrs.filter(**{field: value})
    if filters.get("only") == "credits":
        cdrs = cdrs.filter(credit=True)
    if search := filters.get("search"):
        cdrs = cdrs.filter(
            Q(reference__icontains=search)
            | Q(station_name__icontains=search)
            | Q(transaction_id__icontains=search)
        )
    return cdrs


def cdrs_of_job(job: ExportJob) -> QuerySet[Cdr]:
    """The CDRs of a job: those picked, else those of its filters; none issued after it was asked.

    So an attempt after a killed worker gives the file that the first one would have given.
    """
    cdrs = cdrs_filtered(job.params.get("filters", {})).filter(issued_at__lte=job.requested_at)
    if job.selection is not None:
        picked = ExportJob.objects.filter(pk=job.pk).annotate(
            cdr_id=Func(F("selection"), function="unnest")
        )
        cdrs = cdrs.filter(pk__in=picked.values("cdr_id"))
    return cdrs


def month_of(text: str, field: str = "month") -> date:
    """`2026-03` as its first day; DomainError `export.filter_invalid`."""
    return day_of(f"{text}-01", field)


def day_of(text: str, field: str) -> date:
    """`2026-03-10` as a day; DomainError `export.filter_invalid`."""
    try:
        day = date.fromisoformat(text)
    except ValueError as err:
        raise _invalid(field) from err
    # Python also takes 20260310.
    if len(text) != len("2026-03-10") or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise _invalid(field)
    return day


def _ended_between(cdrs: QuerySet[Cdr], first: str | None, last: str | None) -> QuerySet[Cdr]:
    """Sessions that ended on one of the operator's local days from the first to the last."""
    zone = ZoneInfo(current_operator().time_zone)
    if first:
        cdrs = cdrs.filter(ended_at__gte=datetime.combine(day_of(first, "start"), time.min, zone))
    if last:
        after = day_of(last, "end") + timedelta(days=1)
        cdrs = cdrs.filter(ended_at__lt=datetime.combine(after, time.min, zone))
    return cdrs


def _invalid(field: str) -> DomainError:
    return DomainError("export.filter_invalid", f"{field!r} is not understood.", field=field)
