"""Tariffs, in the operator's admin."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from apps.billing.models import Tariff


@admin.register(Tariff)
class TariffAdmin(ModelAdmin):
    list_display = ("name", "price_per_kwh_excl_vat", "currency", "vat_percent", "valid_from")
    search_fields = ("name",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        # CDRs were rated by it: a new price is a new tariff with a later start.
        if obj is not None and obj.cdrs.exists():
            return ("price_per_kwh_excl_vat", "vat_percent", "currency", "valid_from")
        return ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
