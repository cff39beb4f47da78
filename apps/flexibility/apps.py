from django.apps import AppConfig


class FlexibilityConfig(AppConfig):
    name = "apps.flexibility"
    label = "flexibility"

    def ready(self) -> None:
        from apps.assets.ports import register_connection_limiter
        from apps.chargers.ports import register_needs_planner
        from apps.flexibility.connection_limits import GridLimiter
        from apps.flexibility.needs_planner import CarPlanner
        from apps.flexibility.services.slot_means import DESTINATION, POLICY, slot_means_deliver
        from apps.flexibility.subscribers import subscribe
        from apps.outbox.registry import register

        subscribe()
        register_needs_planner(CarPlanner())
        register_connection_limiter(GridLimiter())
        register(DESTINATION, slot_means_deliver, POLICY)
