"""Tokens, their groups, and the lists that stations hold, in the operator's admin."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from apps.chargers.choices import LocalListStatus, TokenStatus
from apps.chargers.models import IdToken, LocalList, TokenGroup
from cariflex.common.badges import Badges


@admin.register(IdToken)
class IdTokenAdmin(ModelAdmin):
    list_display = ("masked", "type", "status_label", "expires_at", "note", "created_at")
    list_filter = ("status", "type")
    search_fields = ("id_token", "note")

    @admin.display(description=_("token"), ordering="id_token")
    def masked(self, token: IdToken) -> str:
        return str(token)

    @display(
        description=_("status"),
        label=Badges(
            {
                TokenStatus.ACCEPTED: "success",
                TokenStatus.BLOCKED: "danger",
                TokenStatus.EXPIRED: "warning",
                TokenStatus.INVALID: "danger",
            }
        ),
    )
    def status_label(self, token: IdToken) -> tuple[str, str]:
        return token.status, token.get_status_display()


@admin.register(TokenGroup)
class TokenGroupAdmin(ModelAdmin):
    list_display = ("group_id", "name", "is_one_at_a_time")
    list_filter = ("is_one_at_a_time",)
    search_fields = ("group_id", "name")


@admin.register(LocalList)
class LocalListAdmin(ModelAdmin):
    """Written by the sweep and by what stations answer."""

    list_display = (
        "station", "status_label", "version", "confirmed_version", "held", "updated_at",
    )  # fmt: skip
    list_filter = ("status",)
    list_select_related = ("station",)
    search_fields = ("station__station_id",)
    # Whole tokens are shown nowhere.
    exclude = ("entries",)

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @admin.display(description=_("tokens"))
    def held(self, row: LocalList) -> int:
        return len(row.entries)

    @display(
        description=_("status"),
        label=Badges(
            {
                LocalListStatus.CURRENT: "success",
                LocalListStatus.SENDING: "info",
                LocalListStatus.FAILED: "danger",
            }
        ),
    )
    def status_label(self, row: LocalList) -> tuple[str, str]:
        return row.status, row.get_status_display()
