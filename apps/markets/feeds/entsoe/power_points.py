"""The points of a generation or load document, which has half a million of them in a year."""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from apps.markets.feeds.entsoe.curve import Span, stated_read
from apps.markets.feeds.entsoe.markup import any_namespace, fail, text

# The whole of continental Europe stays below 0.5 million MW; more is nonsense.
MAX_POWER_MW: Final = 1_000_000.0
_QUANTITY: Final = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?")
# Many texts at once, each followed by a space.
_POSITIONS: Final = re.compile(r"(?:[0-9]{1,6} )*+")
_QUANTITIES: Final = re.compile(rf"(?:{_QUANTITY.pattern} )*+")


def powers_stated(period: etree._Element, span: Span) -> dict[int, float]:
    """The MW that the points of a Period state, by position; DocumentError."""
    stated = _stated_in_bulk(period, span)
    return stated_read(period, span, _power_mw) if stated is None else stated


def _stated_in_bulk(period: etree._Element, span: Span) -> dict[int, float] | None:
    """What `stated_read` gives for points of the ordinary shape, several times faster.

    None where anything at all is unusual: then the other one reads it, or says what is wrong.
    """
    positions: list[str] = []
    quantities: list[str] = []
    try:
        for point, position, quantity in zip(
            period.iterchildren(any_namespace("Point")),
            period.iter(any_namespace("position")),
            period.iter(any_namespace("quantity")),
            strict=True,
        ):
            if quantity.getparent() is not point or position.getnext() is not quantity:
                return None
            positions.append(position.text or "?")
            quantities.append(quantity.text or "?")
        if not _POSITIONS.fullmatch(" ".join([*positions, ""])):
            return None
        if not _QUANTITIES.fullmatch(" ".join([*quantities, ""])):
            return None
        stated = dict(zip(map(int, positions), map(float, quantities), strict=True))
    except ValueError:
        return None
    if not stated or len(stated) != len(positions):
        return None
    if min(stated) < 1 or max(stated) > span.slot_count:
        return None
    powers_mw = stated.values()
    return stated if -MAX_POWER_MW <= min(powers_mw) <= max(powers_mw) <= MAX_POWER_MW else None


def _power_mw(point: etree._Element) -> float:
    said = text(point, "quantity")
    if not _QUANTITY.fullmatch(said):
        fail(point, "quantity", f"{said[:40]!r} is not a decimal number")
    power_mw = float(said)
    if abs(power_mw) > MAX_POWER_MW:
        fail(point, "quantity", f"{said} MW is beyond {MAX_POWER_MW:.0f}")
    return power_mw
