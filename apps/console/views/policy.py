"""What the plans of a site aim at, and requests of the grid entered by hand."""

from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.assets.models import Site
from apps.console.viewmodels.island_price_forms import needed_moment, needed_number, sent_texts
from apps.console.viewmodels.live import main_site_id
from apps.console.viewmodels.policy import (
    MAY_CANCEL,
    MAY_CHANGE,
    MAY_REQUEST,
    MAY_SEE,
    POLICY_FIELDS,
    REQUEST_FIELDS,
    Filled,
    policy_fields,
    policy_page,
    refused,
)
from apps.console.views.access import console_action, console_view, permission_needed
from apps.console.views.forms import key_of, page_number
from apps.flexibility.models import GridRequest
from apps.flexibility.refusal_words import refusal_words
from apps.flexibility.services.grid_requests import grid_request_add, grid_request_cancel
from apps.flexibility.services.policies import policy_set
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

REFUSED = 422


@console_view
@permission_needed(MAY_SEE)
def policy(request: HttpRequest) -> HttpResponse:
    """The policy of a site and its requests of the grid."""
    asked = key_of(request.GET.get("site", ""))
    if asked is None:
        asked = main_site_id()
        if asked is None:
            return render(request, "console/policy.html", {"page_of": None})
    return _page(request, _found(asked), Filled())


@console_action
@permission_needed(MAY_CHANGE)
def save(request: HttpRequest, site_id: int) -> HttpResponse:
    """Keep what was chosen, or show it again with what is wrong."""
    site = _found(site_id)
    texts = sent_texts(request.POST, (*POLICY_FIELDS, "curtails_pv"))
    try:
        policy_set(site_id=site.pk, now=utc_now(), **policy_fields(texts))
    except DomainError as refusal:
        errors = refused(refusal, POLICY_FIELDS)
        return _page(request, site, Filled(policy=texts, errors=errors))
    messages.success(request, _("The policy is kept; the next plan follows it."))
    return _back(site.pk)


@console_action
@permission_needed(MAY_REQUEST)
def request_add(request: HttpRequest, site_id: int) -> HttpResponse:
    """Enter a request of the grid; what is refused stands beside its field."""
    site = _found(site_id)
    texts = sent_texts(request.POST, REQUEST_FIELDS)
    zone = ZoneInfo(site.time_zone)
    try:
        grid_request_add(
            site_id=site.pk,
            kind=texts["kind"],
            limit_kw=float(needed_number(texts, "limit_kw")),
            start=needed_moment(texts, "start", zone),
            end=needed_moment(texts, "end", zone),
            now=utc_now(),
            reference=texts["reference"],
            created_by=request.user.get_username(),
        )
    except DomainError as refusal:
        errors = refused(refusal, REQUEST_FIELDS)
        return _page(request, site, Filled(request=texts, errors=errors))
    messages.success(request, _("The request is entered; a plan that knows it is on its way."))
    return _back(site.pk)


@console_action
@permission_needed(MAY_CANCEL)
def request_cancel(request: HttpRequest, grid_request_id: int) -> HttpResponse:
    """The request holds no longer."""
    found = GridRequest.objects.filter(pk=grid_request_id).first()
    if found is None:
        raise Http404
    try:
        grid_request_cancel(grid_request_id=found.pk, now=utc_now())
        messages.success(request, _("The request is cancelled; a plan without it is on its way."))
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
    return _back(found.site_id)


def _found(site_id: int) -> Site:
    site = Site.objects.filter(pk=site_id).first()
    if site is None:
        raise Http404
    return site


def _back(site_id: int) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('console:policy')}?site={site_id}")


def _page(request: HttpRequest, site: Site, filled: Filled) -> HttpResponse:
    page = policy_page(
        site=site,
        filled=filled,
        page=page_number(request),
        now=utc_now(),
        permissions=request.user.get_all_permissions(),
    )
    status = REFUSED if filled.errors else 200
    return render(request, "console/policy.html", {"page_of": page}, status=status)
