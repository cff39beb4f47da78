"""Price series, the documents they came from and the access to the source."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import display

from apps.markets.choices import DeliveryStatus, DocumentStatus
from apps.markets.models import (
    DeliveryDay,
    ImportedDocument,
    MarketCredentials,
    PriceSeries,
    PriceValue,
)
from apps.markets.services.fetch import delivery_day_retry
from cariflex.common.badges import Badges
from cariflex.common.time import utc_now


class ReadOnly:
    """What a source published is not edited."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(PriceSeries)
class PriceSeriesAdmin(ModelAdmin):
    list_display = ("area", "source", "currency", "market_time_zone")
    search_fields = ("area",)


@admin.register(MarketCredentials)
class MarketCredentialsAdmin(ModelAdmin):
    """Address and token are set by the command `market_source`; the token is never shown."""

    list_display = ("series", "base_url", "enabled", "updated_at")
    list_select_related = ("series",)
    search_fields = ("series__area",)
    fields = ("series", "base_url", "enabled", "updated_at")
    readonly_fields = ("series", "base_url", "updated_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(DeliveryDay)
class DeliveryDayAdmin(ModelAdmin):
    list_display = (
        "day",
        "series",
        "status_label",
        "attempts",
        "last_attempt_at",
        "next_attempt_at",
        "last_error",
    )
    list_select_related = ("series",)
    list_filter = ("status",)
    search_fields = ("series__area", "last_error")
    date_hierarchy = "day"
    actions = ("fetch_again",)
    readonly_fields = tuple(field.name for field in DeliveryDay._meta.fields)

    @display(
        description=_("status"),
        label=Badges(
            {
                DeliveryStatus.COMPLETE: "success",
                DeliveryStatus.NOT_PUBLISHED: "info",
                DeliveryStatus.MISSING: "info",
                DeliveryStatus.REFUSED: "danger",
                DeliveryStatus.UNREACHABLE: "warning",
            }
        ),
    )
    def status_label(self, delivery: DeliveryDay) -> tuple[str, str]:
        return delivery.status, delivery.get_status_display()

    @admin.action(description=_("Fetch again"), permissions=["change"])
    def fetch_again(self, request: HttpRequest, queryset: QuerySet[DeliveryDay]) -> None:
        count = 0
        for pk in queryset.values_list("pk", flat=True):
            delivery_day_retry(delivery_day_id=pk, now=utc_now())
            count += 1
        messages.info(
            request,
            ngettext("%(count)d day is fetched again.", "%(count)d days are fetched again.", count)
            % {"count": count},
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(ImportedDocument)
class ImportedDocumentAdmin(ReadOnly, ModelAdmin):
    list_display = (
        "received_at",
        "day",
        "series",
        "status_label",
        "document_id",
        "revision",
        "prices_new",
        "times_received",
        "error",
    )
    list_select_related = ("series",)
    list_filter = ("status",)
    search_fields = ("document_id", "error", "series__area")
    date_hierarchy = "received_at"
    exclude = ("raw",)
    readonly_fields = ("raw_text",)

    @display(
        description=_("status"),
        label=Badges(
            {
                DocumentStatus.IMPORTED: "success",
                DocumentStatus.NOT_PUBLISHED: "info",
                DocumentStatus.REFUSED: "danger",
            }
        ),
    )
    def status_label(self, document: ImportedDocument) -> tuple[str, str]:
        return document.status, document.get_status_display()

    @display(description=_("document as received"))
    def raw_text(self, document: ImportedDocument) -> str:
        return bytes(document.raw)[:50_000].decode("utf-8", errors="replace")


@admin.register(PriceValue)
class PriceValueAdmin(ReadOnly, ModelAdmin):
    list_display = ("start", "price_eur_per_mwh", "series", "published_at", "document")
    list_select_related = ("series", "document__series")
    search_fields = ("series__area", "document__document_id")
    date_hierarchy = "start"
    ordering = ("-start", "-published_at")
