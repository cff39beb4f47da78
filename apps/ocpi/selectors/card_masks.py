"""The message log for people who may not see cards: their ids are cut to the last characters.

Nothing changes in what is stored. A body may be cut JSON: it is read as text, and what is not the
value of a card's field stays as it is, digit by digit.
"""

import json
import re
from collections.abc import Iterator
from urllib.parse import unquote

from apps.chargers.models import mask_token

CARD_NAMES = frozenset({"uid", "token_uid", "auth_id", "contract_id", "visual_number"})
"""Fields whose value names a card or its owner (Token, CdrToken; Session and CDR of 2.1.1)."""
_PROSE_NAMES = frozenset({"status_message"})
"""Sentences of whoever answered; they may repeat the card that was sent."""
_LOCATIONS, _TOKENS = "locations", "tokens"
_TEXT = r'"(?:[^"\\]|\\.)*'
_NUMBER = r"-?[0-9][^\s,}\]]*"
_MEMBER = re.compile(
    rf'(?P<name>{_TEXT}")(?P<colon>\s*:\s*)(?:(?P<text>{_TEXT})(?P<end>"?)|(?P<number>{_NUMBER}))'
    rf'|{_TEXT}"?',
    re.DOTALL,
)
"""A member of an object, or else a text: so nothing inside a text is taken for a member."""
_BELOW_TOKENS = re.compile(r"/tokens/([^?#]*)", re.IGNORECASE)
_OBJECT = re.compile(r"/[A-Z]{2}/[A-Z0-9]{3}/([^/?#]+)", re.IGNORECASE)
_ASKED = re.compile(r"/([^/?#]+)/authorize(?![^/?#])", re.IGNORECASE)
_SEGMENT = re.compile(r"[^/]+")
_PARAMETER = re.compile(r"[?&]([^=&]+)=([^&]+)")
_PARTY = (2, 3)
"""Characters of a country code and of a party id, which come before a card."""
# 4, 7 or 10 bytes of a chip as hexadecimal digits, and contracts (ISO 15118 eMAID).
_CARD_LIKE = re.compile(
    r"\b(?=[A-Z*-]*[0-9])(?:[0-9A-F]{20}|[0-9A-F]{14}|[0-9A-F]{8}|[A-Z]{2}[-*]?[A-Z0-9]{3}[-*]?C?[A-Z0-9]{8,9}"
    r"(?:[-*]?[A-Z0-9])?)\b",
    re.IGNORECASE,
)


def path_masked(path: str, module: str) -> str:
    """An address without the card that it names."""
    for start, end in sorted(set(_cards(path, module)), reverse=True):
        path = path[:start] + mask_token(unquote(path[start:end])) + path[end:]
    return path


def body_masked(body: str, module: str) -> str:
    """A body, JSON or the beginning of one, without the cards that it names.

    A `uid` in the module locations is an EVSE's, and stays.
    """
    names = CARD_NAMES - {"uid"} if module == _LOCATIONS else CARD_NAMES
    return _MEMBER.sub(lambda found: _member(found, names), body)


def error_masked(error: str, path: str, module: str) -> str:
    """What went wrong, without the card of the address and what looks like one."""
    for start, end in _cards(path, module):
        card = unquote(path[start:end])
        error = re.sub(re.escape(card), mask_token(card), error, flags=re.IGNORECASE)
    return _prose(error)


def order_key_masked(order_key: str) -> str:
    """The name of an object that waits for a partner, such as `tokens:•••C3D4`."""
    kind, _separator, object_id = order_key.partition(":")
    return f"{kind}:{mask_token(object_id)}" if kind == _TOKENS and object_id else order_key


def _cards(path: str, module: str) -> Iterator[tuple[int, int]]:
    """Where in an address cards stand: [start, end)."""
    for found in _PARAMETER.finditer(path):
        if found[1].lower() in CARD_NAMES:
            yield found.span(2)
    below = _BELOW_TOKENS.search(path)
    if below is not None:
        yield from _segments(path, below)
    elif module == _TOKENS:
        # A partner may call its endpoint as it likes.
        for pattern in (_OBJECT, _ASKED):
            for found in pattern.finditer(path):
                yield found.span(1)


def _segments(path: str, below: re.Match[str]) -> Iterator[tuple[int, int]]:
    spans = [one.span() for one in _SEGMENT.finditer(path, *below.span(1))]
    sizes = tuple(end - start for start, end in spans[:2])
    is_object = len(spans) > len(_PARTY) and sizes == _PARTY
    for start, end in spans[len(_PARTY) :] if is_object else spans:
        if path[start:end].lower() != "authorize":
            yield start, end


def _member(found: re.Match[str], names: frozenset[str]) -> str:
    if found["name"] is None:
        return found[0]
    name = _plain(found["name"]).lower()
    if name not in names and name not in _PROSE_NAMES:
        return found[0]
    if found["text"] is None:
        value = found["number"]
    else:
        # The end of a value that was cut is not the end of the card.
        value = _plain(found["text"] + '"') if found["end"] else ""
    if name in _PROSE_NAMES:
        shown = _prose(value)
    else:
        shown = mask_token(value or "?")
    return f"{found['name']}{found['colon']}{json.dumps(shown, ensure_ascii=False)}"


def _plain(text: str) -> str:
    """What a JSON text says; as it stands when it says nothing that can be read."""
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        return text.strip('"')


def _prose(text: str) -> str:
    return _CARD_LIKE.sub(lambda found: mask_token(found[0]), text)
