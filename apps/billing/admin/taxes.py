"""Taxes and exchange rates, in the operator's admin."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from apps.billing.admin.accounts import ServiceForm
from apps.billing.models import ExchangeRate, TaxRate
from apps.billing.models.taxes import TaxPlace
from apps.billing.services.taxes import exchange_rate_set, tax_place_set, tax_rate_set

_RATE_KEY = ("territory", "code", "valid_from")


class TaxRateForm(ServiceForm):
    class Meta:
        model = TaxRate
        exclude = ("is_shipped",)

    def write(self, given: dict[str, Any]) -> TaxRate:
        held = {name: getattr(self.instance, name) for name in _RATE_KEY}
        return tax_rate_set(**{**held, **given})


class ExchangeRateForm(ServiceForm):
    class Meta:
        model = ExchangeRate
        fields = ("currency", "on", "euros", "source")

    def write(self, given: dict[str, Any]) -> ExchangeRate:
        held = {"currency": self.instance.currency, "on": self.instance.on}
        return exchange_rate_set(**{**held, **given})


class TaxPlaceForm(ServiceForm):
    class Meta:
        model = TaxPlace
        fields = ("site", "territory")

    def write(self, given: dict[str, Any]) -> TaxPlace | None:
        site = given.get("site") or self.instance.site
        return tax_place_set(site=site, territory=given["territory"])


class _Written(ModelAdmin):
    """Rows that the form's service writes; what makes a row that row stays."""

    key: tuple[str, ...] = ()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        return self.key if obj is not None else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form's service has written the row."""


@admin.register(TaxRate)
class TaxRateAdmin(_Written):
    form = TaxRateForm
    key = _RATE_KEY
    list_display = (
        "territory", "code", "name", "percent", "category", "valid_from", "valid_until",
        "is_shipped", "source",
    )  # fmt: skip
    list_filter = ("territory", "is_shipped", "category")
    search_fields = ("territory", "name", "source")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # A shipped one would come back.
        return super().has_delete_permission(request, obj) and not (obj and obj.is_shipped)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


@admin.register(ExchangeRate)
class ExchangeRateAdmin(_Written):
    form = ExchangeRateForm
    key = ("currency", "on")
    list_display = ("currency", "on", "euros", "source")
    list_filter = ("currency",)
    search_fields = ("currency", "source")
    date_hierarchy = "on"


@admin.register(TaxPlace)
class TaxPlaceAdmin(_Written):
    form = TaxPlaceForm
    key = ("site",)
    list_display = ("site", "territory")
    list_select_related = ("site",)
    search_fields = ("site__code", "site__name", "territory")
    autocomplete_fields = ("site",)
