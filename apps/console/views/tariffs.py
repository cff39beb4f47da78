"""Tariffs: the list, one tariff, its versions and assignments, which one applies where."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.billing.rating import VERSIONS, RatingProblem, Version
from apps.billing.selectors.tariff_lists import tariff_exported, version_of
from apps.billing.services.tariffs import (
    tariff_archive,
    tariff_assign,
    tariff_assignment_end,
    tariff_change,
    tariff_create,
    tariff_import,
    tariff_version_issue,
)
from apps.billing.services.tariffs.versions import FIRST_YEAR, LAST_YEAR
from apps.console.refusals import refusal_words
from apps.console.tariff_words import note_words
from apps.console.viewmodels.tariff_places import target_of, which_page
from apps.console.viewmodels.tariff_preview import asked_of, version_shown
from apps.console.viewmodels.tariffs import (
    MAY_ADD,
    MAY_CHANGE,
    tariff_page,
    tariffs_list,
)
from apps.console.views.access import (
    FRAGMENT_HEADER,
    console_action,
    console_view,
    is_fragment,
    permission_needed,
)
from cariflex.common.errors import DomainError
from cariflex.common.exact_json import exact_dumps, exact_loads
from cariflex.common.time import utc_now

SEARCH_MAX_LENGTH = 60
# An imported tariff object is some kB; a year of hourly prices is still less than this.
IMPORT_MAX_BYTES = 1_000_000
NOTES_SHOWN = 5
EXPORTED_AHEAD = timedelta(days=2)


@console_view
def tariffs(request: HttpRequest) -> HttpResponse:
    """The tariffs."""
    page = tariffs_list(
        search=request.GET.get("q", "").strip()[:SEARCH_MAX_LENGTH],
        is_archived=request.GET.get("archived") == "1",
        page=number(request.GET.get("page", "")) or 1,
        user=request.user,  # type: ignore[arg-type]
        now=utc_now(),
    )
    return render(request, "console/tariffs.html", {"listing": page})


@console_view
def tariff(request: HttpRequest, tariff_id: int) -> HttpResponse:
    """One tariff; with the fragment header only week and typical session."""
    now = utc_now()
    page = tariff_page(
        tariff_id=tariff_id,
        number=number(request.GET.get("version", "")),
        user=request.user,  # type: ignore[arg-type]
        now=now,
        shows_all=request.GET.get("all") == "1",
    )
    if page is None:
        raise Http404
    asked = asked_of({name: request.GET.get(name, "") for name in request.GET}, now=now)
    shown = version_shown(page.shown, asked, now=now) if page.shown else None
    is_part = is_fragment(request, "preview")
    template = "console/parts/tariffs_preview.html" if is_part else "console/tariffs_detail.html"
    response = render(
        request, template, {"page_of": page, "shown": shown, "asked": asked, "form": None}
    )
    response.headers["Vary"] = FRAGMENT_HEADER
    return response


@console_action
@permission_needed(MAY_ADD)
def add(request: HttpRequest) -> HttpResponse:
    """Make a tariff; its prices are written next."""
    try:
        made = tariff_create(
            code=request.POST.get("code", ""),
            name=request.POST.get("name", ""),
            type=request.POST.get("type", ""),
            now=utc_now(),
        )
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
        return HttpResponseRedirect(reverse("console:tariffs"))
    return HttpResponseRedirect(reverse("console:tariffs-edit", args=[made.tariff_id]))


@console_action
@permission_needed(MAY_ADD)
def take(request: HttpRequest) -> HttpResponse:
    """Import an OCPI tariff object, as a file or as text."""
    try:
        content = _object_sent(request)
        imported = tariff_import(content=content, now=utc_now())
    except DomainError as refusal:
        words = refusal_words(refusal)
        messages.error(request, f"{refusal.field}: {words}" if refusal.field else words)
        return HttpResponseRedirect(reverse("console:tariffs"))
    messages.success(request, _("The tariff is here as a draft. Look at it, then issue it."))
    # What OCPI requires beside prices is filled in by this operator.
    odd = [note for note in imported.notes if note.code != "field.expected"]
    for note in odd[:NOTES_SHOWN]:
        words = note_words(note)
        messages.info(request, f"{note.where}: {words}" if note.where else words)
    return HttpResponseRedirect(reverse("console:tariffs-edit", args=[imported.version.tariff_id]))


@console_view
def export(request: HttpRequest, tariff_id: int) -> HttpResponse:
    """A version as OCPI JSON of 2.1.1, 2.2.1 or 2.3.0."""
    version = version_of(tariff_id, number(request.GET.get("version", "")))
    if version is None:
        raise Http404
    ocpi = request.GET.get("ocpi", "2.2.1")
    now = utc_now()
    try:
        content = tariff_exported(
            version,
            ocpi=cast(Version, ocpi if ocpi in VERSIONS else "2.2.1"),
            start=now,
            end=now + EXPORTED_AHEAD,
        )
    except RatingProblem as problem:
        messages.error(request, problem.message)
        return _to(tariff_id)
    response = HttpResponse(exact_dumps(content, indent=2), content_type="application/json")
    name = f"tariff-{tariff_id}-v{version.number}.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@console_action
@permission_needed(MAY_CHANGE)
def change(request: HttpRequest, tariff_id: int) -> HttpResponse:
    """Another name, type or note."""
    return _done(
        request,
        tariff_id,
        lambda: tariff_change(
            tariff_id=tariff_id,
            name=request.POST.get("name", ""),
            type=request.POST.get("type", ""),
            note=request.POST.get("note", "")[:2000],
        ),
        _("The tariff is kept."),
    )


@console_action
@permission_needed(MAY_CHANGE)
def archive(request: HttpRequest, tariff_id: int) -> HttpResponse:
    """Out of sight, or back."""
    is_archived = request.POST.get("archived") == "1"
    return _done(
        request,
        tariff_id,
        lambda: tariff_archive(tariff_id=tariff_id, is_archived=is_archived, now=utc_now()),
        _("The tariff is archived.") if is_archived else _("The tariff can be used again."),
    )


@console_action
@permission_needed(MAY_CHANGE)
def issue(request: HttpRequest, tariff_id: int) -> HttpResponse:
    """Fix the draft for good."""

    def act() -> object:
        return tariff_version_issue(
            version_id=number(request.POST.get("version", "")) or 0,
            valid_from=instant(request, "valid_from"),
            valid_until=instant(request, "valid_until"),
            issued_by=request.user.get_username(),
            is_backdated=request.POST.get("is_backdated") == "on",
            now=utc_now(),
        )

    return _done(request, tariff_id, act, _("The version is issued. It never changes again."))


@console_action
@permission_needed(MAY_CHANGE)
def assign(request: HttpRequest, tariff_id: int) -> HttpResponse:
    """Let the tariff apply somewhere or to somebody."""

    def act() -> object:
        scope = request.POST.get("scope", "")
        return tariff_assign(
            tariff_id=tariff_id,
            scope=scope,
            target_id=target_of(scope, request.POST),
            is_ad_hoc=request.POST.get("is_ad_hoc") == "on",
            valid_from=instant(request, "valid_from"),
            valid_until=instant(request, "valid_until"),
            is_backdated=request.POST.get("is_backdated") == "on",
            by=request.user.get_username(),
            now=utc_now(),
        )

    return _done(request, tariff_id, act, _("The tariff applies there."))


@console_action
@permission_needed(MAY_CHANGE)
def assignment_end(request: HttpRequest, tariff_id: int, assignment_id: int) -> HttpResponse:
    """Let an assignment apply no more."""
    return _done(
        request,
        tariff_id,
        lambda: tariff_assignment_end(assignment_id=assignment_id, now=utc_now()),
        _("The tariff applies there no more."),
    )


@console_view
def which(request: HttpRequest) -> HttpResponse:
    """Which tariff applies at a connector for a token at a time, and why."""
    page = which_page(
        {name: request.GET.get(name, "").strip()[:60] for name in request.GET}, now=utc_now()
    )
    return render(request, "console/tariffs_which.html", {"which": page})


def instant(request: HttpRequest, name: str) -> datetime | None:
    """A local time of the form; None when it is empty, DomainError when it is none."""
    text = request.POST.get(name, "").strip()
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as err:
        raise DomainError("billing.time_invalid", "A day and a time.", field=name) from err
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise DomainError("billing.time_invalid", "A day and a time.", field=name)
    return timezone.make_aware(at) if timezone.is_naive(at) else at


def number(text: str) -> int | None:
    """A number of an address or a form; None when it is none."""
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _object_sent(request: HttpRequest) -> dict[str, Any]:
    upload = request.FILES.get("file")
    if upload is not None and upload.size > IMPORT_MAX_BYTES:
        raise DomainError("billing.import_too_long", "The file is too long.")
    raw = upload.read() if upload is not None else request.POST.get("text", "").encode()
    try:
        content = exact_loads(raw)
    except ValueError as err:  # also bytes that are no UTF-8, and what is nested too deep
        raise DomainError("json.invalid", "This is not JSON.") from err
    except RecursionError as err:
        raise DomainError("json.invalid", "This is not JSON.") from err
    # What an OCPI endpoint answers has the object inside.
    if isinstance(content, dict) and isinstance(content.get("data"), dict):
        content = content["data"]
    if not isinstance(content, dict):
        raise DomainError("json.invalid", "One OCPI tariff object is expected.")
    return content


def _done(
    request: HttpRequest, tariff_id: int, act: Callable[[], object], words: str
) -> HttpResponse:
    try:
        act()
        messages.success(request, words)
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
        if refusal.code == "billing.tariff_unknown":
            return HttpResponseRedirect(reverse("console:tariffs"))
    return _to(tariff_id)


def _to(tariff_id: int) -> HttpResponse:
    return HttpResponseRedirect(reverse("console:tariffs-detail", args=[tariff_id]))
