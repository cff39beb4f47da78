from django.apps import AppConfig


class OcpiConfig(AppConfig):
    """The place of the OCPI integration. Nothing of it is built yet (docs/integrations.yaml)."""

    name = "apps.ocpi"
    label = "ocpi"
