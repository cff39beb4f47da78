"""Charging profiles: what stations hold, the editor, clearing, and asking the station."""

import orjson
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from apps.chargers.choices import ProfilePurpose
from apps.chargers.models import STATION_ID_MAX_LENGTH, ChargingProfile
from apps.chargers.services.charging_profiles import (
    composite_schedule,
    profile_clear,
    profile_set,
    profiles_ask,
)
from apps.chargers.services.command_batches import REASON_MAX_LENGTH
from apps.console.refusals import refusal_words
from apps.console.viewmodels.profile_form import (
    draft_errors,
    form_parsed,
    form_texts,
    preview,
    profile_form,
    profile_form_new,
    profile_form_of,
)
from apps.console.viewmodels.profiles import (
    FIRST_SPAN,
    MAY_SET,
    SPANS,
    ProfileFilter,
    profiles_overview,
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

REFUSED = 422
COMPARED_S = 24 * 3600


@console_view
def profiles(request: HttpRequest) -> HttpResponse:
    """Profiles at stations; with the fragment header only what changes by itself."""
    purpose = request.GET.get("purpose", "")
    page = profiles_overview(
        chosen=ProfileFilter(
            station_id=request.GET.get("station", "").strip()[:STATION_ID_MAX_LENGTH],
            purpose=purpose if purpose in ProfilePurpose.values else "",
            shows_past=request.GET.get("past") == "1",
        ),
        before=_number(request.GET.get("before", "")),
        evse_id=_number(request.GET.get("evse", "")),
        span=_span(request.GET.get("span", "")),
        user=request.user,  # type: ignore[arg-type]
        now=utc_now(),
    )
    is_part = is_fragment(request, "live-part")
    template = "console/parts/profiles_lists.html" if is_part else "console/profiles.html"
    response = render(request, template, {"listing": page})
    response.headers["Vary"] = FRAGMENT_HEADER
    return response


@console_view
def edit(request: HttpRequest) -> HttpResponse:
    """The editor: empty, for a station, or with a stored profile (`profile`)."""
    _may_set(request)
    stored = _number(request.GET.get("profile", ""))
    if stored is not None:
        row = ChargingProfile.objects.select_related("station", "session").filter(pk=stored).first()
        if row is None or not row.schedules:
            raise Http404
        form = profile_form_of(row)
    else:
        form = profile_form_new(
            station_id=request.GET.get("station", "")[:STATION_ID_MAX_LENGTH],
            evse=request.GET.get("evse", "")[:4],
            now=utc_now(),
        )
    return render(request, "console/profiles_edit.html", {"form": form})


@console_action
def save(request: HttpRequest) -> HttpResponse:
    """Set the profile at its station; what fails a rule is shown beside its field."""
    _may_set(request)
    values, periods = form_texts(request.POST)
    parsed = form_parsed(values, periods)
    errors = draft_errors(parsed)
    if not errors:
        try:
            profile_set(
                station_id=parsed.draft.station_id,
                evse_id=parsed.draft.evse_id,
                profile=parsed.draft.profile,
                requested_by_id=request.user.pk,
                reason=values["reason"][:REASON_MAX_LENGTH],
            )
            messages.success(request, _("The station is asked to take the profile."))
            return _to_station(parsed.draft.station_id, evse=values["evse"])
        except DomainError as refusal:
            errors = {"": (refusal_words(refusal),)}
    form = profile_form(values=values, periods=periods, errors=errors)
    return render(request, "console/profiles_edit.html", {"form": form}, status=REFUSED)


@console_action
def draft_preview(request: HttpRequest) -> HttpResponse:
    """The composite schedule with and without the draft, and its broken rules, as JSON."""
    parsed = form_parsed(*form_texts(request.POST))
    shown = preview(parsed, span=_span(request.POST.get("span", "")), now=utc_now())
    return json_reply(orjson.dumps(shown, option=orjson.OPT_UTC_Z).decode())


@console_view
def station_facts_part(request: HttpRequest) -> HttpResponse:
    """What the editor offers for a station: its EVSEs, version, running session."""
    form = profile_form(
        values={
            "station": request.GET.get("station", "")[:STATION_ID_MAX_LENGTH],
            "evse": request.GET.get("evse", "")[:4],
        },
        periods=(),
    )
    told = {
        "evse_ids": form.evse_ids,
        "version": form.version,
        "transaction_id": form.transaction_id,
    }
    return json_reply(orjson.dumps(told).decode())


@console_action
def clear(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Ask the station to forget a profile."""
    _may_set(request)
    row = ChargingProfile.objects.select_related("station").filter(pk=profile_id).first()
    if row is None:
        raise Http404
    try:
        profile_clear(profile_pk=row.pk, requested_by_id=request.user.pk)
        messages.success(request, _("The station is asked to forget the profile."))
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
    return _to_station(row.station.station_id)


@console_action
def ask(request: HttpRequest) -> HttpResponse:
    """Ask a station which profiles it holds, or for its own composite schedule."""
    _may_set(request)
    station_id = request.POST.get("station", "")[:STATION_ID_MAX_LENGTH]
    try:
        if request.POST.get("what") == "composite":
            command = composite_schedule(
                station_id=station_id,
                evse_id=_number(request.POST.get("evse", "")) or 0,
                duration_s=COMPARED_S,
                requested_by_id=request.user.pk,
            )
        else:
            command = profiles_ask(station_id=station_id, requested_by_id=request.user.pk)
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
        return _to_station(station_id)
    return HttpResponseRedirect(reverse("console:commands-detail", args=[command.pk]))


def _to_station(station_id: str, **more: str) -> HttpResponse:
    query = urlencode({"station": station_id, **more})
    return HttpResponseRedirect(f"{reverse('console:profiles')}?{query}")


def _may_set(request: HttpRequest) -> None:
    if not request.user.has_perms(MAY_SET):
        raise PermissionDenied


def _span(text: str) -> str:
    return text if text in SPANS else FIRST_SPAN


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None
