"""Pages for people without a contract; open to everybody, and limited in pace."""

import logging
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from redis.exceptions import RedisError

from apps.chargers.models import TestPayment
from apps.chargers.selectors.ad_hoc import ad_hoc_find
from apps.chargers.services.ad_hoc import ad_hoc_confirm, ad_hoc_open, ad_hoc_stop
from apps.chargers.services.ad_hoc.rehearsal import payment_rehearse
from apps.console.viewmodels.ad_hoc import evse_page, stay_page, stickers_view
from apps.console.views.access import FRAGMENT_HEADER, console_view, is_fragment
from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)
View = Callable[..., HttpResponse]
WINDOW_S = 60
LONGEST_SEARCH = 60


def _paced(kind: str, per_minute: int) -> Callable[[View], View]:
    """At most so many requests a minute from one address to pages of one kind; else 429."""

    def decorate(view: View) -> View:
        @wraps(view)
        def paced(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            if _is_too_fast(request, kind, per_minute):
                response = _told(request, _("Too many requests. Please wait a minute."), 429)
                response.headers["Retry-After"] = str(WINDOW_S)
                return response
            response = view(request, *args, **kwargs)
            response.headers["Cache-Control"] = "no-store"
            response.headers["X-Robots-Tag"] = "noindex"
            return response

        return paced

    return decorate


def _is_too_fast(request: HttpRequest, kind: str, per_minute: int) -> bool:
    key = f"ad-hoc-{kind}:{request.META.get('REMOTE_ADDR', '')}"
    try:
        cache.add(key, 0, WINDOW_S)
        return cache.incr(key) > per_minute
    except (RedisError, ValueError):
        # Without Redis, or just expired: the limit of open payments at an EVSE still holds.
        return False


@require_safe
@_paced("pages", settings.AD_HOC_PAGES_PER_MINUTE)
def evse(request: HttpRequest, station_id: str, evse_id: int) -> HttpResponse:
    """What the code on a station leads to: the price before the start."""
    return _evse(request, station_id, evse_id)


@require_POST
@_paced("starts", settings.AD_HOC_STARTS_PER_MINUTE)
def start(request: HttpRequest, station_id: str, evse_id: int) -> HttpResponse:
    """Open the payment and lead to its page."""
    try:
        opened = ad_hoc_open(
            station_id=station_id,
            evse_id=evse_id,
            language=get_language() or "",
            return_url=lambda key: request.build_absolute_uri(
                reverse("console:ad-hoc-paid", args=[key])
            ),
            now=utc_now(),
        )
    except DomainError as err:
        if err.code == "ad_hoc.evse_unknown":
            raise Http404 from err
        words = {
            "ad_hoc.too_many": _("Too many payments are open for this place. Please wait a while."),
            "ad_hoc.evse_not_free": _("This place is not free at the moment."),
        }.get(err.code, _("One cannot pay here at the moment."))
        return _evse(request, station_id, evse_id, fault=words, status=409)
    except ExternalError as err:
        logger.warning("ad hoc payment not opened station=%s error=%s", station_id, err)
        words = _("The payment service does not answer. Please try again later.")
        return _evse(request, station_id, evse_id, fault=words, status=503)
    if opened.page_url.startswith("/"):
        return HttpResponseRedirect(opened.page_url)
    # A form may lead to our own addresses only (form-action): outside goes a link.
    return render(request, "console/ad_hoc_leave.html", {"page_url": opened.page_url})


@require_safe
@_paced("pages", settings.AD_HOC_PAGES_PER_MINUTE)
def paid(request: HttpRequest, key: str) -> HttpResponse:
    """Back from the provider: start when the payment stands, then show the stay."""
    charge = ad_hoc_find(key=key)
    if charge is None:
        raise Http404
    try:
        ad_hoc_confirm(charge_id=charge.pk, now=utc_now())
    except ExternalError as err:
        # The watch asks again.
        logger.warning("ad hoc payment not known charge=%s error=%s", charge.pk, err)
    return HttpResponseRedirect(reverse("console:ad-hoc-stay", args=[key]))


@require_safe
@_paced("pages", settings.AD_HOC_PAGES_PER_MINUTE)
def stay(request: HttpRequest, key: str) -> HttpResponse:
    """The running session with its cost, then the receipt; the fragment is what changes."""
    page = stay_page(key=key, now=utc_now())
    if page is None:
        raise Http404
    part = "console/parts/ad_hoc_stay.html"
    template = part if is_fragment(request, "stay") else "console/ad_hoc_stay.html"
    response = render(request, template, {"stay": page, "key": key})
    response.headers["Vary"] = FRAGMENT_HEADER
    return response


@require_POST
@_paced("starts", settings.AD_HOC_STARTS_PER_MINUTE)
def stop(request: HttpRequest, key: str) -> HttpResponse:
    """End the session, or cancel before it began."""
    charge = ad_hoc_find(key=key)
    if charge is None:
        raise Http404
    try:
        ad_hoc_stop(charge_id=charge.pk, now=utc_now())
    except DomainError as err:
        # It ended by itself in this very moment: the page shows so.
        logger.info("ad hoc stop not sent charge=%s %s", charge.pk, err.code)
    return HttpResponseRedirect(reverse("console:ad-hoc-stay", args=[key]))


@_paced("pages", settings.AD_HOC_PAGES_PER_MINUTE)
def test_payment(request: HttpRequest, reference: str) -> HttpResponse:
    """The page of the test provider: a person says whether the payment works."""
    payment = TestPayment.objects.filter(reference=reference).first()
    if payment is None:
        raise Http404
    if request.method == "POST":
        try:
            payment_rehearse(reference=reference, is_paid=request.POST.get("choice") == "pay")
        except DomainError as err:
            return _told(request, _("This payment is over."), 409, code=err.code)
        return HttpResponseRedirect(payment.return_url)
    return render(request, "console/ad_hoc_test_payment.html", {"payment": payment})


@console_view
def stickers(request: HttpRequest) -> HttpResponse:
    """The codes of the stations, to be printed."""
    number = request.GET.get("page", "1")
    view = stickers_view(
        page=int(number) if number.isdecimal() and len(number) < 8 else 1,
        search=request.GET.get("q", "").strip()[:LONGEST_SEARCH],
        base_url=f"{request.scheme}://{request.get_host()}",
    )
    return render(request, "console/ad_hoc_stickers.html", {"stickers": view})


def _evse(
    request: HttpRequest, station_id: str, evse_id: int, *, fault: str = "", status: int = 200
) -> HttpResponse:
    page = evse_page(station_id=station_id, evse_id=evse_id, now=utc_now())
    if page is None:
        raise Http404
    return render(
        request, "console/ad_hoc_evse.html", {"evse": page, "fault": fault}, status=status
    )


def _told(request: HttpRequest, words: str, status: int, *, code: str = "") -> HttpResponse:
    context = {"words": words, "code": code}
    return render(request, "console/ad_hoc_told.html", context, status=status)
