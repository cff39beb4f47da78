"""Own parties and the operator's choices for roaming."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from apps.ocpi.models import OcpiSettings, Party


@admin.register(Party)
class PartyAdmin(ModelAdmin):
    list_display = ("name", "role", "country_code", "party_id", "is_active")
    list_filter = ("role", "is_active")
    search_fields = ("name", "party_id")


@admin.register(OcpiSettings)
class OcpiSettingsAdmin(ModelAdmin):
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
