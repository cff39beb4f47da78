"""Own parties and the operator's choices for roaming."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from apps.ocpi.models import OcpiSettings, Party


class HttpsAdmin(ModelAdmin):
    """An address without a scheme is one of https."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if isinstance(db_field, models.URLField):
            kwargs["assume_scheme"] = "https"
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(Party)
class PartyAdmin(HttpsAdmin):
    list_display = ("name", "role", "country_code", "party_id", "is_active")
    list_filter = ("role", "is_active")
    search_fields = ("name", "party_id")


@admin.register(OcpiSettings)
class OcpiSettingsAdmin(HttpsAdmin):
    list_display = ("__str__", "public_url", "keep_exchanges_days", "is_hub")

    def save_model(
        self, request: HttpRequest, obj: OcpiSettings, form: object, change: bool
    ) -> None:
        """One row."""
        obj.pk = 1
        obj.save()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not OcpiSettings.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
