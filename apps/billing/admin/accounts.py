"""Who sells and who pays, in the operator's admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from apps.billing.choices import AccountKind
from apps.billing.models import AccountToken, BillingAccount, Issuer
from apps.billing.refusal_words import refusal
from apps.billing.services.accounts import (
    account_add,
    account_token_add,
    account_token_remove,
    account_update,
    issuer_save,
)
from cariflex.common.badges import Badges
from cariflex.common.errors import DomainError

_ADDRESS = ("name", "street", "street_more", "postal_code", "city", "country_code", "territory")
_NUMBERS = ("siren", "siret", "vat_number")
_REACH = ("email", "phone")
_BANK = ("iban", "bic")


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form whose service writes the row, so that its refusals are errors of the form."""

    def write(self, given: dict[str, Any]) -> Any:
        """Call the service."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        if self.errors:
            return
        try:
            with transaction.atomic():
                self.instance = self.write(dict(self.cleaned_data))
        except DomainError as err:
            self.add_error(err.field if err.field in self.fields else None, refusal(err))

    def save(self, commit: bool = True) -> Any:
        return self.instance

    def save_m2m(self) -> None:
        """The service has written the relations."""


class IssuerForm(ServiceForm):
    class Meta:
        model = Issuer
        exclude = ("updated_at",)

    def write(self, given: dict[str, Any]) -> Issuer:
        return issuer_save(**given)


@admin.register(Issuer)
class IssuerAdmin(ModelAdmin):
    form = IssuerForm
    list_display = ("name", "legal_form", "siren", "vat_number", "territory", "updated_at")
    fieldsets = (
        (None, {"fields": (*_ADDRESS, *_REACH)}),
        (
            _("Registrations"),
            {"fields": ("legal_form", "share_capital", "registry", *_NUMBERS)},
        ),
        (_("Bank"), {"fields": (*_BANK, "sepa_creditor_id")}),
        (
            _("Invoices"),
            {"fields": ("language", "time_zone", "payment_days", "late_payment_terms", "footer")},
        ),
    )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form's service has written the row."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not Issuer.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class AccountForm(ServiceForm):
    class Meta:
        model = BillingAccount
        exclude = ("created_at", "updated_at")

    def write(self, given: dict[str, Any]) -> BillingAccount:
        if self.instance.pk is None:
            return account_add(**given)
        return account_update(account_id=self.instance.pk, **given)


class AccountTokenInline(TabularInline):
    """Tokens of the account's own; those of its groups are not listed."""

    model = AccountToken
    fields = ("id_token",)
    autocomplete_fields = ("id_token",)
    extra = 0
    per_page = 20
    tab = True

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(BillingAccount)
class BillingAccountAdmin(ModelAdmin):
    form = AccountForm
    inlines = (AccountTokenInline,)
    list_display = (
        "code", "name", "kind_label", "currency", "territory", "tax_treatment", "is_active",
    )  # fmt: skip
    list_filter = ("kind", "is_active", "currency", "tax_treatment")
    search_fields = ("code", "name", "party_id", "siren", "vat_number", "email")
    filter_horizontal = ("token_groups",)
    fieldsets = (
        (None, {"fields": ("code", "kind", *_ADDRESS, *_REACH)}),
        (
            _("Roaming"),
            {
                "fields": (
                    "party_country_code", "party_id", "hub_fee_percent", "hub_fee_per_cdr",
                )
            },
        ),
        (_("Registrations"), {"fields": _NUMBERS}),
        (
            _("Invoices"),
            {"fields": ("tax_treatment", "currency", "language", "payment_days")},
        ),
        (_("Bank"), {"fields": (*_BANK, "sepa_mandate_id", "sepa_mandate_signed_on")}),
        (_("Sessions"), {"fields": ("token_groups", "is_active", "note")}),
    )  # fmt: skip

    @display(
        description=_("kind"),
        label=Badges(
            {
                AccountKind.PERSON: None,
                AccountKind.COMPANY: "info",
                AccountKind.EMSP: "success",
                AccountKind.CPO: "success",
                AccountKind.HUB: "success",
            }
        ),
    )
    def kind_label(self, account: BillingAccount) -> tuple[str, str]:
        return account.kind, account.get_kind_display()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form's service has written the row."""

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.save(commit=False)
        for gone in formset.deleted_objects:
            account_token_remove(account_id=form.instance.pk, account_token_id=gone.pk)
        for new in formset.new_objects:
            account_token_add(account_id=form.instance.pk, id_token=new.id_token.id_token)

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        # One that is not used any more is made inactive.
        return False
