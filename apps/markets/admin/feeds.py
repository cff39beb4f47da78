"""Feeds, what is asked of them and what came back."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import display

from apps.markets.admin.base import ReadOnly
from apps.markets.choices import CallOutcome, DeliveryStatus, DocumentStatus, FeedState
from apps.markets.models import FeedAccess, FeedCall, FeedRequest, ImportedDocument
from apps.markets.services.feeds.engine import feed_request_retry
from cariflex.common.badges import Badges
from cariflex.common.time import utc_now


@admin.register(FeedAccess)
class FeedAccessAdmin(ReadOnly, ModelAdmin):
    """Set up on the page of sources or by command; the token is never shown."""

    list_display = (
        "feed",
        "area",
        "state_label",
        "enabled",
        "base_url",
        "last_success_at",
        "paused_until",
        "last_error",
    )
    list_filter = ("feed", "state", "enabled")
    search_fields = ("area", "last_error")
    exclude = ("token",)

    @display(
        description=_("state"),
        label=Badges(
            {
                FeedState.WORKING: "success",
                FeedState.NEW: "info",
                FeedState.NOT_PUBLISHED: "info",
                FeedState.QUOTA: "warning",
                FeedState.UNREACHABLE: "warning",
                FeedState.REFUSED: "danger",
                FeedState.UNAUTHORISED: "danger",
            }
        ),
    )
    def state_label(self, access: FeedAccess) -> tuple[str, str]:
        return access.state, access.get_state_display()


@admin.register(FeedRequest)
class FeedRequestAdmin(ModelAdmin):
    list_display = (
        "day",
        "access",
        "request",
        "status_label",
        "attempts",
        "last_attempt_at",
        "next_attempt_at",
        "last_error",
    )
    list_select_related = ("access",)
    list_filter = ("status", "access__feed")
    search_fields = ("access__area", "request", "last_error")
    date_hierarchy = "day"
    actions = ("fetch_again",)
    readonly_fields = tuple(field.name for field in FeedRequest._meta.fields)

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
    def status_label(self, request: FeedRequest) -> tuple[str, str]:
        return request.status, request.get_status_display()

    @admin.action(description=_("Fetch again"), permissions=["change"])
    def fetch_again(self, request: HttpRequest, queryset: QuerySet[FeedRequest]) -> None:
        count = 0
        for pk in queryset.values_list("pk", flat=True):
            feed_request_retry(request_id=pk, now=utc_now())
            count += 1
        messages.info(
            request,
            ngettext("%(count)d day is fetched again.", "%(count)d days are fetched again.", count)
            % {"count": count},
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(FeedCall)
class FeedCallAdmin(ReadOnly, ModelAdmin):
    list_display = (
        "at",
        "access",
        "request",
        "day",
        "outcome_label",
        "http_status",
        "values_new",
        "error",
    )
    list_select_related = ("access",)
    list_filter = ("outcome", "access__feed")
    search_fields = ("request", "error")
    date_hierarchy = "at"

    @display(
        description=_("outcome"),
        label=Badges(
            {
                CallOutcome.ANSWERED: "success",
                CallOutcome.RUNNING: "info",
                CallOutcome.NOTHING: "info",
                CallOutcome.QUOTA: "warning",
                CallOutcome.FAILED: "warning",
                CallOutcome.REFUSED: "danger",
            }
        ),
    )
    def outcome_label(self, call: FeedCall) -> tuple[str, str]:
        return call.outcome, call.get_outcome_display()


@admin.register(ImportedDocument)
class ImportedDocumentAdmin(ReadOnly, ModelAdmin):
    list_display = (
        "received_at",
        "day",
        "access",
        "request",
        "status_label",
        "document_id",
        "revision",
        "values_new",
        "times_received",
        "error",
    )
    list_select_related = ("access",)
    list_filter = ("status", "access__feed")
    search_fields = ("document_id", "name", "error", "access__area")
    date_hierarchy = "received_at"
    exclude = ("raw",)
    readonly_fields = ("raw_text",)

    @display(
        description=_("status"),
        label=Badges(
            {
                DocumentStatus.IMPORTED: "success",
                DocumentStatus.PARTLY: "warning",
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportedDocument]:
        # A list of a hundred documents must not read a hundred megabytes.
        return super().get_queryset(request).defer("raw")
