"""Tariffs in the operator's admin: read here, written on the console's pages and by the API."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from apps.billing.choices import TariffState
from apps.billing.models import Tariff, TariffAssignment, TariffVersion
from apps.billing.selectors.tariff_lists import assignments_of, target_name
from cariflex.common.badges import Badges
from cariflex.common.exact_json import exact_dumps

STATES = Badges({TariffState.DRAFT: None, TariffState.ISSUED: "success"})


class ReadOnlyAdmin(ModelAdmin):
    """Rows that nothing here changes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Tariff)
class TariffAdmin(ModelAdmin):
    list_display = ("name", "code", "type", "is_archived", "updated_at", "page")
    list_filter = ("type", "is_archived")
    search_fields = ("name", "code")
    fields = ("code", "name", "type", "note", "is_archived")
    readonly_fields = ("code", "is_archived")

    @admin.display(description=_("prices"))
    def page(self, tariff: Tariff) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>',
            reverse("console:tariffs-detail", args=[tariff.pk]),
            _("Week and versions"),
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(TariffVersion)
class TariffVersionAdmin(ReadOnlyAdmin):
    list_display = (
        "tariff", "number", "state_shown", "currency", "valid_from", "valid_until", "issued_at",
        "issued_by",
    )  # fmt: skip
    list_filter = ("state", "currency")
    list_select_related = ("tariff",)
    search_fields = ("tariff__name", "tariff__code")
    date_hierarchy = "valid_from"
    fields = (
        "tariff", "number", "state", "currency", "valid_from", "valid_until", "change_note",
        "issued_at", "issued_by", "content_shown",
    )  # fmt: skip
    readonly_fields = ("content_shown",)

    @display(description=_("state"), label=STATES, ordering="state")
    def state_shown(self, version: TariffVersion) -> tuple[str, str]:
        return version.state, version.get_state_display()

    @admin.display(description=_("OCPI tariff"))
    def content_shown(self, version: TariffVersion) -> SafeString:
        return format_html("<pre>{}</pre>", exact_dumps(version.content, indent=2))


@admin.register(TariffAssignment)
class TariffAssignmentAdmin(ReadOnlyAdmin):
    list_display = (
        "tariff", "scope", "target_shown", "is_ad_hoc", "valid_from", "valid_until", "created_by",
    )  # fmt: skip
    list_filter = ("scope", "is_ad_hoc")
    search_fields = ("tariff__name", "tariff__code", "station__station_id")
    date_hierarchy = "valid_from"

    def get_queryset(self, request: HttpRequest) -> QuerySet[TariffAssignment]:
        return assignments_of()

    @admin.display(description=_("where or for whom"))
    def target_shown(self, assignment: TariffAssignment) -> str:
        return target_name(assignment) or "–"
