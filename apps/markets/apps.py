from django.apps import AppConfig


class MarketsConfig(AppConfig):
    name = "apps.markets"
    label = "markets"

    def ready(self) -> None:
        # Not at the top: AppConfig modules load before Django's settings are ready.
        from apps.markets.subscribers import subscribe

        subscribe()
