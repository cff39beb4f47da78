"""From what the reader says to the field and the rule."""

import re

import msgspec

from apps.ocpi.objects.errors import WireError
from apps.ocpi.objects.fields import PATTERN_RULES

_MISSING = re.compile(r"Object missing required field `(.*)`")
_PATTERN = "Expected `str` matching regex "
_PATTERNS = {_PATTERN + repr(pattern): rule for pattern, rule in PATTERN_RULES.items()}
_MOST_RULE = 200
_ANY = msgspec.json.Decoder(float_hook=str)
REFUSALS = (msgspec.DecodeError, UnicodeError, RecursionError, ValueError)
"""What the reader says; a ValidationError is a DecodeError too."""


def refusal(error: Exception, raw: bytes | str) -> WireError:
    """The WireError of what the reader of a text said."""
    if not isinstance(error, msgspec.ValidationError):
        return malformed(error)
    try:
        # A rule may be broken before the place where the text stops being JSON.
        _ANY.decode(raw)
    except msgspec.ValidationError:
        return problem(error)
    except REFUSALS as broken:
        return malformed(broken)
    return problem(error)


def problem(refused: msgspec.ValidationError) -> WireError:
    """The WireError of a value that breaks a rule."""
    text, _mark, path = str(refused).rpartition(" - at `")
    if not _mark:
        text, path = str(refused), ""
    field = path.removesuffix("`").removeprefix("key in ").removeprefix("$").removeprefix(".")
    if found := _MISSING.fullmatch(text):
        field = f"{field}.{found[1]}" if field else found[1]
        return WireError(field, "required", is_missing=True)
    return WireError(field, _rule(text))


def _rule(text: str) -> str:
    """In plain words, without what a log or a database cannot hold, and not longer than a line."""
    rule = _PATTERNS.get(text, text)[:_MOST_RULE]
    return "".join(sign if sign.isprintable() else "?" for sign in rule)


def malformed(broken: Exception) -> WireError:
    """The WireError of what is no JSON."""
    if isinstance(broken, RecursionError):
        return WireError("", "nested too deeply", is_malformed=True)
    return WireError("", f"not JSON: {_rule(str(broken))}", is_malformed=True)
