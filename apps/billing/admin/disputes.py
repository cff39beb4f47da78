"""Disputes with their history, in the operator's admin."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display

from apps.billing.choices import DisputeState
from apps.billing.models import Dispute, DisputeEvent
from apps.chargers.admin.base import ReadOnlyAdmin
from cariflex.common.badges import Badges


class DisputeEventInline(TabularInline):
    model = DisputeEvent
    fields = ("at", "act", "by_name", "text", "amount")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    inlines = (DisputeEventInline,)
    list_display = (
        "opened_at", "state_label", "reason", "account", "about", "claimed_amount",
        "granted_amount", "currency", "answer_by",
    )  # fmt: skip
    list_select_related = ("account", "cdr", "invoice_line", "partner_cdr")
    list_filter = ("state", "reason", "currency")
    search_fields = ("partner_reference", "cdr__reference", "account__name")
    date_hierarchy = "opened_at"

    @admin.display(description=_("about"))
    def about(self, dispute: Dispute) -> str:
        return str(dispute.cdr or dispute.invoice_line or dispute.partner_cdr)

    @display(
        description=_("state"),
        label=Badges(
            {
                DisputeState.OPEN: "danger",
                DisputeState.ANSWERED: "warning",
                DisputeState.ACCEPTED: "success",
                DisputeState.PARTLY_ACCEPTED: "success",
                DisputeState.REJECTED: None,
                DisputeState.WITHDRAWN: None,
            }
        ),
    )
    def state_label(self, dispute: Dispute) -> tuple[str, str]:
        return dispute.state, dispute.get_state_display()
