import importlib
import pkgutil

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OcpiConfig(AppConfig):
    name = "apps.ocpi"
    label = "ocpi"
    verbose_name = _("Roaming")

    def ready(self) -> None:
        # Not at the top: the modules need the models, which are loaded by now.
        from apps.ocpi import checks  # noqa: F401 - it registers itself
        from apps.ocpi.ports_in import connect
        from apps.ocpi.server import modules
        from apps.ocpi.services import push, remote_profile_news, remote_results
        from apps.ocpi.subscribers import subscribe_publishing
        from apps.outbox.registry import register

        # Each registers its handlers (apps.ocpi.server.routes.serve).
        for module in pkgutil.iter_modules(modules.__path__, f"{modules.__name__}."):
            importlib.import_module(module.name)
        register(push.FAMILY, push.deliver, push.POLICY)
        subscribe_publishing()
        connect()
        register(remote_results.DESTINATION, remote_results.result_deliver, remote_results.POLICY)
        register(
            remote_profile_news.DESTINATION,
            remote_profile_news.news_deliver,
            remote_profile_news.POLICY,
        )
