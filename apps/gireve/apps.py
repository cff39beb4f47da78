from django.apps import AppConfig


class GireveConfig(AppConfig):
    """The place of the GIREVE integration. Nothing of it is built yet (docs/integrations.yaml)."""

    name = "apps.gireve"
    label = "gireve"
