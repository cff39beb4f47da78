"""Charge detail records, in the operator's admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldBooleanSwitchWidget

from apps.billing.admin.cdr_exports import CdrExports
from apps.billing.admin.invoices import BillingDialog
from apps.billing.models import Cdr
from apps.billing.selectors import cdr_totals
from apps.billing.services.credits import LONGEST_REASON, cdr_credit
from apps.chargers.admin.base import text_field, to_row
from cariflex.common.badges import Badges


class CreditForm(BillingDialog):
    """Why a CDR is taken back, and whether its session is priced anew."""

    reason = text_field(_("Reason"), max_length=LONGEST_REASON)
    reissue = forms.BooleanField(
        label=_("Issue a corrected CDR"), required=False, widget=UnfoldBooleanSwitchWidget()
    )

    def ask(self) -> tuple[Cdr, Cdr | None]:
        return cdr_credit(
            cdr_id=str(self.object_id),
            reason=self.cleaned_data["reason"],
            by=self.request.user,
            reissue=self.cleaned_data["reissue"],
        )


@admin.register(Cdr)
class CdrAdmin(CdrExports):
    list_display = (
        "reference", "kind_label", "month_shown", "account", "station_id", "commune",
        "started_at", "ended_at", "energy_shown", "net_shown", "vat_shown", "gross_shown",
        "currency", "id_token_masked",
    )  # fmt: skip
    list_select_related = ("account", "credited_by")
    list_filter = ("credit", "currency", "billing_month", "station_id")
    search_fields = ("reference", "station_id", "station_name", "commune", "transaction_id")
    date_hierarchy = "ended_at"
    exclude = (
        "id_token",
        "rating",
        "charging_periods",
        "tariff_content",
        "signed_data",
        "location",
    )
    readonly_fields = ("id_token_masked", "lines_shown", "periods_shown", "signed_shown")
    actions_detail = ("credit_it",)
    list_before_template = "billing/admin/cdr_totals.html"

    @display(
        description=_("kind"),
        label=Badges({"live": "success", "credit": "warning", "credited": "danger"}),
    )
    def kind_label(self, cdr: Cdr) -> tuple[str, str]:
        if cdr.credit:
            return "credit", _("Credit")
        return ("live", _("In force")) if cdr.is_live else ("credited", _("Taken back"))

    @admin.display(description=_("month"), ordering="billing_month")
    def month_shown(self, cdr: Cdr) -> str:
        return f"{cdr.billing_month:%Y-%m}"

    @admin.display(description=_("lines of the price"))
    def lines_shown(self, cdr: Cdr) -> SafeString:
        lines = ((line["excl_vat"], cdr.currency, line["reason"]) for line in cdr.rating["lines"])
        return format_html_join("", "<div>{} {}: {}</div>", lines)

    @admin.display(description=_("charging periods"))
    def periods_shown(self, cdr: Cdr) -> SafeString:
        periods = (
            (
                period["start_date_time"],
                ", ".join(f"{one['type']} {one['volume']}" for one in period["dimensions"]),
            )
            for period in cdr.charging_periods
        )
        return format_html_join("", "<div>{}: {}</div>", periods)

    @admin.display(description=_("signed meter values"))
    def signed_shown(self, cdr: Cdr) -> SafeString:
        values = ((one["at"], one["context"], one["signed_data"]) for one in cdr.signed_data)
        return format_html_join("", "<div>{} {}: <code>{}</code></div>", values)

    def has_credit_permission(self, request: HttpRequest, *_object_id: Any) -> bool:
        return request.user.has_perm("billing.credit_cdr")

    @action(
        description=_("Credit…"),
        permissions=["credit"],
        url_path="credit",
        dialog={
            "title": _("Take this CDR back"),
            "description": _("The credit is kept for good, with your reason."),
            "form_class": CreditForm,
            "form_submit_text": _("Credit"),
        },  # type: ignore[arg-type]
    )
    def credit_it(self, request: HttpRequest, form: CreditForm, object_id: str) -> HttpResponse:
        credit, corrected = form.result
        return to_row(corrected or credit)

    @admin.display(description=_("energy (kWh)"), ordering="energy_kwh")
    def energy_shown(self, cdr: Cdr) -> str:
        return f"{cdr.sign * cdr.energy_kwh:.3f}"

    @admin.display(description=_("total excl. VAT"), ordering="total_excl_vat")
    def net_shown(self, cdr: Cdr) -> str:
        return f"{cdr.net_rounded}"

    @admin.display(description=_("VAT"), ordering="vat")
    def vat_shown(self, cdr: Cdr) -> str:
        return f"{cdr.vat_rounded}"

    @admin.display(description=_("total incl. VAT"), ordering="total_incl_vat")
    def gross_shown(self, cdr: Cdr) -> str:
        return f"{cdr.gross_rounded}"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None)
        if context and "cl" in context:
            context["cdr_totals"] = cdr_totals(context["cl"].queryset)
            context["may_export_cdrs"] = self.has_export_permission(request)
            context["may_export_xlsx"] = self.has_xlsx_permission(request)
        return response
