"""Roaming partners: seen, invited, registered with, suspended, read anew."""

from collections.abc import Callable
from typing import TypeVar

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from apps.console.refusals import refusal_words
from apps.console.services.roaming import (
    NAME_MAX_LENGTH,
    URL_MAX_LENGTH,
    roaming_invite,
    roaming_pull,
    roaming_register,
)
from apps.console.viewmodels.roaming_partners import (
    MAY_PULL,
    MAY_REGISTER,
    MAY_SEE,
    PartnerForm,
    partner_get,
    partner_live,
    partner_page,
    partners_page,
)
from apps.console.views.access import (
    FRAGMENT_HEADER,
    console_action,
    console_view,
    is_fragment,
    permission_needed,
)
from apps.console.views.forms import to_page
from apps.ocpi.choices import PullMode
from apps.ocpi.models import Partner
from apps.ocpi.selectors.partners import own_root_url
from apps.ocpi.services.partners import (
    Invitation,
    partner_invite_again,
    partner_leave,
    partner_resume,
    partner_suspend,
)
from apps.ocpi.services.registration import partner_rotate
from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.time import utc_now

T = TypeVar("T")


@console_view
@permission_needed(MAY_SEE)
def partners(request: HttpRequest) -> HttpResponse:
    """All partners."""
    return _list(request)


@console_view
@permission_needed(MAY_SEE)
def partner(request: HttpRequest, code: str) -> HttpResponse:
    """One partner; with the fragment header only what changes."""
    found = partner_or_404(code)
    if is_fragment(request, "live-part"):
        context = {"live": partner_live(found, user=request.user)}  # type: ignore[arg-type]
        response = render(request, "console/parts/roaming_partner_live.html", context)
    else:
        page = partner_page(partner=found, user=request.user, now=utc_now())  # type: ignore[arg-type]
        response = render(request, "console/roaming_partner.html", {"page_of": page})
    response.headers["Vary"] = FRAGMENT_HEADER
    return response


@console_action
@permission_needed(MAY_REGISTER)
def invite(request: HttpRequest) -> HttpResponse:
    """A new partner; its token is on the answer and nowhere else."""
    form = _form(request)
    done = _tried(request, lambda: _invited(lambda: roaming_invite(name=form.name, role=form.role)))
    return _list(request, invite=form) if done is None else _token_shown(request, *done)


@console_action
@permission_needed(MAY_REGISTER)
def invite_again(request: HttpRequest, code: str) -> HttpResponse:
    """A new token for a partner that is not registered."""
    found = partner_or_404(code)
    done = _tried(request, lambda: _invited(lambda: partner_invite_again(partner=found)))
    return to_page("partners-detail", code) if done is None else _token_shown(request, *done)


@console_action
@permission_needed(MAY_REGISTER)
def register(request: HttpRequest) -> HttpResponse:
    """Register us with a partner that gave us a token."""
    form = _form(request)
    done = _tried(
        request,
        lambda: roaming_register(
            name=form.name,
            role=form.role,
            versions_url=form.versions_url,
            token=request.POST.get("token", "").strip(),
            is_unencoded=form.is_unencoded,
            now=utc_now(),
        ),
    )
    if done is None:
        return _list(request, register=form)
    words = _("%(name)s is connected: OCPI %(version)s.")
    messages.success(request, words % {"name": done.name, "version": done.version})
    return to_page("partners-detail", done.code)


@console_action
@permission_needed(MAY_REGISTER)
def rotate(request: HttpRequest, code: str) -> HttpResponse:
    """New tokens on both sides."""
    found = partner_or_404(code)
    done = _tried(
        request, lambda: partner_rotate(partner=found, root_url=own_root_url(), now=utc_now())
    )
    return _told(request, done, code, _("Both sides have new tokens."))


@console_action
@permission_needed(MAY_REGISTER)
def suspend(request: HttpRequest, code: str) -> HttpResponse:
    """Shut the door."""
    found = partner_or_404(code)
    done = _tried(request, lambda: partner_suspend(partner=found))
    return _told(request, done, code, _("The partner is suspended: its requests are refused."))


@console_action
@permission_needed(MAY_REGISTER)
def resume(request: HttpRequest, code: str) -> HttpResponse:
    """Open the door again."""
    found = partner_or_404(code)
    done = _tried(request, lambda: partner_resume(partner=found))
    return _told(request, done, code, _("The partner is connected again."))


@console_action
@permission_needed(MAY_REGISTER)
def unregister(request: HttpRequest, code: str) -> HttpResponse:
    """Leave a partner for good; nothing changes unless it says that it knows."""
    found = partner_or_404(code)
    try:
        partner_leave(partner=found)
    except DomainError as err:
        messages.error(request, refusal_words(err))
    except ExternalError as err:
        words = _(
            "Nothing has changed, the partner was not told: %(why)s. Try again later, or suspend"
            " it: its requests are refused then, and nothing is sent to it."
        )
        messages.error(request, words % {"why": err})
    else:
        messages.success(request, _("The partner is unregistered: both sides forget their tokens."))
    return to_page("partners-detail", code)


@console_action
@permission_needed(MAY_PULL)
def pull(request: HttpRequest, code: str) -> HttpResponse:
    """Read the partner's lists now."""
    found = partner_or_404(code)
    mode = PullMode.FULL if request.POST.get("mode") == PullMode.FULL else PullMode.DELTA
    done = _tried(request, lambda: roaming_pull(partner=found, mode=mode, now=utc_now()))
    return _told(request, done, code, _("The partner's lists are being read."))


def _list(
    request: HttpRequest, *, invite: PartnerForm | None = None, register: PartnerForm | None = None
) -> HttpResponse:
    page = partners_page(
        user=request.user,  # type: ignore[arg-type]
        now=utc_now(),
        invite=invite,
        register=register,
    )
    return render(request, "console/roaming_partners.html", {"page_of": page})


def _invited(make: Callable[[], Invitation]) -> tuple[Invitation, str]:
    """The address first: without one an invitation helps nobody."""
    versions_url = f"{own_root_url()}/versions"
    return make(), versions_url


def _token_shown(request: HttpRequest, invitation: Invitation, versions_url: str) -> HttpResponse:
    response = render(
        request,
        "console/roaming_invited.html",
        {"invitation": invitation, "versions_url": versions_url},
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _told(request: HttpRequest, done: object | None, code: str, words: str) -> HttpResponse:
    if done is not None:
        messages.success(request, words)
    return to_page("partners-detail", code)


def _tried(request: HttpRequest, act: Callable[[], T]) -> T | None:
    """Do it; a refusal, ours or the partner's, becomes a message, and None."""
    try:
        return act()
    except DomainError as err:
        messages.error(request, refusal_words(err))
    except ExternalError as err:
        words = _("The partner did not answer as it should: %(why)s")
        messages.error(request, words % {"why": err})
    return None


def _form(request: HttpRequest) -> PartnerForm:
    return PartnerForm(
        name=request.POST.get("name", "").replace("\x00", "").strip()[:NAME_MAX_LENGTH],
        role=request.POST.get("role", ""),
        versions_url=request.POST.get("versions_url", "").strip()[:URL_MAX_LENGTH],
        is_unencoded=request.POST.get("unencoded", "") == "on",
    )


def partner_or_404(code: str) -> Partner:
    """The partner of an address; Http404 when there is none."""
    found = partner_get(code)
    if found is None:
        raise Http404
    return found
