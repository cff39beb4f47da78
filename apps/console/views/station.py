"""The pages of one charging station, and the orders that are given there."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.console.refusals import refusal_words
from apps.console.station_orders import ORDERS, Asked, OrderPanel, order_form
from apps.console.viewmodels.station import (
    FIRST_SPAN,
    SPANS,
    StationHead,
    station_head,
    station_orders,
    station_page,
)
from apps.console.viewmodels.station_records import events_page, model_page, upkeep_page
from apps.console.viewmodels.stations import SEARCH_MAX_LENGTH
from apps.console.views.access import (
    FRAGMENT_HEADER,
    console_action,
    console_view,
    is_fragment,
    next_address,
    permission_needed,
)
from apps.console.views.stations import MAY_SEE
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

TABS = ("now", "model", "events", "upkeep")
TEMPLATES = {
    "now": "console/station.html",
    "model": "console/station_model.html",
    "events": "console/station_events.html",
    "upkeep": "console/station_upkeep.html",
}
REFUSED = 422
FURTHEST = 100_000


@console_view
@permission_needed(MAY_SEE)
def station(request: HttpRequest, station_pk: int) -> HttpResponse:
    """One station; with the fragment header only what changes by itself."""
    now = utc_now()
    head = _head(station_pk)
    if is_fragment(request, "station"):
        page = station_page(head=head, user=request.user, now=now, span=None)  # type: ignore[arg-type]
        return _rendered(request, "console/parts/station_live.html", {"page_of": page})
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else TABS[0]
    context = {"head": head, "tab": tab, **_content(request, tab, head)}
    return _rendered(request, TEMPLATES[tab], context)


@console_action
def order(request: HttpRequest, station_pk: int) -> HttpResponse:
    """Give an order to a station; a script gets the parts of the page that changed."""
    kind = ORDERS.get(request.POST.get("order", ""))
    head = _head(station_pk)
    if kind is None:
        raise Http404
    if not request.user.has_perm(MAY_SEE) or not request.user.has_perm(kind.permission):
        raise PermissionDenied
    form = order_form(kind, head.now, request.POST)
    refusal = ""
    if form.is_valid():
        try:
            kind.send(
                Asked(
                    asker={
                        "station_id": head.station.station_id,
                        "requested_by_id": request.user.pk,
                        "reason": form.cleaned_data["reason"],
                    },
                    values=form.cleaned_data,
                    site_root=request.build_absolute_uri("/"),
                )
            )
        except DomainError as error:
            refusal = refusal_words(error)
    is_given = form.is_valid() and not refusal
    if is_fragment(request, "orders"):
        if is_given:
            orders = station_orders(head.station, user=request.user)  # type: ignore[arg-type]
            return render(request, "console/parts/station_orders.html", {"orders": orders})
        context = {"panel": OrderPanel(kind, form, refusal), "head": head}
        return render(request, "console/parts/station_order.html", context, status=REFUSED)
    if is_given:
        messages.success(request, _("The order is on its way to the station."))
    else:
        messages.error(request, refusal or _("The order was not given: something is missing."))
    page = reverse("console:stations-detail", args=[station_pk])
    return HttpResponseRedirect(next_address(request, page))


def _content(request: HttpRequest, tab: str, head: StationHead) -> dict[str, object]:
    station_pk = head.station.pk
    if tab == "model":
        text = request.GET.get("q", "").strip()[:SEARCH_MAX_LENGTH]
        after = min(_number(request.GET.get("after", "")) or 0, FURTHEST)
        return {"model": model_page(station_pk=station_pk, text=text, after=after)}
    if tab == "events":
        return {
            "events": events_page(
                station_pk=station_pk,
                security_before=_number(request.GET.get("security", "")),
                notices_before=_number(request.GET.get("notices", "")),
            )
        }
    if tab == "upkeep":
        return {"upkeep": upkeep_page(station_pk=station_pk, now=utc_now())}
    span = request.GET.get("span", "")
    return {
        "page_of": station_page(
            head=head,
            user=request.user,  # type: ignore[arg-type]
            now=utc_now(),
            span=span if span in SPANS else FIRST_SPAN,
        )
    }


def _head(station_pk: int) -> StationHead:
    head = station_head(station_pk=station_pk, now=utc_now())
    if head is None:
        raise Http404
    return head


def _rendered(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    response = render(request, template, context)
    response.headers["Vary"] = FRAGMENT_HEADER
    return response


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 18 else None
