"""Energy reports: the list, a month at a site, its files, computing one now."""

from datetime import date

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from apps.assets.models import Site
from apps.console.viewmodels.reports import MAY_COMPUTE, MAY_SEE, report_page, reports_list
from apps.console.views.access import console_action, console_view, permission_needed
from apps.console.views.forms import day_of, key_of, page_number, to_page
from apps.flexibility.reporting.document import ReportPaper, report_pdf
from apps.flexibility.reporting.month import month_interval
from apps.flexibility.reporting.table import report_csv
from apps.flexibility.selectors.reports import StoredReport, report_of
from apps.flexibility.tasks import report_compute
from apps.tenants.context import current_operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now


@console_view
@permission_needed(MAY_SEE)
def reports(request: HttpRequest) -> HttpResponse:
    """The months that were computed, newest first."""
    page = reports_list(page=page_number(request), may_compute=request.user.has_perm(MAY_COMPUTE))
    return render(request, "console/reports.html", {"page_of": page})


@console_view
@permission_needed(MAY_SEE)
def report(request: HttpRequest, site_id: int, month_key: str) -> HttpResponse:
    """One month at a site."""
    page = report_page(
        site_id=site_id,
        month=_month(month_key),
        may_compute=request.user.has_perm(MAY_COMPUTE),
    )
    if page is None:
        raise Http404
    return render(request, "console/reports_month.html", {"page_of": page})


@console_view
@permission_needed(MAY_SEE)
def as_pdf(request: HttpRequest, site_id: int, month_key: str) -> HttpResponse:
    """The month as PDF, in the reader's language."""
    found = _found(site_id, month_key)
    paper = ReportPaper(
        operator_name=current_operator().name,
        site_name=found.site_name,
        month=found.month,
        computed_at=found.computed_at,
        is_final=found.is_final,
        figures=found.figures,
    )
    try:
        content = report_pdf(paper, language=_language())
    except DomainError:
        messages.error(request, _("PDF files cannot be made on this server: Pango is missing."))
        return to_page("reports-detail", site_id, month_key)
    return _file(content, "application/pdf", found, "pdf")


@console_view
@permission_needed(MAY_SEE)
def as_csv(request: HttpRequest, site_id: int, month_key: str) -> HttpResponse:
    """The month as CSV, for spreadsheets of the reader's language."""
    found = _found(site_id, month_key)
    content = report_csv(found.figures, site_code=found.site_code, language=_language())
    return _file(content, "text/csv; charset=utf-8", found, "csv")


@console_action
@permission_needed(MAY_COMPUTE)
def compute(request: HttpRequest) -> HttpResponse:
    """Have the report of a month computed now."""
    site = Site.objects.filter(pk=key_of(request.POST.get("site", "")) or 0).first()
    month = day_of(f"{request.POST.get('month', '')}-01")
    if site is None or month is None:
        messages.error(request, _("Choose a site and a month."))
    elif month_interval(month, site.time_zone).start >= utc_now():
        messages.error(request, _("This month has not begun."))
    else:
        report_compute.enqueue(site.pk, month.isoformat())
        messages.success(request, _("The report is being computed; it is here in a moment."))
    return to_page("reports")


def _month(month_key: str) -> date:
    month = day_of(f"{month_key}-01")
    if month is None:
        raise Http404
    return month


def _found(site_id: int, month_key: str) -> StoredReport:
    found = report_of(site_id, _month(month_key))
    if found is None:
        raise Http404
    return found


def _language() -> str:
    return get_language() or "en"


def _file(content: bytes, content_type: str, found: StoredReport, suffix: str) -> HttpResponse:
    response = HttpResponse(content, content_type=content_type)
    name = f"report-{found.site_code}-{found.month:%Y-%m}.{suffix}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response
