from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    name = "apps.billing"
    label = "billing"
    verbose_name = _("Billing")

    def ready(self) -> None:
        # Not at the top: tasks and events need the models, which are loaded by now.
        from apps.billing.events import InvoiceIssued
        from apps.billing.pricing import TariffPricing
        from apps.billing.subscribers import (
            on_invoice_issued,
            on_prices_changed,
            on_session_ended,
        )
        from apps.chargers.events import SessionEnded, SessionRevised
        from apps.chargers.ports import register_pricing
        from apps.markets.events import PricesChanged
        from cariflex.common.events import subscribe

        register_pricing(TariffPricing())
        subscribe(SessionEnded, on_session_ended)
        subscribe(SessionRevised, on_session_ended)
        subscribe(InvoiceIssued, on_invoice_issued)
        subscribe(PricesChanged, on_prices_changed)
