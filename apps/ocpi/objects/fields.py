"""The types of OCPI fields (2.2.1 §17, 2.3.0 §17) as msgspec annotations.

How strictly they are read:

- CiString: printable ASCII, at most so many characters. Identifiers are never empty.
- string: at most so many characters, no control characters. `Prose*` (texts for people, signed
  meter values, keys) may hold tabs and line breaks: partners send them, and they do no harm.
- DateTime: RFC 3339 in UTC, with `Z` or nothing, at most milliseconds. An offset is refused, even
  `+00:00`.
- number: a JSON number; every digit is kept. NaN, texts and what is beyond 10^15 or finer than
  10^-15 are refused.
- int: a JSON number without a fraction (`230.0` is 230), in 32 bits.
- URL: absolute, `http` or `https`, at most 255 characters.
- `Term`: a value of an OpenEnum, or of a list of words that grows with each version
  (capabilities, facilities, connector standards, ...): any word is kept, known or not. All other
  enumerations (status, roles, kinds of tokens and of prices, ...) are strict.
- Fields that are not known are ignored. `null` is the same as absent where a field is optional.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from msgspec import Meta, Struct

T = TypeVar("T")

_PRINTABLE_ASCII = r"\A[ -~]*\Z"
_PRINTABLE = r"\A[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*\Z"
_PROSE = r"\A[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]*\Z"
_URL = r"\A(?i:https?)://[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+\Z"
_CURRENCY = r"\A[A-Z]{3}\Z"
_VISIBLE = r"\A[!-~]{1,64}\Z"
_LATITUDE = r"\A-?[0-9]{1,2}\.[0-9]{5,7}\Z"
_LONGITUDE = r"\A-?[0-9]{1,3}\.[0-9]{5,7}\Z"
_HOUR = r"\A([0-1][0-9]|2[0-3]):[0-5][0-9]\Z"
_HOUR_END = r"\A(([0-1][0-9]|2[0-3]):[0-5][0-9]|24:00)\Z"
_DATE = r"\A([12][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z"

PATTERN_RULES = {
    _PRINTABLE_ASCII: "only printable ASCII is allowed",
    _PRINTABLE: "only printable characters are allowed",
    _PROSE: "only printable characters and line breaks are allowed",
    _URL: "an absolute http or https address was expected",
    _CURRENCY: "a currency of ISO 4217 was expected",
    _VISIBLE: "1 to 64 printable ASCII characters without spaces were expected",
    _LATITUDE: "decimal degrees such as 16.24125 were expected",
    _LONGITUDE: "decimal degrees such as -61.53361 were expected",
    _HOUR: "a time such as 08:30 was expected",
    _HOUR_END: "a time such as 08:30 was expected",
    _DATE: "a date such as 2026-11-23 was expected",
}
"""What each pattern asks for, in words."""


class Wire(Struct, kw_only=True, omit_defaults=True):
    """The base of every object: absent fields are None and are not written."""


if TYPE_CHECKING:
    DateTime = datetime
    Number = Decimal
    NumberOrText = Decimal
    Int = int
else:

    class _LooksLike(type):
        """isinstance(value, DateTime) holds for a datetime: msgspec asks after each reading."""

        stands_for: type

        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, cls.stands_for)

    class DateTime(metaclass=_LooksLike):
        """A datetime in UTC."""

        stands_for = datetime

    class Number(metaclass=_LooksLike):
        """A Decimal."""

        stands_for = Decimal

    class NumberOrText(metaclass=_LooksLike):
        """A Decimal, also from a text of digits."""

        stands_for = Decimal

    class Int(metaclass=_LooksLike):
        """An int."""

        stands_for = int


def _ci(length: int, at_least: int = 1) -> Meta:
    return Meta(min_length=at_least, max_length=length, pattern=_PRINTABLE_ASCII)


CountryCode = Annotated[str, Meta(min_length=2, max_length=2, pattern=_PRINTABLE_ASCII)]
PartyId = Annotated[str, Meta(min_length=3, max_length=3, pattern=_PRINTABLE_ASCII)]
Id36 = Annotated[str, _ci(36)]
Id39 = Annotated[str, _ci(39)]
Ci4 = Annotated[str, _ci(4, 0)]
HubPartyId = Annotated[str, _ci(5, 5)]
Ci25 = Annotated[str, _ci(25, 0)]
Ci32 = Annotated[str, _ci(32, 0)]
Ci36 = Annotated[str, _ci(36, 0)]
Ci48 = Annotated[str, _ci(48, 0)]
Ci255 = Annotated[str, _ci(255, 0)]
Term = Annotated[str, _ci(255)]
"""A word of an open list."""


def _text(length: int) -> Meta:
    return Meta(max_length=length, pattern=_PRINTABLE)


Str2 = Annotated[str, _text(2)]
Str3 = Annotated[str, _text(3)]
Str4 = Annotated[str, _text(4)]
Str10 = Annotated[str, _text(10)]
Str12 = Annotated[str, _text(12)]
Str16 = Annotated[str, _text(16)]
Str20 = Annotated[str, _text(20)]
Str45 = Annotated[str, _text(45)]
Str50 = Annotated[str, _text(50)]
Str64 = Annotated[str, _text(64)]
Str100 = Annotated[str, _text(100)]
Str255 = Annotated[str, _text(255)]
Str512 = Annotated[str, _text(512)]
Prose255 = Annotated[str, Meta(max_length=255, pattern=_PROSE)]
Prose512 = Annotated[str, Meta(max_length=512, pattern=_PROSE)]
Prose5000 = Annotated[str, Meta(max_length=5000, pattern=_PROSE)]
Currency = Annotated[str, Meta(pattern=_CURRENCY)]
"""ISO 4217."""
Url = Annotated[str, Meta(max_length=255, pattern=_URL)]

CredentialsToken = Annotated[str, Meta(pattern=_VISIBLE)]
"""1 to 64 printable characters without spaces (2.2.1 §7.3.1)."""
Latitude = Annotated[str, Meta(max_length=10, pattern=_LATITUDE)]
Longitude = Annotated[str, Meta(max_length=11, pattern=_LONGITUDE)]
HourMinute = Annotated[str, Meta(pattern=_HOUR)]
HourMinuteEnd = Annotated[str, Meta(pattern=_HOUR_END)]
"""24:00 is no time of the standard, but the only way to say the end of the day."""
LocalDate = Annotated[str, Meta(pattern=_DATE)]
Some = Meta(min_length=1)
"""Cardinality `+`: at least one."""

_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?Z?", re.ASCII)
_NUMBER_TEXT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_MOST_DIGITS = 15
_LONGEST_NUMBER = 64
_INT_RANGE = range(-(2**31), 2**31)


def date_time_read(value: object) -> datetime:
    """The instant of a DateTime; ValueError with the rule when it is none."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a date-time without a time zone")
        return value.astimezone(UTC)
    found = _DATE_TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(
            "a date-time in UTC such as 2026-11-23T16:35:00Z"
            " (no offset, at most 3 decimals) was expected"
        )
    at = datetime.fromisoformat(found[0])
    return at if at.tzinfo is UTC else at.replace(tzinfo=UTC)


def date_time_text(at: datetime) -> str:
    """As OCPI writes it: UTC with `Z`, milliseconds (cut, not rounded) when there are any."""
    if at.tzinfo is None:
        raise ValueError("a date-time without a time zone")
    at = at.astimezone(UTC)
    text = at.replace(tzinfo=None).isoformat(timespec="milliseconds")
    return text.removesuffix(".000") + "Z"


def decimal_read(text: str) -> Decimal:
    """The Decimal of a JSON number with a point or an exponent."""
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"a number of at most {_LONGEST_NUMBER} characters was expected")
    try:
        return Decimal(text)
    except InvalidOperation as beyond:
        raise ValueError("a number of at most 15 digits was expected") from beyond


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("a number was expected")
    number = Decimal(value)
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError("a number was expected")
    if exponent < -_MOST_DIGITS or (number and number.adjusted() >= _MOST_DIGITS):
        raise ValueError("a number of at most 15 digits before and after the point was expected")
    return number


def _number_or_text(value: object) -> Decimal:
    if isinstance(value, str) and _NUMBER_TEXT.fullmatch(value):
        value = Decimal(value)
    return _number(value)


def _int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("a whole number was expected")
    if isinstance(value, Decimal):
        if _number(value) != value.to_integral_value():
            raise ValueError("a whole number was expected")
        value = int(value)
    if value not in _INT_RANGE:
        raise ValueError("a whole number of 32 bits was expected")
    return value


_READERS: dict[Any, Callable[[object], Any]] = {
    DateTime: date_time_read,
    Number: _number,
    NumberOrText: _number_or_text,
    Int: _int,
}


def read_value(kind: type[T], value: object) -> T:
    """What msgspec asks for our own types (its `dec_hook`)."""
    read = _READERS.get(kind)
    if read is None:
        raise NotImplementedError(f"no reader for {kind}")
    result: T = read(value)
    return result
