"""Single values of OCPP payloads, whatever the version: what cannot be used is refused.

The codes are those of 2.x; a 1.6 socket spells them its own way (versions.error_code).
"""

import json
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from apps.chargers.ocpp.events import PayloadRefused
from cariflex.common.time import parse_rfc3339

# Wire unit -> (our unit, power of ten to shift by).
UNITS = {"Wh": ("kWh", -3), "kWh": ("kWh", 0), "W": ("kW", -3), "kW": ("kW", 0)}
_PLACES = Decimal("1e-9")
# Beyond any meter: a GWh register has 9 digits of kWh.
_LARGEST = Decimal("1e12")
_LARGEST_INTEGER = 2**62


def loads(text: str) -> Any:
    """JSON with every fraction as Decimal, so that the meter's digits survive."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)


def scaled(value: Any, exponent: int) -> Decimal:
    """The value times ten to the exponent, to 9 places; it may be a number or its text."""
    try:
        number = Decimal(value)
        if not number.is_finite():
            raise PayloadRefused("PropertyConstraintViolation", f"not a number: {value!r}")
        if abs(exponent) > 30 or number.adjusted() > 40:
            raise PayloadRefused("PropertyConstraintViolation", f"meter value {value} out of range")
        number = number.scaleb(exponent)
        if abs(number) >= _LARGEST:
            raise PayloadRefused("PropertyConstraintViolation", f"meter value {value} out of range")
        return number.quantize(_PLACES)
    except (InvalidOperation, ValueError, TypeError) as err:
        raise PayloadRefused("PropertyConstraintViolation", f"not a number: {value!r}") from err


def instant(text: str) -> datetime:
    """The aware instant of a date-time.

    A clock that lost its battery (1970, 2000) is believed here and doubted where it would be billed
    (ocpp.plausibility): what a station stored is not lost for it.
    """
    try:
        at = parse_rfc3339(text)
    except (ValueError, OverflowError) as err:
        raise PayloadRefused("FormatViolation", f"not a date-time: {text[:40]!r}") from err
    if not 1970 <= at.year < 2100:
        raise PayloadRefused("PropertyConstraintViolation", f"the clock says {text[:40]!r}")
    return at


def printable(value: str, name: str, *, empty: bool = False) -> str:
    """The text without spaces around it; refused when it cannot be printed, or is empty."""
    text = value.strip()
    if not text and not empty:
        raise PayloadRefused("PropertyConstraintViolation", f"{name} is empty")
    if not text.isprintable():
        raise PayloadRefused("FormatViolation", f"{name} has characters that are not printable")
    return text


def storable(value: str, name: str) -> str:
    """The text as it is; refused when it has what no column can keep."""
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise PayloadRefused("FormatViolation", f"{name} has characters that cannot be kept")
    return value


def storable_json(value: Any) -> Any:
    """JSON with what no column can keep (NUL, half a surrogate pair) replaced."""
    if isinstance(value, dict):
        return {storable_json(name): storable_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [storable_json(inner) for inner in value]
    if isinstance(value, str):
        whole = value.replace("\x00", "\N{REPLACEMENT CHARACTER}")
        return whole.encode("utf-8", "replace").decode()
    return value


def count(value: Any, name: str) -> int:
    """An integer of at least 0."""
    number = integer(value)
    if number < 0:
        raise PayloadRefused("PropertyConstraintViolation", f"{name} is negative")
    return number


def number_of(value: Any, name: str) -> int:
    """The number of an EVSE or connector: 0 to 32,767."""
    number = count(value, name)
    if number > 32_767:
        raise PayloadRefused("PropertyConstraintViolation", f"{name} is out of range")
    return number


def integer(value: Any) -> int:
    """A whole number that a column can hold."""
    if isinstance(value, Decimal) and value.adjusted() > 18:
        raise PayloadRefused("PropertyConstraintViolation", "an integer is out of range")
    # JSON schema takes 3.0 as an integer (draft 6).
    number = int(value)
    if number != value or abs(number) > _LARGEST_INTEGER:
        raise PayloadRefused("PropertyConstraintViolation", f"not a usable integer: {value}")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
