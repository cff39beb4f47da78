"""Settlements with partners, their CDRs, and closed months, in the operator's admin."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display

from apps.billing.admin.invoices import BillingDialog, each_row
from apps.billing.choices import PartnerCdrKind, SettlementDirection, SettlementState
from apps.billing.models import MonthClosing, PartnerCdr, Settlement
from apps.billing.months import month_parse
from apps.billing.services.closing import month_close
from apps.billing.services.settlements import (
    settlement_confirm,
    settlement_dispute,
    settlement_reopen,
    settlements_make,
)
from apps.chargers.admin.base import ReadOnlyAdmin, text_field
from cariflex.common.badges import Badges
from cariflex.common.time import utc_now

CLOSE = "billing.close_month"


class StatementsForm(BillingDialog):
    """Of which month statements are made."""

    month = text_field(_("Month"), max_length=7, help_text=_("Such as 2026-03."))

    def ask(self) -> list[Settlement]:
        return settlements_make(month=month_parse(self.cleaned_data["month"]))


class CloseForm(BillingDialog):
    """Which month is closed."""

    month = text_field(_("Month"), max_length=7, help_text=_("Such as 2026-03."))

    def ask(self) -> MonthClosing:
        return month_close(
            month=month_parse(self.cleaned_data["month"]), by=self.request.user, now=utc_now()
        )


@admin.register(Settlement)
class SettlementAdmin(ReadOnlyAdmin):
    list_display = (
        "account", "month_shown", "direction_label", "state_label", "cdr_count", "energy_shown",
        "net", "tax", "hub_fee", "total", "currency",
    )  # fmt: skip
    list_select_related = ("account",)
    list_filter = ("state", "direction", "currency")
    search_fields = ("account__code", "account__name", "partner_invoice_reference")
    date_hierarchy = "month"
    actions = ("confirm", "dispute", "reopen")
    actions_list = ("make_statements",)

    @admin.display(description=_("month"), ordering="month")
    def month_shown(self, settlement: Settlement) -> str:
        return f"{settlement.month:%Y-%m}"

    @admin.display(description=_("energy (kWh)"), ordering="energy_kwh")
    def energy_shown(self, settlement: Settlement) -> str:
        return f"{settlement.energy_kwh:.3f}"

    @display(
        description=_("direction"),
        label=Badges(
            {SettlementDirection.RECEIVABLE: "success", SettlementDirection.PAYABLE: "warning"}
        ),
    )
    def direction_label(self, settlement: Settlement) -> tuple[str, str]:
        return settlement.direction, settlement.get_direction_display()

    @display(
        description=_("state"),
        label=Badges(
            {
                SettlementState.DRAFT: None,
                SettlementState.CONFIRMED: "success",
                SettlementState.DISPUTED: "danger",
            }
        ),
    )
    def state_label(self, settlement: Settlement) -> tuple[str, str]:
        return settlement.state, settlement.get_state_display()

    def has_settle_permission(self, request: HttpRequest, *_object_id: Any) -> bool:
        return request.user.has_perm("billing.change_settlement")

    @admin.action(description=_("Confirm"), permissions=["settle"])
    def confirm(self, request: HttpRequest, queryset: QuerySet[Settlement]) -> None:
        done = each_row(
            request,
            queryset,
            lambda pk: settlement_confirm(settlement_id=pk, by=request.user),  # type: ignore[arg-type]
        )
        self._tell(request, done)

    @admin.action(description=_("Partner disputes it"), permissions=["settle"])
    def dispute(self, request: HttpRequest, queryset: QuerySet[Settlement]) -> None:
        self._tell(
            request, each_row(request, queryset, lambda pk: settlement_dispute(settlement_id=pk))
        )

    @admin.action(description=_("Back to a draft"), permissions=["settle"])
    def reopen(self, request: HttpRequest, queryset: QuerySet[Settlement]) -> None:
        self._tell(
            request, each_row(request, queryset, lambda pk: settlement_reopen(settlement_id=pk))
        )

    @action(
        description=_("Make statements…"),
        permissions=["settle"],
        url_path="make-statements",
        dialog={
            "title": _("Make the statements of a month"),
            "description": _("Those that are not confirmed are made anew."),
            "form_class": StatementsForm,
            "form_submit_text": _("Make"),
        },  # type: ignore[arg-type]
    )
    def make_statements(self, request: HttpRequest, form: StatementsForm) -> HttpResponse:
        self._tell(request, len(form.result))
        return HttpResponse(headers={"HX-Redirect": reverse("admin:billing_settlement_changelist")})

    def _tell(self, request: HttpRequest, done: int) -> None:
        text = ngettext("%(count)d settlement is done.", "%(count)d settlements are done.", done)
        messages.info(request, text % {"count": done})


@admin.register(MonthClosing)
class MonthClosingAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "closed_at", "closed_by")
    list_select_related = ("closed_by",)
    date_hierarchy = "month"
    actions_list = ("close",)

    def has_close_permission(self, request: HttpRequest, *_object_id: Any) -> bool:
        return request.user.has_perm(CLOSE)

    @action(
        description=_("Close a month…"),
        permissions=["close"],
        url_path="close",
        dialog={
            "title": _("Close a month"),
            "description": _("It is never opened again; what comes later is booked after it."),
            "form_class": CloseForm,
            "form_submit_text": _("Close for good"),
        },  # type: ignore[arg-type]
    )
    def close(self, request: HttpRequest, form: CloseForm) -> HttpResponse:
        messages.success(request, _("The month %s is closed.") % form.result)
        name = "admin:billing_monthclosing_changelist"
        return HttpResponse(headers={"HX-Redirect": reverse(name)})


@admin.register(PartnerCdr)
class PartnerCdrAdmin(ReadOnlyAdmin):
    list_display = (
        "partner_reference", "account", "kind_label", "ended_at", "energy_shown", "net", "tax",
        "currency", "is_credit",
    )  # fmt: skip
    list_select_related = ("account",)
    list_filter = ("kind", "is_credit", "currency")
    search_fields = ("partner_reference", "account__code", "account__name")
    date_hierarchy = "ended_at"

    @admin.display(description=_("energy (kWh)"), ordering="energy_kwh")
    def energy_shown(self, cdr: PartnerCdr) -> str:
        return f"{cdr.energy_kwh:.3f}"

    @display(
        description=_("kind"),
        label=Badges({PartnerCdrKind.RECEIVED: "info", PartnerCdrKind.COPY: None}),
    )
    def kind_label(self, cdr: PartnerCdr) -> tuple[str, str]:
        return cdr.kind, cdr.get_kind_display()
