"""Tariffs, in the operator's admin."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from apps.billing.models import Tariff


@admin.register(Tariff)
class TariffAdmin(ModelAdmin):
    list_display = ("name", "code", "type", "is_archived")
    list_filter = ("type", "is_archived")
    search_fields = ("name", "code")
    fields = ("code", "name", "type", "note", "is_archived")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        return ("is_archived",) if obj is None else ("code", "is_archived")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
