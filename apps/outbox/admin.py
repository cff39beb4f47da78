"""The outbox in the admin: what waits, what was given up, send again."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import display

from apps.outbox.choices import MessageState
from apps.outbox.models import OutboxMessage
from apps.outbox.services import outbox_resend
from cariflex.common.badges import Badges


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ModelAdmin):
    list_display = (
        "id",
        "destination",
        "kind",
        "state_label",
        "attempts",
        "next_attempt_at",
        "last_error",
    )
    list_filter = ("state", "destination")
    search_fields = ("destination", "kind", "order_key", "dedupe_key")
    date_hierarchy = "created_at"
    actions = ("resend",)
    readonly_fields = tuple(
        field.name for field in OutboxMessage._meta.fields if field.name != "lease"
    )

    @display(
        description=_("state"),
        label=Badges(
            {
                MessageState.WAITING: "info",
                MessageState.DELIVERED: "success",
                MessageState.DEAD: "danger",
            }
        ),
    )
    def state_label(self, message: OutboxMessage) -> tuple[str, str]:
        return message.state, message.get_state_display()

    @admin.action(description=_("Send given-up messages again"), permissions=["change"])
    def resend(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        count = outbox_resend(message_ids=list(queryset.values_list("pk", flat=True)))
        messages.info(
            request,
            ngettext("%(count)d message waits again.", "%(count)d messages wait again.", count)
            % {"count": count},
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
