"""The settings of a partner: shown as a form, and changed."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from apps.console.viewmodels.roaming_settings import (
    MAY_CHANGE,
    SettingsForm,
    settings_form,
    settings_page,
)
from apps.console.views.access import console_action, console_view, permission_needed
from apps.console.views.forms import to_page
from apps.console.views.roaming_partners import partner_or_404
from apps.ocpi.models import Partner
from apps.ocpi.services.partner_settings import (
    SettingProblem,
    SettingsRefused,
    partner_settings_save,
)


@console_view
@permission_needed(MAY_CHANGE)
def settings(request: HttpRequest, code: str) -> HttpResponse:
    """The form as things are."""
    return _page(request, partner_or_404(code))


@console_action
@permission_needed(MAY_CHANGE)
def save(request: HttpRequest, code: str) -> HttpResponse:
    """Keep what was typed, or show it again with what is wrong."""
    found = partner_or_404(code)
    form = settings_form(request.POST)
    if form.seen is None:
        messages.error(request, _("The form came back incomplete. Fill it in once more."))
        return _page(request, found)
    try:
        partner_settings_save(partner=found, wanted=form.wanted, seen=form.seen)
    except SettingsRefused as err:
        messages.error(request, _("Nothing was changed: see below."))
        return _page(request, partner_or_404(code), form, err.problems)
    messages.success(request, _("The settings are kept."))
    return to_page("partners-detail", code)


def _page(
    request: HttpRequest,
    partner: Partner,
    form: SettingsForm | None = None,
    problems: tuple[SettingProblem, ...] = (),
) -> HttpResponse:
    page = settings_page(partner=partner, form=form, problems=problems)
    response = render(request, "console/roaming_settings.html", {"page_of": page})
    response.headers["Cache-Control"] = "no-store"
    return response
