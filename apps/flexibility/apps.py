from django.apps import AppConfig


class FlexibilityConfig(AppConfig):
    name = "apps.flexibility"
    label = "flexibility"

    def ready(self) -> None:
        from apps.flexibility.services.slot_means import DESTINATION, POLICY, slot_means_deliver
        from apps.flexibility.subscribers import subscribe
        from apps.outbox.registry import register

        subscribe()
        register(DESTINATION, slot_means_deliver, POLICY)
