"""The fewest requests that read a set of registers. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from apps.assets.drivers.modbus import MOST_REGISTERS_READ


@dataclass(frozen=True, slots=True)
class Span:
    """Registers to read in one request: [address, address + count)."""

    address: int
    count: int


def coalesce(
    spans: Iterable[Span], *, most: int = MOST_REGISTERS_READ, gap: int | None = None
) -> tuple[Span, ...]:
    """The fewest reads of at most `most` registers that cover all spans, gaps included.

    `gap`: the most registers that are read although nobody asked for them, between two spans;
    None: any number.
    """
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: span.address):
        if merged:
            start = merged[-1].address
            end = max(start + merged[-1].count, span.address + span.count)
            hole = span.address - (start + merged[-1].count)
            if end - start <= most and (gap is None or hole <= gap):
                merged[-1] = Span(start, end - start)
                continue
        merged.append(span)
    return tuple(merged)
