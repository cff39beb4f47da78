"""Exact decimals: the one context, the one rounding, and how a number is written.

The rounding rule (docs/adr, "Exact lines"): amounts are exact. Only a quotient that does not end,
a step of ten minutes in hours or a price taken out of its tax, is rounded, once, at its line,
half-up, to `PLACES` decimals.
"""

from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow

PLACES = 12
QUANTUM = Decimal(1).scaleb(-PLACES)
ZERO = Decimal(0)
ONE = Decimal(1)
HUNDRED = Decimal(100)
SECONDS_PER_HOUR = Decimal(3600)
WH_PER_KWH = Decimal(1000)

# Inputs have at most 12 digits before the point and 12 after it: a product of three fits.
EXACT = Context(prec=90, rounding=ROUND_HALF_UP, traps=[DivisionByZero, InvalidOperation, Overflow])


def quotient(dividend: Decimal, divisor: Decimal) -> Decimal:
    """The quotient, exactly where it ends within `PLACES` decimals, else rounded half-up there."""
    rounded = EXACT.quantize(EXACT.divide(dividend, divisor), QUANTUM)
    return rounded.normalize(EXACT)


def plain(value: Decimal) -> str:
    """The number without exponent and without trailing zeros: "20.5", "0"."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def money(value: Decimal) -> str:
    """The amount exactly, with two decimals at least: "10.30", "13.9751"."""
    text = plain(value)
    whole, _, decimals = text.partition(".")
    return text if len(decimals) >= 2 else f"{whole}.{decimals:0<2}"
