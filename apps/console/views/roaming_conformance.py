"""Partners checked against the standard: begun, watched, read, taken along."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.console.viewmodels.roaming_conformance import (
    MAY_CHECK,
    check_refused,
    conformance_card,
    report_view,
)
from apps.console.viewmodels.roaming_partners import MAY_READ_LOG, MAY_SEE
from apps.console.views.access import (
    FRAGMENT_HEADER,
    console_action,
    console_view,
    is_fragment,
    permission_needed,
)
from apps.console.views.roaming_partners import partner_or_404
from apps.ocpi.models import ConformanceReport, Partner
from apps.ocpi.selectors.conformance import report_get, report_words
from apps.ocpi.services.conformance import conformance_begin
from apps.ocpi.tasks.conformance import conformance_run
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

CARD = "#conformance"


@console_action
@permission_needed(MAY_CHECK)
def check(request: HttpRequest, code: str) -> HttpResponse:
    """Begin a check in the background."""
    partner = partner_or_404(code)
    asked_by = request.user if isinstance(request.user, User) else None
    try:
        report = conformance_begin(partner=partner, asked_by=asked_by, now=utc_now())
    except DomainError as err:
        messages.error(request, check_refused(err))
    else:
        conformance_run.enqueue(report.pk)
        messages.success(request, _("The partner is being checked."))
    return HttpResponseRedirect(reverse("console:partners-detail", args=[code]) + CARD)


@console_view
@permission_needed(MAY_SEE)
def card(request: HttpRequest, code: str) -> HttpResponse:
    """What of the card on the partner's page changes; asked by the page's script."""
    found = conformance_card(
        partner=partner_or_404(code),
        now=utc_now(),
        may_read_log=request.user.has_perm(MAY_READ_LOG),
    )
    return render(request, "console/parts/roaming_conformance_now.html", {"card": found})


@console_view
@permission_needed(MAY_SEE)
def report(request: HttpRequest, code: str, report_id: int) -> HttpResponse:
    """A whole report; with the fragment header only its rules."""
    found = _report(partner_or_404(code), report_id)
    view = report_view(
        report=found, now=utc_now(), may_read_log=request.user.has_perm(MAY_READ_LOG)
    )
    part = is_fragment(request, "live-part")
    template = "parts/roaming_conformance_rules.html" if part else "roaming_conformance_report.html"
    response = render(request, f"console/{template}", {"view": view, "partner": found.partner})
    response.headers["Vary"] = FRAGMENT_HEADER
    return response


@console_view
@permission_needed(MAY_SEE)
def report_as_json(request: HttpRequest, code: str, report_id: int) -> HttpResponse:
    """A report as a file, in English: it is meant for the partner's people too."""
    found = _report(partner_or_404(code), report_id)
    words = report_words(found, utc_now())
    response = JsonResponse(words, json_dumps_params={"ensure_ascii": False, "indent": 2})
    name = f"ocpi-conformance-{code}-{found.started_at:%Y%m%dT%H%M%SZ}.json"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _report(partner: Partner, report_id: int) -> ConformanceReport:
    found = report_get(partner, report_id)
    if found is None:
        raise Http404
    return found
