"""Dialogs of the partners' pages: each asks one service, outside of a transaction.

A registration waits for the partner and is written to the log whatever comes of it.
"""

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.http import Http404, HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from apps.ocpi.choices import OcpiVersion, PartyRole
from apps.ocpi.models import Partner
from apps.ocpi.selectors.partners import own_root_url
from apps.ocpi.services.partners import Invitation, partner_create, partner_invite
from apps.ocpi.services.registration import partner_register
from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.time import utc_now


class PartnerDialog(BaseDialogForm):
    """What the service refuses, or the partner, is shown in the dialog."""

    form_before_template = "admin/chargers/refused.html"
    result: Any = None

    def order(self) -> Any:
        """Call the service with `cleaned_data`; what it gives back becomes `result`."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        if self.errors:
            return
        try:
            self.result = self.order()
        except (DomainError, ExternalError) as err:
            self.add_error(None, str(err))

    def get_before_template_context(
        self, request: HttpRequest, object_id: int | str | None = None
    ) -> dict[str, Any]:
        return {"errors": self.non_field_errors() if self.is_bound else []}


class InviteDialog(PartnerDialog):
    """A new partner that registers with us."""

    name = forms.CharField(label=_("Name"), max_length=100, widget=UnfoldAdminTextInputWidget())
    role = forms.ChoiceField(
        label=_("The partner is a"), choices=PartyRole.choices, initial=PartyRole.EMSP,
        widget=UnfoldAdminSelectWidget(),
    )  # fmt: skip
    accepts_unencoded_token = forms.BooleanField(
        label=_("May present its token unencoded"), required=False, widget=UnfoldBooleanWidget()
    )

    def order(self) -> Invitation:
        given = self.cleaned_data
        return partner_invite(
            name=given["name"],
            role=given["role"],
            accepts_unencoded_token=given["accepts_unencoded_token"],
        )


class RegisterDialog(PartnerDialog):
    """A partner that invited us."""

    name = forms.CharField(
        label=_("Name"), max_length=100, required=False, widget=UnfoldAdminTextInputWidget()
    )
    versions_url = forms.URLField(
        label=_("Their versions URL"), max_length=255, assume_scheme="https",
        widget=UnfoldAdminTextInputWidget(),
    )  # fmt: skip
    token = forms.CharField(
        label=pgettext_lazy("OCPI", "Token"), max_length=64,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    role = forms.ChoiceField(
        label=_("The partner is a"), choices=PartyRole.choices, initial=PartyRole.CPO,
        widget=UnfoldAdminSelectWidget(),
    )  # fmt: skip
    version = forms.ChoiceField(
        label=_("Version"), choices=[("", _("the highest")), *OcpiVersion.choices],
        required=False, widget=UnfoldAdminSelectWidget(),
    )  # fmt: skip
    unencoded = forms.BooleanField(
        label=_("Present the token unencoded"), required=False, widget=UnfoldBooleanWidget()
    )

    def order(self) -> Partner:
        given = self.cleaned_data
        url = given["versions_url"]
        partner = partner_create(
            name=given["name"] or urlsplit(url).hostname or url[:100],
            role=given["role"],
            versions_url=url,
            unencoded=given["unencoded"],
        )
        return partner_register(
            partner=partner,
            token=given["token"],
            root_url=own_root_url(),
            version=given["version"],
            now=utc_now(),
        )


def partner_or_404(object_id: int | str | None) -> Partner:
    """The partner of an address."""
    text = str(object_id)
    partner = Partner.objects.filter(pk=int(text)).first() if text.isdecimal() else None
    if partner is None:
        raise Http404
    return partner
