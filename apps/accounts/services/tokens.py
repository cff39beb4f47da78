"""Tokens to the API: made once, shown once, revoked by deleting."""

from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts.models import ApiToken, User
from cariflex.common.errors import DomainError

LONGEST_LIFETIME = timedelta(days=366)
USE_NOTED_EVERY = timedelta(minutes=1)


@transaction.atomic
def token_create(
    *, user: User, name: str, lifetime: timedelta, created_by: User | None = None
) -> tuple[ApiToken, str]:
    """A token that acts as `user`: its row, and the key itself, which is not kept anywhere.

    Raises DomainError: `token.name_missing`, `token.lifetime`, `token.user_inactive`,
    `token.above_creator` (only a superuser makes the token of a superuser).
    """
    if not name.strip():
        raise DomainError("token.name_missing", "a name is needed", field="name")
    if not timedelta(0) < lifetime <= LONGEST_LIFETIME:
        raise DomainError(
            "token.lifetime", f"a token lives 1 to {LONGEST_LIFETIME.days} days", field="lifetime"
        )
    if not user.is_active:
        raise DomainError("token.user_inactive", "the user is not active", field="user")
    if user.is_superuser and created_by is not None and not created_by.is_superuser:
        raise DomainError(
            "token.above_creator", "only a superuser makes a superuser's token", field="user"
        )
    token, key = ApiToken.objects.create(
        user, expiry=lifetime, name=name.strip()[:80], created_by=created_by
    )
    return token, key


@transaction.atomic
def token_revoke(*, token: ApiToken) -> None:
    """From now on nobody logs in with this token."""
    token.delete()


def token_used(*, token: ApiToken, now: datetime) -> None:
    """Note the use, at most once a minute."""
    if token.last_used_at is not None and now - token.last_used_at < USE_NOTED_EVERY:
        return
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
