"""Readings as CSV, some thousands of rows at a time: the memory does not grow with the range."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from apps.assets.models import Sensor
from apps.assets.selectors.api import RAW, RawPoint, SlotPoint, raw_all, slots_all
from apps.tenants.context import current_schema, operator_context
from cariflex.common.time import format_rfc3339


def series_csv(sensor: Sensor, query: dict[str, Any]) -> Iterator[bytes]:
    """The whole range with a header line. The name of each column tells its unit.

    The operator is taken now: the chunks are made later, while the answer is being sent.
    """
    return _chunks(sensor, query, current_schema())


def _chunks(sensor: Sensor, query: dict[str, Any], schema_name: str) -> Iterator[bytes]:
    span = {"sensor_id": sensor.pk, "start": query["start"], "end": query["end"]}
    pieces: Iterator[Sequence[RawPoint]] | Iterator[Sequence[SlotPoint]]
    if query["resolution"] == RAW:
        yield _line(("at", sensor.quantity, "quality"))
        pieces = raw_all(**span)
    else:
        yield _line(_slot_columns(sensor))
        pieces = slots_all(resolution=query["resolution"], **span)
    while True:
        # Enter and query in the same breath: between two chunks the thread serves nobody else,
        # but nothing promises that.
        with operator_context(schema_name):
            piece = next(pieces, None)
        if piece is None:
            return
        yield b"".join(_line(_cells(point)) for point in piece)


def _slot_columns(sensor: Sensor) -> tuple[str, ...]:
    figures = (f"{sensor.quantity}_{name}" for name in ("mean", "minimum", "maximum"))
    return ("start", *figures, "energy_kwh", "count", "bad_count", "coverage")


def _cells(point: RawPoint | SlotPoint) -> tuple[str, ...]:
    if isinstance(point, RawPoint):
        return format_at(point.at), _text(point.value), point.quality
    return (
        format_at(point.start),
        _text(point.mean),
        _text(point.minimum),
        _text(point.maximum),
        _text(point.energy_kwh),
        str(point.count),
        str(point.bad_count),
        _text(point.coverage),
    )


def format_at(at: Any) -> str:
    """The instant to the microsecond where it has any: pages continue after it."""
    if at.microsecond % 1000 == 0:
        return format_rfc3339(at)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _text(value: float | None) -> str:
    return "" if value is None else repr(value)


def _line(cells: Iterable[str]) -> bytes:
    # Numbers, times and our own words: nothing that would need a quote.
    return (",".join(cells) + "\n").encode()
