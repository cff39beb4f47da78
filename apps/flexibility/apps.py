from django.apps import AppConfig


class FlexibilityConfig(AppConfig):
    name = "apps.flexibility"
    label = "flexibility"
