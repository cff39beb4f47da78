"""JSON of a version to objects and back; objects of a version to the model inside and back."""

import re
import threading
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from apps.ocpi.objects.context import NOTHING, Context
from apps.ocpi.objects.fields import date_time_text, decimal_read, read_value
from apps.ocpi.wire.bridges import down, up
from apps.ocpi.wire.checks import check
from apps.ocpi.wire.kinds import INSIDE, kind_of
from apps.ocpi.wire.problems import REFUSALS, malformed, problem, refusal

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_KEPT = (Decimal, datetime)
_FINER_THAN_MS = re.compile(rb'T\d\d:\d\d:\d\d\.\d{6}Z"')


_MAKING = threading.Lock()


def decoder_make(make: Callable[[], Any]) -> msgspec.json.Decoder[Any]:
    """The decoder of the type that `make` gives, made while no other thread makes one.

    msgspec (0.22) writes what it learns of a struct into the struct while it makes the first
    decoder; a second thread that uses it half written crashes the process.
    """
    with _MAKING:
        return msgspec.json.Decoder(make(), dec_hook=read_value, float_hook=decimal_read)


@cache
def _decoder(version: str, kind: str) -> msgspec.json.Decoder[Any]:
    return decoder_make(lambda: kind_of(version, kind))


def decode(version: str, kind: str, raw: bytes | str) -> Any:
    """The object of `raw` in the shape of the version; a list of them for "Versions".

    Raises WireError with the field and the rule, KeyError for a kind that the version lacks.
    """
    decoder = _decoder(version, kind)
    try:
        struct = decoder.decode(raw)
    except REFUSALS as refused:
        raise refusal(refused, raw) from None
    check(struct)
    return struct


def convert(version: str, kind: str, value: object) -> Any:
    """As `decode`, of values that were read from JSON already (numbers as Decimals)."""
    _decoder(version, kind)  # What it knows of the structs is what converting needs: made alone.
    try:
        struct = msgspec.convert(value, kind_of(version, kind), dec_hook=read_value)
    except msgspec.ValidationError as refused:
        raise problem(refused) from None
    except (RecursionError, ValueError) as broken:
        raise malformed(broken) from None
    check(struct)
    return struct


def encode(value: object) -> bytes:
    """JSON: Decimals as numbers with all their digits, absent fields left out, times with `Z`.

    Times finer than a millisecond are cut to it.
    """
    text = _ENCODER.encode(value)
    if _FINER_THAN_MS.search(text):
        # Rare: only times of our own clock that nobody cut. A text that looks like one is the
        # only other thing to come here, and stays as it is.
        text = _ENCODER.encode(as_plain(value))
    return text


def as_plain(value: object) -> Any:
    """Builtins and Decimals, times as text."""
    return _timed(msgspec.to_builtins(value, builtin_types=_KEPT))


def _timed(value: Any) -> Any:
    """Times as text, in place."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if not isinstance(inner, str):
                value[name] = _timed(inner)
        return value
    if isinstance(value, list):
        return [_timed(inner) for inner in value]
    return date_time_text(value) if isinstance(value, datetime) else value


def to_inside(version: str, struct: Any, *, context: Context = NOTHING) -> Any:
    """The object in the shape of 2.3.0. `context` says what 2.1.1 does not.

    Raises WireError when the object cannot be said inside.
    """
    return up(version, struct, context)


def from_inside(version: str, struct: Any, *, context: Context = NOTHING) -> Any:
    """The inside object in the shape of the version; what is lost: see the version's mapping.

    Raises WireError when the version cannot say it at all.
    """
    return down(version, struct, context)


def inside_dict(struct: Struct) -> dict[str, Any]:
    """As stored: builtins with Decimals, times as text, absent fields left out."""
    plain: dict[str, Any] = as_plain(struct)
    return plain


def inside_of(kind: str, content: object) -> Any:
    """The inside object of stored content; WireError when it does not hold the rules."""
    return convert(INSIDE, kind, content)


def envelope(payload: bytes | None, status_code: int, message: str = "", *, now: datetime) -> bytes:
    """The body of an answer (2.2.1 §4.1.7) around JSON that is written already."""
    head = b'{"data":' + payload + b"," if payload is not None else b"{"
    rest: dict[str, object] = {"status_code": status_code}
    if message:
        rest["status_message"] = message
    rest["timestamp"] = date_time_text(now)
    return head + _ENCODER.encode(rest)[1:]


def same_id(one: str, other: str) -> bool:
    """Whether two CiStrings are the same: case does not matter (2.2.1 §17.1)."""
    return one.upper() == other.upper()
