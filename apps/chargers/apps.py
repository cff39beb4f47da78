from django.apps import AppConfig
from django.utils.translation import pgettext_lazy


class ChargersConfig(AppConfig):
    name = "apps.chargers"
    label = "chargers"
    verbose_name = pgettext_lazy("section", "Charging")

    def ready(self) -> None:
        # Not at the top: AppConfig modules load before Django's settings are ready.
        from apps.assets.ports import register_site_load
        from apps.chargers.choices import BackEnd
        from apps.chargers.csms.citrineos.carrier import CitrineCarrier
        from apps.chargers.csms.native import handlers  # noqa: F401 - they register themselves
        from apps.chargers.csms.native.carrier import ChannelCarrier
        from apps.chargers.csms.port import NATIVE, register_csms
        from apps.chargers.ports import register_payment_provider
        from apps.chargers.services import webhooks
        from apps.chargers.services.ad_hoc import payments, rehearsal
        from apps.chargers.site_load import ChargingLoad
        from apps.chargers.subscribers import subscribe_all
        from apps.outbox.registry import register

        register_csms(NATIVE, ChannelCarrier())
        register_csms(BackEnd.CITRINEOS, CitrineCarrier())
        register_site_load(ChargingLoad())
        register_payment_provider(rehearsal.NAME, rehearsal.TestProvider())
        register(payments.DESTINATION, payments.payment_deliver, payments.POLICY)
        subscribe_all()
        register(webhooks.DESTINATION, webhooks.webhook_deliver, webhooks.POLICY)
