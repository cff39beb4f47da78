"""Load groups: how full they are, their caps, and which EVSEs share them."""

import math
from collections.abc import Callable

import orjson
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.chargers.models import Evse, LoadGroup
from apps.chargers.services.load_groups import (
    load_group_cap_set,
    load_group_member_remove,
    load_group_member_set,
    load_group_save,
)
from apps.console.refusals import refusal_words
from apps.console.viewmodels.load_groups import (
    FIRST_SPAN,
    MAY_ADD,
    MAY_CHANGE,
    SPANS,
    group_page,
    groups_page,
)
from apps.console.views.access import (
    FRAGMENT_HEADER,
    console_action,
    console_view,
    is_fragment,
    json_reply,
)
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

NAME_MAX_LENGTH = 100


@console_view
def groups(request: HttpRequest) -> HttpResponse:
    """The load groups; with the fragment header only their cards."""
    page = groups_page(
        page=_whole(request.GET.get("page", "")) or 1,
        user=request.user,  # type: ignore[arg-type]
    )
    is_part = is_fragment(request, "live-part")
    template = "console/parts/load_groups_cards.html" if is_part else "console/load_groups.html"
    return _rendered(request, template, {"listing": page})


@console_view
def group(request: HttpRequest, group_id: int) -> HttpResponse:
    """One group; with the fragment header only what changes by itself."""
    span = request.GET.get("span", "")
    page = group_page(
        group_id=group_id,
        span=span if span in SPANS else FIRST_SPAN,
        user=request.user,  # type: ignore[arg-type]
        now=utc_now(),
    )
    if page is None:
        raise Http404
    if is_fragment(request, "series"):
        return json_reply(orjson.dumps(page.chart, option=orjson.OPT_UTC_Z).decode())
    is_part = is_fragment(request, "live-part")
    template = (
        "console/parts/load_groups_now.html" if is_part else "console/load_groups_detail.html"
    )
    return _rendered(request, template, {"page_of": page})


@console_action
def add(request: HttpRequest) -> HttpResponse:
    """Make a load group."""
    _may(request, MAY_ADD)
    try:
        made = load_group_save(
            name=_name(request),
            cap_a=_amps(request, "cap_a"),
            floor_a=_amps(request, "floor_a"),
            voltage_v=_amps(request, "voltage_v"),
            site_id=_whole(request.POST.get("site", "")),
        )
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
        return HttpResponseRedirect(reverse("console:groups"))
    messages.success(request, _("The load group is made. Now put EVSEs into it."))
    return _to(made.pk)


@console_action
def cap(request: HttpRequest, group_id: int) -> HttpResponse:
    """Move the cap; stations are told at once."""
    _may(request, MAY_CHANGE)
    return _done(
        request,
        group_id,
        lambda: load_group_cap_set(group_id=group_id, cap_a=_amps(request, "cap_a")),
        _("The new cap is on its way to the stations."),
    )


@console_action
def settings(request: HttpRequest, group_id: int) -> HttpResponse:
    """Name, floor, voltage, place, and whether the group is balanced at all."""
    _may(request, MAY_CHANGE)
    return _done(
        request,
        group_id,
        lambda: load_group_save(
            group_id=group_id,
            name=_name(request),
            cap_a=_cap_now(group_id),
            floor_a=_amps(request, "floor_a"),
            voltage_v=_amps(request, "voltage_v"),
            site_id=_whole(request.POST.get("site", "")),
            is_active=request.POST.get("is_active") == "on",
        ),
        _("The load group is kept."),
    )


@console_action
def member(request: HttpRequest, group_id: int) -> HttpResponse:
    """Put an EVSE into the group, or change how it is in it."""
    _may(request, MAY_CHANGE)
    return _done(
        request,
        group_id,
        lambda: load_group_member_set(
            group_id=group_id,
            evse_pk=_evse(request),
            most_a=_amps(request, "most_a"),
            phases=_whole(request.POST.get("phases", "")) or 0,
            priority=min(_whole(request.POST.get("priority", "")) or 0, 32_767),
        ),
        _("The EVSE shares the cap now."),
    )


@console_action
def member_remove(request: HttpRequest, group_id: int, member_id: int) -> HttpResponse:
    """Take an EVSE out of the group."""
    _may(request, MAY_CHANGE)
    return _done(
        request,
        group_id,
        lambda: load_group_member_remove(member_id=member_id),
        _("The EVSE is out of the group; its limit is cleared."),
    )


def _done(
    request: HttpRequest, group_id: int, act: Callable[[], object], words: str
) -> HttpResponse:
    try:
        act()
        messages.success(request, words)
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
        if refusal.code == "load_group.unknown":
            return HttpResponseRedirect(reverse("console:groups"))
    return _to(group_id)


def _to(group_id: int) -> HttpResponse:
    return HttpResponseRedirect(reverse("console:groups-detail", args=[group_id]))


def _rendered(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    response = render(request, template, context)
    response.headers["Vary"] = FRAGMENT_HEADER
    return response


def _may(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _name(request: HttpRequest) -> str:
    name = request.POST.get("name", "").strip()[:NAME_MAX_LENGTH]
    if not name:
        raise DomainError("load_group.name_missing", _("A load group has a name."), field="name")
    return name


def _amps(request: HttpRequest, name: str) -> float:
    """A figure of the form; DomainError for what is none."""
    try:
        value = float(request.POST.get(name, "").replace(",", "."))
    except ValueError:
        value = math.nan
    if not 0 <= value < 1e6:
        raise DomainError("load_group.invalid", "This is no figure of 0 or more.", field=name)
    return value


def _cap_now(group_id: int) -> float:
    """The cap as it is: it is moved by a form of its own, perhaps a moment ago."""
    cap_a = LoadGroup.objects.filter(pk=group_id).values_list("cap_a", flat=True).first()
    if cap_a is None:
        raise DomainError("load_group.unknown", "There is no such load group.")
    return cap_a


def _evse(request: HttpRequest) -> int:
    evse_pk = _whole(request.POST.get("evse", ""))
    if evse_pk is None or not Evse.objects.filter(pk=evse_pk).exists():
        raise DomainError("reservation.evse_unknown", "There is no such EVSE.", field="evse")
    return evse_pk


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None
