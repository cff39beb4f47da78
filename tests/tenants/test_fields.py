from typing import Any

import pytest
from cryptography.fernet import Fernet

from apps.tenants.fields import EncryptedTextField, SecretUnreadable


def test_a_secret_is_not_stored_in_clear() -> None:
    stored = EncryptedTextField().get_prep_value("token-of-a-partner")

    assert "token-of-a-partner" not in stored
    assert EncryptedTextField().from_db_value(stored) == "token-of-a-partner"


def test_a_wrong_key_is_named(settings: Any) -> None:
    field = EncryptedTextField(name="token")
    stored = field.get_prep_value("t")
    settings.FIELD_KEY = Fernet.generate_key().decode()

    with pytest.raises(SecretUnreadable, match="CARIFLEX_FIELD_KEY does not fit"):
        field.from_db_value(stored)


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_secret_stays_empty(empty: str | None) -> None:
    assert EncryptedTextField().get_prep_value(empty) == empty
    assert EncryptedTextField().from_db_value(empty) == empty
