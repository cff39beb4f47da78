"""Tokens of our customers are told to charge point operators; there is no deleting (§12.2.2)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Upper

from apps.chargers.models import IdToken
from apps.ocpi.choices import ObjectKind
from apps.ocpi.models import Partner, Party, Published
from apps.ocpi.selectors.audience import owner_of
from apps.ocpi.selectors.tokens_out import token_content, token_of, tokens_after
from apps.ocpi.services.published import (
    Shelf,
    Written,
    published_rows,
    published_write,
    shelf_lock,
)
from apps.ocpi.services.push_queue import Push, pushes_add, whole_object
from cariflex.common.exact_json import exact_loads

MOST_AT_ONCE = 1000
_VALID = {"valid", "last_updated"}
_DEFAULT_TYPE = "RFID"


@transaction.atomic
def token_publish(id_token_pk: int, now: datetime) -> bool:
    """Publish a token, or that one was removed; True when partners are told something."""
    party = owner_of(ObjectKind.TOKENS)
    if party is None:
        return False
    shelf = shelf_lock(ObjectKind.TOKENS, None)
    token = token_of(id_token_pk)
    if token is None:
        return _end_removed(shelf, party, now) > 0
    return _publish(shelf, party, [token], now) > 0


def tokens_publish(*, now: datetime) -> int:
    """Publish what changed of all tokens, some at a time; gives how many changed.

    What is on the list no more is told to be valid no more.
    """
    party = owner_of(ObjectKind.TOKENS)
    if party is None:
        return 0
    last, count = 0, 0
    while True:
        with transaction.atomic():
            shelf = shelf_lock(ObjectKind.TOKENS, None)
            tokens = tokens_after(last, most=MOST_AT_ONCE)
            count += _publish(shelf, party, tokens, now) if tokens else 0
        if len(tokens) < MOST_AT_ONCE:
            break
        last = tokens[-1].pk
    with transaction.atomic():
        shelf = shelf_lock(ObjectKind.TOKENS, None)
        count += _end_removed(shelf, party, now)
    return count


def _publish(shelf: Shelf, party: Party, tokens: Sequence[IdToken], now: datetime) -> int:
    rows = published_rows(shelf, party, [token.id_token for token in tokens])
    due: list[tuple[Published | None, dict[str, Any]]] = [
        (rows.get(token.id_token.upper()), token_content(token, party, now=now)) for token in tokens
    ]
    # Whoever never knew a token need not know that it is not valid.
    due = [(row, content) for row, content in due if row is not None or content["valid"]]
    written = published_write(shelf, party, due, now=now)
    pushes_add(ObjectKind.TOKENS, None, written, _pushes)
    return len(written)


def _end_removed(shelf: Shelf, party: Party, now: datetime) -> int:
    """Tokens that partners take for valid and that are on the list no more."""
    known = IdToken.objects.annotate(capitals=Upper("id_token")).values("capitals")
    rows = (
        Published.objects.filter(kind=shelf.kind, audience=None, party=party)
        .filter(content__contains='"valid":true')
        .annotate(capitals=Upper("object_id"))
        .exclude(capitals__in=known)
    )
    due: list[tuple[Published | None, dict[str, Any]]] = [
        (row, {**exact_loads(row.content), "valid": False}) for row in rows[:MOST_AT_ONCE]
    ]
    written = published_write(shelf, party, due, now=now)
    pushes_add(ObjectKind.TOKENS, None, written, _pushes)
    return len(written)


def _pushes(written: Written, partner: Partner) -> list[Push]:
    """PUT, and PATCH for a token that only is not valid any more, or is again (§12.2.1)."""
    party, content, before = written.row.party, written.content, written.before or {}
    address = (party.country_code, party.party_id, written.row.object_id)
    # Each version has its own words for it.
    kind = exact_loads(written.text(partner.version))["type"]
    params = () if kind == _DEFAULT_TYPE else (("type", kind),)
    names = {name for name in {*content, *before} if content.get(name) != before.get(name)}
    if not before or not names <= _VALID:
        return [Push("PUT", address, pick=whole_object, params=params)]
    return [Push("PATCH", address, pick=_validity, whole=whole_object, params=params)]


def _validity(token: dict[str, Any]) -> dict[str, Any]:
    return {"valid": token["valid"], "last_updated": token["last_updated"]}
