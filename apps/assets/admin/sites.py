"""Sites in the back office."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from apps.assets.admin.hands_off import HandsOffMixin
from apps.assets.models import Site


@admin.register(Site)
class SiteAdmin(HandsOffMixin, ModelAdmin):
    list_display = (
        "name",
        "code",
        "time_zone",
        "grid_import_limit_kw",
        "grid_export_limit_kw",
        "hands_off_label",
    )
    list_filter = ("hands_off",)
    search_fields = ("name", "code")
    actions_detail = ("hands_off_detail",)

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
