"""The island price of a day as shapes: stacked parts, the total's line, intensity, forecast.

Shapes lie in a box as wide as there are slots (92, 96 or 100) and 100 high, with 0 at the top.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from apps.console.formats import number_text

HEIGHT = Decimal(100)
_STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))


@dataclass(frozen=True, slots=True)
class Scale:
    """Round figures from `low` to `high`, `step` apart."""

    low: Decimal
    high: Decimal
    step: Decimal

    def y(self, value: Decimal) -> Decimal:
        """How far below the top a value lies."""
        return (self.high - value) * HEIGHT / (self.high - self.low)

    @property
    def marks(self) -> tuple[Decimal, ...]:
        """The round figures, highest first."""
        count = int((self.high - self.low) / self.step)
        return tuple(self.high - number * self.step for number in range(count + 1))


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart: labels of its axis from top to bottom, where their lines lie, and its paths."""

    labels: tuple[str, ...]
    lines: tuple[str, ...]
    zero: str
    paths: tuple[tuple[str, str], ...]
    """(name of the series, path)"""


def scale_of(values: Sequence[Decimal], *, marks: int) -> Scale:
    """A scale of about `marks` steps that holds zero and every value."""
    low, high = min((*values, Decimal(0))), max((*values, Decimal(0)))
    if high == low:
        high = low + 1
    step = _round_step((high - low) / marks)
    return Scale(
        (low / step).to_integral_value(ROUND_FLOOR) * step,
        (high / step).to_integral_value(ROUND_CEILING) * step,
        step,
    )


def stacked_plot(
    parts: Sequence[tuple[str, Sequence[Decimal | None]]], totals: Sequence[Decimal | None]
) -> Plot:
    """Parts one on the other, those below zero downwards, and the total as a stepped line."""
    count = len(totals)
    up, down = [Decimal(0)] * count, [Decimal(0)] * count
    spans: list[tuple[str, list[tuple[int, Decimal, Decimal]]]] = []
    for name, values in parts:
        boxes = []
        for slot, value in enumerate(values):
            if not value:
                continue
            side = up if value > 0 else down
            boxes.append((slot, side[slot], side[slot] + value))
            side[slot] += value
        spans.append((name, boxes))
    known = [total for total in totals if total is not None]
    scale = scale_of([*up, *down, *known], marks=5)
    paths = [(name, "".join(_boxes(scale, boxes))) for name, boxes in spans]
    return _plot(scale, (*paths, ("total", stepped_path(scale, totals))))


def line_plot(name: str, values: Sequence[Decimal | None], *, marks: int) -> Plot:
    """One series as a stepped line with its area."""
    scale = scale_of([value for value in values if value is not None], marks=marks)
    boxes = [(slot, Decimal(0), value) for slot, value in enumerate(values) if value]
    area = "".join(_boxes(scale, boxes))
    return _plot(scale, ((f"{name}-area", area), (name, stepped_path(scale, values))))


def stepped_path(scale: Scale, values: Sequence[Decimal | None]) -> str:
    """A line that holds each value for its slot; it breaks where there is none."""
    path, is_open = [], False
    for slot, value in enumerate(values):
        if value is None:
            is_open = False
            continue
        y = _text(scale.y(value))
        path.append(f"V{y}H{slot + 1}" if is_open else f"M{slot} {y}H{slot + 1}")
        is_open = True
    return "".join(path)


def _plot(scale: Scale, paths: tuple[tuple[str, str], ...]) -> Plot:
    decimals = max(0, -int(scale.step.normalize().as_tuple().exponent))
    return Plot(
        labels=tuple(number_text(mark, decimals) for mark in scale.marks),
        lines=tuple(_text(scale.y(mark)) for mark in scale.marks),
        zero=_text(scale.y(Decimal(0))),
        paths=paths,
    )


def _boxes(scale: Scale, boxes: Sequence[tuple[int, Decimal, Decimal]]) -> Iterator[str]:
    """Neighbours of the same bounds are one box, so that no seams are seen."""
    index = 0
    while index < len(boxes):
        slot, start, end = boxes[index]
        width = 1
        while index + width < len(boxes) and boxes[index + width] == (slot + width, start, end):
            width += 1
        y, height = scale.y(max(start, end)), abs(scale.y(start) - scale.y(end))
        yield f"M{slot} {_text(y)}h{width}v{_text(height)}h{-width}z"
        index += width


def _round_step(raw: Decimal) -> Decimal:
    power = Decimal(10) ** raw.adjusted()
    return next(step * power for step in _STEPS if step * power >= raw)


def _text(value: Decimal) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
