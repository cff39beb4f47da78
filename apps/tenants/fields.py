"""Model fields that keep secrets."""

from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import models


class SecretUnreadable(Exception):
    """A stored secret cannot be read with CARIFLEX_FIELD_KEY."""


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Text that is encrypted at rest (Fernet: AES-128-CBC with HMAC) and clear in Python.

    For secrets that we must present ourselves. What others present to us is stored hashed.
    """

    def get_prep_value(self, value: Any) -> Any:
        if not value:
            return value
        return Fernet(settings.FIELD_KEY).encrypt(str(value).encode()).decode()

    def from_db_value(self, value: str | None, *_args: object) -> str | None:
        if not value:
            return value
        try:
            return Fernet(settings.FIELD_KEY).decrypt(value.encode()).decode()
        except InvalidToken as err:
            raise SecretUnreadable(f"{self.name}: CARIFLEX_FIELD_KEY does not fit") from err
