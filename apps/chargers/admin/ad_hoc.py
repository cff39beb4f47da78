"""Charging without a contract, in the operator's admin: settings, stays, refunds."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from apps.chargers.admin.base import ReadOnlyAdmin
from apps.chargers.choices import AdHocState
from apps.chargers.models import AdHocCharge, AdHocSettings
from apps.chargers.ports import payment_provider, payment_provider_names
from apps.chargers.services.ad_hoc import ad_hoc_refund, ad_hoc_settings_save
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError

REFUND = "chargers.refund_adhoccharge"


def _providers() -> list[tuple[str, Any]]:
    """The providers of this deployment; one with which no money moves says so."""
    return [
        ("", _("None: nobody can charge without a contract")),
        *((name, _provider_words(name)) for name in payment_provider_names()),
    ]


def _provider_words(name: str) -> Any:
    provider = payment_provider(name)
    is_test = provider is not None and provider.is_test
    return _("Test provider: no money moves, charging is free") if is_test else name


class AdHocSettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    """The provider is one of those that this deployment has."""

    provider = forms.ChoiceField(
        label=_("payment provider"),
        required=False,
        choices=_providers,
        widget=UnfoldAdminSelectWidget(),
    )

    class Meta:
        model = AdHocSettings
        fields = ("provider", "authorised_amount", "help_contact")


@admin.register(AdHocSettings)
class AdHocSettingsAdmin(ModelAdmin):
    form = AdHocSettingsForm
    list_display = ("shown", "authorised_amount", "help_contact")

    @admin.display(description=_("payment provider"))
    def shown(self, row: AdHocSettings) -> str:
        return row.provider or "–"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        saved = ad_hoc_settings_save(
            provider=obj.provider,
            authorised_amount=obj.authorised_amount,
            help_contact=obj.help_contact,
        )
        obj.pk = saved.pk

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not AdHocSettings.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(AdHocCharge)
class AdHocChargeAdmin(ReadOnlyAdmin):
    list_display = (
        "__str__", "state_label", "end_reason", "authorised_amount", "captured_amount",
        "refunded_amount", "currency", "cdr_reference", "created_at",
    )  # fmt: skip
    list_select_related = ("evse__station",)
    list_filter = ("state", "end_reason", "provider")
    search_fields = ("evse__station__station_id", "cdr_reference", "provider_reference")
    date_hierarchy = "created_at"
    exclude = ("key_hash", "id_token")
    actions = ("refund",)

    @display(
        description=_("state"),
        label=Badges(
            {
                AdHocState.PAYING: "info",
                AdHocState.STARTING: "info",
                AdHocState.CHARGING: "success",
                AdHocState.SETTLING: "warning",
                AdHocState.PAID: "success",
            }
        ),
    )
    def state_label(self, charge: AdHocCharge) -> tuple[str, str]:
        return charge.state, charge.get_state_display()

    def has_refund_permission(self, request: HttpRequest, *_object_id: Any) -> bool:
        return request.user.has_perm(REFUND)

    @admin.action(description=_("Give the whole amount back"), permissions=["refund"])
    def refund(self, request: HttpRequest, queryset: QuerySet[AdHocCharge]) -> None:
        done = 0
        for charge_id in queryset.values_list("pk", flat=True):
            try:
                ad_hoc_refund(charge_id=charge_id)
                done += 1
            except DomainError:
                messages.warning(
                    request, _("Nothing was taken, or it was given back already: %s") % charge_id
                )
        messages.info(
            request,
            ngettext("%(count)d refund is on its way.", "%(count)d refunds are on their way.", done)
            % {"count": done},
        )
