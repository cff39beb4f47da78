"""Calendars of price levels: the list, the editor that draws the week, copy and delete."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.console.viewmodels import calendars as shown
from apps.console.viewmodels.calendars_form import (
    CalendarForm,
    days_read,
    form_changed,
    form_sent,
)
from apps.console.viewmodels.calendars_start import copy_name, first_definition
from apps.console.viewmodels.island_price_rules import rule_words
from apps.console.views.access import console_action, console_view, permission_needed
from apps.console.views.forms import key_of, to_page
from apps.markets.models import TouCalendar
from apps.markets.selectors.island import calendar_named, calendars_listed
from apps.markets.services.island.calendars import (
    calendar_add,
    calendar_change,
    calendar_copy,
    calendar_delete,
)
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

MAY_VIEW = "markets.view_series"
REFUSED = 422


@console_view
@permission_needed(MAY_VIEW)
def calendars(request: HttpRequest) -> HttpResponse:
    """The calendars by name."""
    page = shown.calendars_list(
        list(calendars_listed()),
        now=utc_now(),
        may_change=request.user.has_perm(shown.MAY_CHANGE),
        may_delete=request.user.has_perm(shown.MAY_DELETE),
        time_zone=timezone.get_current_timezone_name(),
    )
    return render(request, "console/calendars.html", {"listing": page})


@console_action
@permission_needed(shown.MAY_CHANGE)
def add(request: HttpRequest) -> HttpResponse:
    """A new calendar with one level all year, to be filled in."""
    posted = request.POST
    time_zone = posted.get("time_zone", "").strip()
    try:
        made = calendar_add(
            name=posted.get("name", "")[:200],
            time_zone=time_zone,
            territory=posted.get("territory", ""),
            definition=first_definition(shown.local_day(time_zone, utc_now())),
            by=request.user.get_username(),
        )
    except DomainError as refusal:
        messages.error(request, rule_words(refusal.message))
        return to_page("calendars")
    return to_page("calendars-edit", made.pk)


@console_view
@permission_needed(MAY_VIEW)
def edit(request: HttpRequest, calendar_id: int) -> HttpResponse:
    """The editor with a validity of the calendar."""
    calendar, now = _calendar(calendar_id), utc_now()
    index = shown.shown_index(calendar, request.GET.get("period", ""), now)
    form = shown.stored_form(calendar, index, now)
    return _editor(request, calendar, form, index)


@console_action
@permission_needed(shown.MAY_CHANGE)
def save(request: HttpRequest, calendar_id: int) -> HttpResponse:
    """Keep the form, or draw it again: changed by `do`, or with what is wrong with it."""
    calendar, now = _calendar(calendar_id), utc_now()
    form = form_sent(request.POST)
    index = shown.shown_index(calendar, request.POST.get("period", ""), now)
    order = request.POST.get("do", "save")
    if order != "save":
        form, focus = form_changed(form, order)
        errors = shown.form_errors(form, calendar, index, now)
        return _editor(request, calendar, form, index, errors=errors, focus=focus)
    errors = shown.form_errors(form, calendar, index, now) or _kept(request, calendar, form, index)
    if errors:
        return _editor(request, calendar, form, index, errors=errors, is_refused=True)
    messages.success(request, _("The calendar is saved."))
    return HttpResponseRedirect(reverse("console:calendars-edit", args=[calendar_id]))


@console_action
@permission_needed(shown.MAY_CHANGE)
def copy(request: HttpRequest, calendar_id: int) -> HttpResponse:
    """The same calendar under another name."""
    calendar = _calendar(calendar_id)
    taken = [one.name for one in calendars_listed()]
    try:
        made = calendar_copy(
            calendar_id=calendar_id,
            name=copy_name(calendar.name, taken),
            by=request.user.get_username(),
        )
    except DomainError as refusal:
        messages.error(request, rule_words(refusal.message))
        return to_page("calendars")
    messages.success(request, _("This is the copy; nothing uses it yet."))
    return to_page("calendars-edit", made.pk)


@console_action
@permission_needed(shown.MAY_DELETE)
def delete(request: HttpRequest, calendar_id: int) -> HttpResponse:
    """Forget a calendar that nothing uses."""
    _calendar(calendar_id)
    try:
        calendar_delete(calendar_id=calendar_id)
    except DomainError as refusal:
        messages.error(request, rule_words(refusal.message))
    else:
        messages.success(request, _("The calendar is deleted."))
    return to_page("calendars")


def _kept(
    request: HttpRequest, calendar: TouCalendar, form: CalendarForm, index: int
) -> shown.Errors:
    try:
        calendar_change(
            calendar_id=calendar.pk,
            now=utc_now(),
            name=form.values["name"],
            time_zone=form.values["time_zone"],
            territory=form.values["territory"],
            with_custom=form.with_custom,
            added=days_read(form.values["added"])[0],
            removed=days_read(form.values["removed"])[0],
            period=form.period,
            replaces=index,
            by=request.user.get_username(),
        )
    except DomainError as refusal:
        return shown.refusal_errors(form, refusal)
    return {}


def _editor(
    request: HttpRequest,
    calendar: TouCalendar,
    form: CalendarForm,
    index: int,
    *,
    errors: shown.Errors | None = None,
    focus: str = "",
    is_refused: bool = False,
) -> HttpResponse:
    order, _colon, value = request.POST.get("do", "").partition(":")
    page = shown.calendar_editor(
        calendar=calendar,
        form=form,
        index=index,
        now=utc_now(),
        errors=errors or {},
        may_change=request.user.has_perm(shown.MAY_CHANGE),
        season_key=value if order == "show" else request.POST.get("shown", ""),
        year=key_of(value if order == "year" else request.POST.get("year", "")),
        focus=focus,
        is_refused=is_refused,
    )
    status = REFUSED if is_refused else 200
    return render(request, "console/calendars_edit.html", {"editor": page}, status=status)


def _calendar(calendar_id: int) -> TouCalendar:
    calendar = calendar_named(calendar_id)
    if calendar is None:
        raise Http404
    return calendar
