from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    label = "accounts"
    verbose_name = _("Users")

    def ready(self) -> None:
        from apps.accounts.binding import bind_session

        user_logged_in.connect(bind_session, dispatch_uid="accounts.bind_session")
