"""What partners and gateways sent, and who may send readings of which devices."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from apps.assets.choices import ImportLineStatus, ImportStatus
from apps.assets.models import PushGrant, ReadingImport, ReadingImportLine
from apps.assets.reading_rule_words import rule_words
from cariflex.common.badges import Badges


class ReadOnly:
    """Kept as it came."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class ReadingImportLineInline(ReadOnly, TabularInline):  # type: ignore[misc]
    """The lines that were refused or flagged."""

    model = ReadingImportLine
    fields = readonly_fields = ("number", "status_label", "field", "words", "text")
    ordering = ("number",)
    per_page = 50
    show_change_link = False

    @display(
        description=_("status"),
        label=Badges({ImportLineStatus.REFUSED: "danger", ImportLineStatus.FLAGGED: "warning"}),
    )
    def status_label(self, line: ReadingImportLine) -> tuple[str, str]:
        return line.status, line.get_status_display()

    @display(description=_("rule"))
    def words(self, line: ReadingImportLine) -> str:
        return rule_words(line.rule)


@admin.register(ReadingImport)
class ReadingImportAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]
    list_display = (
        "received_at",
        "name",
        "received_from",
        "status_label",
        "lines_count",
        "stored_count",
        "flagged_count",
        "refused_count",
    )
    list_filter = ("status",)
    list_select_related = ("received_from",)
    search_fields = ("name", "received_from__username", "idempotency_key")
    date_hierarchy = "received_at"
    fields = (*list_display, "idempotency_key", "digest")
    readonly_fields = fields
    inlines = (ReadingImportLineInline,)

    @display(
        description=_("status"),
        ordering="status",
        label=Badges({ImportStatus.STORED: "success", ImportStatus.REFUSED: "danger"}),
    )
    def status_label(self, of_import: ReadingImport) -> tuple[str, str]:
        return of_import.status, of_import.get_status_display()


@admin.register(PushGrant)
class PushGrantAdmin(ModelAdmin):
    """Which devices' readings a partner may send."""

    list_display = ("user", "device")
    list_select_related = ("user", "device")
    list_filter = (("user", admin.RelatedOnlyFieldListFilter),)
    search_fields = ("user__username", "device__code", "device__name")
    autocomplete_fields: Any = ("device",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        # A matter of who may do what: for those who see the users.
        return super().has_add_permission(request) and request.user.has_perm("accounts.view_user")

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        # Given and taken, not rewritten.
        return False
