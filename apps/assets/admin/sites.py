"""Sites in the back office."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from apps.assets.models import Site


@admin.register(Site)
class SiteAdmin(ModelAdmin):
    list_display = ("name", "code", "time_zone", "grid_import_limit_kw", "grid_export_limit_kw")
    search_fields = ("name", "code")

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
