"""The editor of a tariff's draft: writing, checking while one writes, discarding."""

from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.billing.models import Tariff, TariffVersion
from apps.billing.selectors.tariff_lists import versions_of
from apps.billing.services.tariffs import (
    tariff_draft_discard,
    tariff_draft_open,
    tariff_draft_save,
)
from apps.console.refusals import refusal_words
from apps.console.tariff_words import code_words
from apps.console.viewmodels.tariff_editor import editor_page
from apps.console.viewmodels.tariff_form import Errors, form_of, form_parsed, form_sent
from apps.console.viewmodels.tariff_preview import asked_of, draft_shown
from apps.console.viewmodels.tariffs import MAY_CHANGE
from apps.console.views.access import (
    console_action,
    console_view,
    json_reply,
    permission_needed,
)
from cariflex.common.errors import DomainError
from cariflex.common.exact_json import exact_dumps
from cariflex.common.time import parse_rfc3339, utc_now

REFUSED = 422


@console_view
@permission_needed(MAY_CHANGE)
def edit(request: HttpRequest, tariff_id: int) -> HttpResponse:
    """The editor with the tariff's draft."""
    draft = _draft(tariff_id)
    return _editor(request, draft, {})


@console_action
@permission_needed(MAY_CHANGE)
def open_draft(request: HttpRequest, tariff_id: int) -> HttpResponse:
    """Begin a new version as a copy of the newest one."""
    if not Tariff.objects.filter(pk=tariff_id).exists():
        raise Http404
    tariff_draft_open(tariff_id=tariff_id, now=utc_now())
    return HttpResponseRedirect(reverse("console:tariffs-edit", args=[tariff_id]))


@console_action
@permission_needed(MAY_CHANGE)
def save(request: HttpRequest, tariff_id: int) -> HttpResponse:
    """Keep the draft; what cannot be kept is shown beside its field."""
    draft = _draft(tariff_id)
    form = form_sent(request.POST)
    parsed = form_parsed(form, kept=draft.content)
    errors: Errors = dict(parsed.errors)
    if not errors:
        try:
            tariff_draft_save(
                version_id=draft.pk,
                content=parsed.content,
                formula=parsed.formula,
                change_note=form.values["change_note"],
                seen_at=_seen_at(request),
                now=utc_now(),
            )
            messages.success(request, _("The draft is kept."))
            return HttpResponseRedirect(reverse("console:tariffs-detail", args=[tariff_id])
                                        + f"?version={draft.number}")  # fmt: skip
        except DomainError as refusal:
            errors = {parsed.place(refusal.field or ""): (_words(refusal),)}
    return _editor(request, draft, errors, sent=True)


@console_action
@permission_needed(MAY_CHANGE)
def check(request: HttpRequest, tariff_id: int) -> HttpResponse:
    """Findings by field, rows in words, the week and the typical session, as JSON."""
    draft = _draft(tariff_id)
    now = utc_now()
    form = form_sent(request.POST)
    asked = asked_of({name: request.POST.get(name, "") for name in request.POST}, now=now)
    shown = draft_shown(form_parsed(form, kept=draft.content), asked, now=now)
    part = render_to_string(
        "console/parts/tariffs_preview.html", {"shown": shown, "asked": asked}, request
    )
    return json_reply(
        exact_dumps(
            {
                "errors": shown.errors,
                "warnings": shown.warnings,
                "words": dict(shown.words),
                "html": part,
            }
        )
    )


@console_action
@permission_needed(MAY_CHANGE)
def discard(request: HttpRequest, tariff_id: int) -> HttpResponse:
    """Forget the draft."""
    draft = _draft(tariff_id)
    try:
        tariff_draft_discard(version_id=draft.pk)
        messages.success(request, _("The draft is discarded."))
    except DomainError as refusal:
        messages.error(request, refusal_words(refusal))
    if Tariff.objects.filter(pk=tariff_id).exists():
        return HttpResponseRedirect(reverse("console:tariffs-detail", args=[tariff_id]))
    return HttpResponseRedirect(reverse("console:tariffs"))


def _draft(tariff_id: int) -> TariffVersion:
    draft = versions_of(tariff_id).filter(state="draft").first()
    if draft is None:
        raise Http404
    return draft


def _editor(
    request: HttpRequest, draft: TariffVersion, errors: Errors, *, sent: bool = False
) -> HttpResponse:
    now = utc_now()
    if sent:
        form = form_sent(request.POST)
    else:
        form = form_of(draft.content, getattr(draft, "formula", None), draft.change_note)
    asked = asked_of({name: request.POST.get(name, "") for name in request.POST}, now=now)
    parsed = form_parsed(form, kept=draft.content)
    shown = draft_shown(parsed, asked, now=now)
    page = editor_page(draft=draft, form=form, shown=shown, errors=errors)
    context = {"editor": page, "shown": shown, "asked": asked}
    status = REFUSED if errors and sent else 200
    return render(request, "console/tariffs_edit.html", context, status=status)


def _seen_at(request: HttpRequest) -> datetime | None:
    try:
        return parse_rfc3339(request.POST.get("seen_at", ""))
    except ValueError:
        return None


def _words(refusal: DomainError) -> str:
    return code_words(refusal.code, refusal_words(refusal))
