"""The calendar of reservations, and what is done there."""

from datetime import date, datetime

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.chargers.choices import TokenType
from apps.chargers.models import STATION_ID_MAX_LENGTH
from apps.chargers.services.reservations import reservation_cancel, reservation_make
from apps.console.refusals import refusal_words
from apps.console.viewmodels.reservations import MAY_RESERVE, SEARCH_MAX_LENGTH, calendar_page
from apps.console.views.access import (
    FRAGMENT_HEADER,
    console_action,
    console_view,
    is_fragment,
)
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

TOKEN_MAX_LENGTH = 36
FIRST_YEAR, LAST_YEAR = 2000, 2199


@console_view
def reservations(request: HttpRequest) -> HttpResponse:
    """The week by EVSE; with the fragment header only what changes by itself."""
    page = calendar_page(
        day=_day(request.GET.get("week", "")),
        search=request.GET.get("q", "").strip()[:SEARCH_MAX_LENGTH],
        only_reserved=request.GET.get("only") == "1",
        page=_whole(request.GET.get("page", "")) or 1,
        user=request.user,  # type: ignore[arg-type]
        now=utc_now(),
    )
    is_part = is_fragment(request, "live-part")
    template = "console/parts/reservations_week.html" if is_part else "console/reservations.html"
    response = render(request, template, {"calendar": page})
    response.headers["Vary"] = FRAGMENT_HEADER
    return response


@console_action
def make(request: HttpRequest) -> HttpResponse:
    """Ask a station to keep a place from now on."""
    _may(request)
    token_type = request.POST.get("token_type", "")
    try:
        made = reservation_make(
            station_id=request.POST.get("station", "").strip()[:STATION_ID_MAX_LENGTH],
            evse_id=_whole(request.POST.get("evse", "")),
            id_token=_token(request.POST.get("token", "")),
            token_type=token_type if token_type in TokenType.values else TokenType.CENTRAL,
            expires_at=_until(request.POST.get("until", "")),
            now=utc_now(),
            requested_by_id=request.user.pk,
        )
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
        return _back()
    if made.ended_at is None:
        messages.success(request, _("The station is asked to keep the place."))
    else:
        why = made.command.error if made.command else ""
        messages.error(request, _("The place is not kept: %(why)s") % {"why": why})
    return _back()


@console_action
def cancel(request: HttpRequest, reservation_id: int) -> HttpResponse:
    """Ask the station to give the place back."""
    _may(request)
    try:
        command = reservation_cancel(reservation_id=reservation_id, requested_by_id=request.user.pk)
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
        return _back()
    if command.error:
        messages.error(request, command.error)
    else:
        messages.success(request, _("The station is asked to give the place back."))
    return _back()


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse("console:reservations"))


def _may(request: HttpRequest) -> None:
    if not request.user.has_perms(MAY_RESERVE):
        raise PermissionDenied


def _token(text: str) -> str:
    token = text.strip()
    if not token or len(token) > TOKEN_MAX_LENGTH:
        raise DomainError("reservation.token_missing", _("A token has 1 to 36 characters."))
    return token


def _until(text: str) -> datetime:
    """A local time of the form as an instant."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as err:
        raise DomainError("reservation.until_missing", _("A day and a time.")) from err
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise DomainError("reservation.until_missing", _("A day and a time."))
    return timezone.make_aware(at) if timezone.is_naive(at) else at


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 7 else None
