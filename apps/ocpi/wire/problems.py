"""From what the reader says to the field and the rule."""

import re

import msgspec

from apps.ocpi.objects.errors import WireError

_MISSING = re.compile(r"Object missing required field `(.*)`")
_INDEX = re.compile(r"\[\.\.\.\]")
_PATTERNS = {
    r"\A[ -~]*\Z": "only printable ASCII is allowed",
}
_MOST_RULE = 200


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
    """In the words of the standard, and not longer than a log line."""
    if text.startswith("Expected `str` matching regex"):
        return f"a text of the form {text.partition('regex ')[2]} was expected"
    return text[:_MOST_RULE]


def malformed(broken: Exception) -> WireError:
    """The WireError of what is no JSON."""
    if isinstance(broken, RecursionError):
        return WireError("", "nested too deeply", is_malformed=True)
    return WireError("", f"not JSON: {str(broken)[:_MOST_RULE]}", is_malformed=True)
