"""Charge detail records, in the operator's admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from apps.billing.admin.cdr_exports import CdrExports
from apps.billing.models import Cdr
from apps.billing.selectors import cdr_totals


@admin.register(Cdr)
class CdrAdmin(CdrExports):
    list_display = (
        "reference", "station_id", "commune", "started_at", "ended_at", "energy_shown",
        "net_shown", "vat_shown", "gross_shown", "currency", "id_token_masked",
    )  # fmt: skip
    list_filter = ("currency", "station_id")
    search_fields = ("reference", "station_id", "station_name", "commune", "transaction_id")
    date_hierarchy = "ended_at"
    exclude = ("id_token",)
    readonly_fields = ("id_token_masked",)
    list_before_template = "billing/admin/cdr_totals.html"

    @admin.display(description=_("energy (kWh)"), ordering="energy_kwh")
    def energy_shown(self, cdr: Cdr) -> str:
        return f"{cdr.energy_kwh:.3f}"

    @admin.display(description=_("total excl. VAT"), ordering="total_excl_vat")
    def net_shown(self, cdr: Cdr) -> str:
        return f"{cdr.total_excl_vat:.2f}"

    @admin.display(description=_("VAT"), ordering="vat")
    def vat_shown(self, cdr: Cdr) -> str:
        return f"{cdr.vat:.2f}"

    @admin.display(description=_("total incl. VAT"), ordering="total_incl_vat")
    def gross_shown(self, cdr: Cdr) -> str:
        return f"{cdr.total_incl_vat:.2f}"

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
