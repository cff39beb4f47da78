"""Wildcards of webhooks: `*` stands for any characters, also none; everything else is itself."""

from collections.abc import Iterable

ANYTHING = "*"


def is_match(pattern: str, text: str) -> bool:
    """True when the whole text fits; takes time in proportion to both, whatever the pattern."""
    first, *rest = pattern.split(ANYTHING)
    if not rest:
        return pattern == text
    *middle, last = rest
    if len(text) < len(first) + len(last):
        return False
    if not (text.startswith(first) and text.endswith(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def is_any_match(patterns: Iterable[str], text: str) -> bool:
    """True when one of the patterns fits."""
    return any(is_match(pattern, text) for pattern in patterns)
