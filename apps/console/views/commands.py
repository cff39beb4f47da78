"""Orders to stations: their history, one in full, giving them to one station or to many."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse

from apps.chargers.choices import CommandStatus
from apps.chargers.models import STATION_ID_MAX_LENGTH
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services.command_batches import REASON_MAX_LENGTH, batch_start
from apps.chargers.services.intents import order_send
from apps.console.viewmodels.command_form import (
    CHOSEN_MOST,
    Draft,
    action_form,
    actions_of,
    order_form,
    payload_errors,
    payload_of,
    station_choices,
)
from apps.console.viewmodels.commands import (
    ALL_ACTIONS,
    MAY_SEND,
    MAY_SEND_TO_MANY,
    SEARCH_MAX_LENGTH,
    CommandFilter,
    batch_detail,
    command_detail,
    commands_overview,
)
from apps.console.views.access import (
    FRAGMENT_HEADER,
    console_action,
    console_view,
    is_fragment,
)
from cariflex.common.errors import DomainError

REFUSED = 422


@console_view
def commands(request: HttpRequest) -> HttpResponse:
    """The history of orders; with the fragment header only its lists."""
    page = commands_overview(
        chosen=_filter(request),
        before=_number(request.GET.get("before", "")),
        user=request.user,  # type: ignore[arg-type]
    )
    is_part = is_fragment(request, "live-part")
    template = "console/parts/commands_lists.html" if is_part else "console/commands.html"
    return _rendered(request, template, {"listing": page})


@console_view
def command(request: HttpRequest, command_id: int) -> HttpResponse:
    """One order in full; with the fragment header only what changes."""
    detail = command_detail(command_id=command_id, user=request.user)  # type: ignore[arg-type]
    if detail is None:
        raise Http404
    is_part = is_fragment(request, "live-part")
    template = "console/parts/commands_detail.html" if is_part else "console/commands_detail.html"
    return _rendered(request, template, {"detail": detail})


@console_view
def batch(request: HttpRequest, batch_id: int) -> HttpResponse:
    """One bulk order: progress and a result for each station."""
    detail = batch_detail(
        batch_id=batch_id,
        status=_status(request),
        before=_number(request.GET.get("before", "")),
    )
    if detail is None:
        raise Http404
    is_part = is_fragment(request, "live-part")
    template = "console/parts/commands_batch.html" if is_part else "console/commands_batch.html"
    return _rendered(request, template, {"detail": detail})


@console_view
def send_form(request: HttpRequest) -> HttpResponse:
    """The form of an order; the address may name stations and an action."""
    _may(request, MAY_SEND)
    draft = Draft(
        station_ids=tuple(request.GET.getlist("station")[:CHOSEN_MOST]),
        version=_version(request.GET.get("version", "")),
        action=request.GET.get("action", ""),
        payload_text=request.GET.get("payload", "{}"),
        is_for_all=request.GET.get("to") == "all",
    )
    form = order_form(draft, user=request.user)  # type: ignore[arg-type]
    return render(request, "console/commands_send.html", {"form": form})


@console_action
def send(request: HttpRequest) -> HttpResponse:
    """Give the order: to one station at once, to many in the background."""
    _may(request, MAY_SEND)
    draft = Draft(
        station_ids=tuple(dict.fromkeys(request.POST.getlist("station")[:CHOSEN_MOST])),
        is_for_all=request.POST.get("to") == "all",
        version=_version(request.POST.get("version", "")),
        action=request.POST.get("action", ""),
        payload_text=request.POST.get("payload", ""),
        reason=request.POST.get("reason", "").strip()[:REASON_MAX_LENGTH],
    )
    try:
        return HttpResponseRedirect(_sent(request, draft))
    except DomainError as refusal:
        form = order_form(draft, user=request.user, refusal=refusal)  # type: ignore[arg-type]
        return render(request, "console/commands_send.html", {"form": form}, status=REFUSED)


@console_view
def stations(request: HttpRequest) -> HttpResponse:
    """Stations to choose from, as a part of the form."""
    choices = station_choices(
        search=request.GET.get("q", "").strip()[:SEARCH_MAX_LENGTH],
        after=request.GET.get("after", "")[:STATION_ID_MAX_LENGTH],
    )
    return render(request, "console/parts/commands_stations.html", {"choices": choices})


@console_view
def schema(request: HttpRequest) -> HttpResponse:
    """The fields of an action, or without one the actions of a version, as JSON."""
    version = OcppVersion(_version(request.GET.get("version", "")) or OcppVersion.V201)
    if "action" not in request.GET:
        return JsonResponse(actions_of(version))
    form = action_form(version=version, action=request.GET["action"])
    if form is None:
        raise Http404
    return JsonResponse(form)


@console_action
def check(request: HttpRequest) -> HttpResponse:
    """What is wrong with a request that is being written, as JSON; nothing is sent."""
    version = OcppVersion(_version(request.POST.get("version", "")) or OcppVersion.V201)
    errors = payload_errors(
        version=version,
        action=request.POST.get("action", ""),
        text=request.POST.get("payload", ""),
    )
    return JsonResponse({"errors": errors})


def _sent(request: HttpRequest, draft: Draft) -> str:
    """Where the order can be watched."""
    payload = payload_of(draft.payload_text)
    if len(draft.station_ids) == 1 and not draft.is_for_all:
        given = order_send(
            station_id=draft.station_ids[0],
            action=draft.action,
            payload=payload,
            requested_by_id=request.user.pk,
            reason=draft.reason,
        )
        if len(given) == 1:
            return reverse("console:commands-detail", args=[given[0].pk])
        return f"{reverse('console:commands')}?station={given[0].station.station_id}"
    _may(request, MAY_SEND_TO_MANY)
    order = batch_start(
        action=draft.action,
        payload=payload,
        station_ids=None if draft.is_for_all else draft.station_ids,
        requested_by_id=request.user.pk,
        reason=draft.reason,
    )
    return reverse("console:commands-batch", args=[order.pk])


def _rendered(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    response = render(request, template, context)
    response.headers["Vary"] = FRAGMENT_HEADER
    return response


def _may(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _filter(request: HttpRequest) -> CommandFilter:
    action = request.GET.get("action", "")
    return CommandFilter(
        station_id=request.GET.get("station", "").strip()[:STATION_ID_MAX_LENGTH],
        action=action if action in ALL_ACTIONS else "",
        status=_status(request),
        search=request.GET.get("q", "").strip()[:SEARCH_MAX_LENGTH],
    )


def _status(request: HttpRequest) -> str:
    status = request.GET.get("status", "")
    return status if status in CommandStatus.values else ""


def _version(text: str) -> str:
    return text if text in list(OcppVersion) else ""


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 else None
