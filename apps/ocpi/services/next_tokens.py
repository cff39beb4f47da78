"""A token that a partner was told but has not confirmed: it opens the door beside the old one.

While a rotation is under way the partner reads our versions with the new token before it answers
(2.2.1 credentials, PUT); should we be stopped then, either token is good until this one expires.
It lies in the cache as a hash: losing it costs a new try, nothing else.
"""

from typing import cast

from django.core.cache import cache

from apps.ocpi.models import Partner

KEPT_S = 3600


def next_token_keep(*, partner: Partner, hashed: str) -> None:
    """Let the partner in with this token too, for an hour."""
    cache.set(_key(hashed), partner.pk, KEPT_S)


def next_token_forget(*, hashed: str) -> None:
    """End what `next_token_keep` began."""
    cache.delete(_key(hashed))


def partner_pk_of_next_token(hashed: str) -> int | None:
    """The key of the partner that was told this token, None when nobody was."""
    return cast(int | None, cache.get(_key(hashed)))


def _key(hashed: str) -> str:
    return f"ocpi:next-token:{hashed}"
