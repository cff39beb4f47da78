from pathlib import Path

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apps.assets.drivers.map_library import library


class AssetsConfig(AppConfig):
    name = "apps.assets"
    label = "assets"
    verbose_name = _("Assets")

    def ready(self) -> None:
        for directory in settings.DEVICE_MAPS:
            library.add_directory(Path(directory))
