"""Roaming partners: their settings, and how a connection begins, changes and ends."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm

from apps.ocpi.admin.dialogs import InviteDialog, RegisterDialog, partner_or_404
from apps.ocpi.choices import PartnerState
from apps.ocpi.models import Partner, PartnerEndpoint, PartnerRole
from apps.ocpi.selectors.partners import own_root_url
from apps.ocpi.services.partners import (
    Invitation,
    partner_invite_again,
    partner_resume,
    partner_suspend,
)
from apps.ocpi.services.registration import partner_rotate, partner_unregister
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.time import utc_now

TOLD = (
    "state", "version", "versions_url", "created_at", "registered_at", "last_in_at", "last_out_at",
)  # fmt: skip
SETTINGS = (
    "name", "role", "account", "accepts_unencoded_token", "sends_unencoded_token", "page_limit",
    "pull_limit", "needs_routing_headers", "session_updates", "session_update_s", "delivery",
    "pushed_kinds", "required_fields", "timeout_s", "authorize_timeout_s", "note",
)  # fmt: skip


class _Told(TabularInline):
    """Rows that the partner told."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class RoleInline(_Told):
    model = PartnerRole
    fields = readonly_fields = ("role", "country_code", "party_id", "hub_status", "last_updated")


class EndpointInline(_Told):
    model = PartnerEndpoint
    fields = readonly_fields = ("identifier", "role", "url")


@admin.register(Partner)
class PartnerAdmin(ModelAdmin):
    """A partner comes to be by an invitation or a registration; tokens are shown once or never."""

    list_display = (
        "name", "role", "state_label", "version", "delivery", "last_in_at", "last_out_at",
    )  # fmt: skip
    list_filter = ("state", "role", "version", "delivery")
    search_fields = ("name", "code", "versions_url", "roles__party_id")
    autocomplete_fields = ("account",)
    readonly_fields = ("code", *TOLD)
    fieldsets = (
        (_("Connection"), {"fields": ("code", *TOLD)}),
        (_("Settings"), {"fields": SETTINGS}),
    )
    inlines = (RoleInline, EndpointInline)
    actions_list = ("invite", "register")
    actions_detail = ("invite_again", "rotate", "suspend", "resume", "unregister", "exchanges")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_register_permission(self, request: HttpRequest, *_object_id: Any) -> bool:
        return request.user.has_perm("ocpi.register_partner")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if settings.OCPI_LOOPBACK_ALLOWED:
            messages.warning(
                request,
                _("CARIFLEX_OCPI_ALLOW_LOOPBACK is on: partners may be on this very machine."),
            )
        return super().changelist_view(request, extra_context)

    @display(
        description=_("state"),
        ordering="state",
        label=Badges(
            {
                PartnerState.INVITED: "info",
                PartnerState.REGISTERED: "success",
                PartnerState.SUSPENDED: "warning",
                PartnerState.GONE: "danger",
            }
        ),
    )
    def state_label(self, partner: Partner) -> tuple[str, str]:
        return partner.state, partner.get_state_display()

    @action(
        description=_("Invite a partner…"), permissions=["register"], url_path="invite",
        dialog={
            "title": _("Invite a partner"),
            "description": _("It gets a token, shown once, and registers with it."),
            "form_class": InviteDialog,
            "form_submit_text": _("Invite"),
        },
    )  # fmt: skip
    def invite(self, request: HttpRequest, form: InviteDialog) -> HttpResponse:
        return self._invited(request, form.result)

    @action(
        description=_("Register with a partner…"), permissions=["register"], url_path="register",
        dialog={
            "title": _("Register with a partner"),
            "description": _("With the address and the token that it gave you."),
            "form_class": RegisterDialog,
            "form_submit_text": _("Register"),
        },
    )  # fmt: skip
    def register(self, request: HttpRequest, form: RegisterDialog) -> HttpResponse:
        messages.success(request, _("Registered with %(name)s.") % {"name": form.result.name})
        return _to_page(form.result)

    @action(
        description=_("Invite again"), permissions=["register"], url_path="invite-again",
        dialog={
            "title": _("Invite again"),
            "description": _("Whatever token it has is dead from now; its settings stay."),
            "form_submit_text": _("Invite"),
        },
    )  # fmt: skip
    def invite_again(
        self, request: HttpRequest, _form: BaseDialogForm, object_id: str
    ) -> HttpResponse:
        return self._invited(request, partner_invite_again(partner=partner_or_404(object_id)))

    @action(
        description=_("New tokens"), permissions=["register"], url_path="rotate",
        dialog={
            "title": _("New tokens"),
            "description": _("Both sides change their tokens; endpoints are read anew."),
            "form_submit_text": _("Change"),
        },
    )  # fmt: skip
    def rotate(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._done(
            request, object_id, _("The tokens are new."),
            lambda one: partner_rotate(partner=one, root_url=own_root_url(), now=utc_now()),
        )  # fmt: skip

    @action(
        description=_("Suspend"), permissions=["register"], url_path="suspend",
        dialog={
            "title": _("Suspend"),
            "description": _("Its requests are refused and nothing is sent to it."),
            "form_submit_text": _("Suspend"),
        },
    )  # fmt: skip
    def suspend(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._done(
            request, object_id, _("Suspended."), lambda one: partner_suspend(partner=one)
        )

    @action(
        description=_("Resume"), permissions=["register"], url_path="resume",
        dialog={"title": _("Resume"), "form_submit_text": _("Resume")},
    )  # fmt: skip
    def resume(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        return self._done(
            request, object_id, _("Resumed."), lambda one: partner_resume(partner=one)
        )

    @action(
        description=_("Unregister"), permissions=["register"], url_path="unregister",
        dialog={
            "title": _("Unregister"),
            "description": _("The partner is told; both sides forget their tokens."),
            "form_submit_text": _("Unregister"),
        },
    )  # fmt: skip
    def unregister(
        self, request: HttpRequest, _form: BaseDialogForm, object_id: str
    ) -> HttpResponse:
        return self._done(
            request, object_id, _("Unregistered."), lambda one: partner_unregister(partner=one)
        )

    @action(description=_("Exchanges"), permissions=["view"], url_path="exchanges")
    def exchanges(self, request: HttpRequest, object_id: str) -> HttpResponse:
        page = reverse("admin:ocpi_exchange_changelist")
        location = f"{page}?partner__id__exact={partner_or_404(object_id).pk}"
        return HttpResponse(status=302, headers={"Location": location})

    def _invited(self, request: HttpRequest, invitation: Invitation) -> HttpResponse:
        messages.warning(
            request,
            _("Token, shown this once: %(token)s. Address: %(url)s")
            % {"token": invitation.token, "url": f"{own_root_url()}/versions"},
        )
        return _to_page(invitation.partner)

    def _done(
        self,
        request: HttpRequest,
        object_id: str,
        words: str | Promise,
        change: Callable[[Partner], object],
    ) -> HttpResponse:
        partner = partner_or_404(object_id)
        try:
            change(partner)
        except (DomainError, ExternalError) as err:
            messages.error(request, str(err))
        else:
            messages.success(request, words)
        return _to_page(partner)


def _to_page(partner: Partner) -> HttpResponse:
    """Leave the dialog for the partner's page."""
    page = reverse("admin:ocpi_partner_change", args=[partner.pk])
    return HttpResponse(headers={"HX-Redirect": page})
