"""Users belong to one operator: each schema has its own table."""

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _
from knox.models import AbstractAuthToken


class User(AbstractUser):  # type: ignore[django-manager-missing] # auth_token_set is untyped
    """A person, or a partner's machine, that logs in at one operator."""

    class Meta(AbstractUser.Meta):
        verbose_name = _("user")
        verbose_name_plural = _("users")


class ApiToken(AbstractAuthToken):  # type: ignore[misc]
    """A key to the API that acts as its user until it expires; only its hash is kept.

    `token_key` is the beginning of the key, by which its row is found and people tell keys apart.
    """

    name = models.CharField(
        _("name"), max_length=80, help_text=_("Where the token is kept: a gateway, a partner.")
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("created by"),
    )
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    """To the minute: a request in between does not write it again."""

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ("-created",)

    def __str__(self) -> str:
        return f"{self.name} ({self.token_key}…)"
