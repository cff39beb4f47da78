"""What is kept of a reading that somebody sent, what is flagged and what is refused. Pure."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.assets.choices import Quality, Quantity
from apps.assets.services.device_lines import Broken
from apps.assets.services.reading_lines import SentLine
from apps.assets.services.readings import ReadingRow
from apps.assets.services.sample_rows import value_quality

CLOCK_TOLERANCE = timedelta(seconds=60)
"""A sender's clock may be ahead by so much without a word."""
CLOCK_REFUSED = timedelta(minutes=5)
"""Further ahead, the time says nothing."""
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)?", re.ASCII
)
_CODE = re.compile(r"[A-Za-z0-9_-]{1,60}")
_QUALITIES = {quality.word: quality for quality in Quality}
LARGEST_ID = 2**63 - 1

SensorKey = int | tuple[str, str, str]
"""A sensor by its id, or by its device's code, its quantity and its channel."""


@dataclass(frozen=True, slots=True)
class SensorFacts:
    """What the rules need to know of a sensor."""

    sensor_id: int
    quantity: str
    rated_power_kw: float


@dataclass(frozen=True, slots=True)
class SentReading:
    """A line whose fields could be read."""

    line: SentLine
    key: SensorKey
    at: datetime
    value: float
    quality: Quality


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a line; a flagged one is stored all the same, or was sent again."""

    line: SentLine
    broken: Broken
    is_refused: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to be stored, in the order of its key, and what is wrong with other lines."""

    rows: Sequence[ReadingRow]
    flaws: Sequence[Flaw]


def reading_read(line: SentLine, *, may_substitute: bool) -> SentReading | Broken:
    """The fields of a line, or the first one that cannot be read."""
    if line.broken is not None:
        return line.broken
    values = line.values
    key = _key(values)
    if isinstance(key, Broken):
        return key
    at = _at(values.get("at"))
    if isinstance(at, Broken):
        return at
    value = _value(values.get("value"))
    if isinstance(value, Broken):
        return value
    quality = _quality(values.get("quality", "good"), may_substitute=may_substitute)
    if isinstance(quality, Broken):
        return quality
    return SentReading(line, key, at, value, quality)


def readings_judge(
    sent: Iterable[SentReading],
    *,
    sensors: Mapping[SensorKey, SensorFacts],
    now: datetime,
    kept_from: datetime,
) -> Judged:
    """Sort what was sent into rows and flaws. Of two for one sensor and instant the last wins."""
    rows: dict[tuple[int, datetime], tuple[SentLine, ReadingRow]] = {}
    flaws: list[Flaw] = []
    for reading in sent:
        facts = sensors.get(reading.key)
        refused = _unknown(reading) if facts is None else _refused(reading, now, kept_from)
        if facts is None or refused is not None:
            flaws.append(Flaw(reading.line, refused or _unknown(reading), is_refused=True))
            continue
        row, flag = _row(reading, facts, now)
        if flag is not None:
            flaws.append(Flaw(reading.line, flag, is_refused=False))
        replaced = rows.pop((row.sensor_id, row.at), None)
        if replaced is not None:
            by = Broken("at", "replaced", str(reading.line.number))
            flaws.append(Flaw(replaced[0], by, is_refused=False))
        rows[row.sensor_id, row.at] = reading.line, row
    # In the order of their key, so that two stores never wait for each other in a circle.
    return Judged([rows[key][1] for key in sorted(rows)], _one_of_a_line(flaws))


def _one_of_a_line(flaws: Iterable[Flaw]) -> list[Flaw]:
    """A line's first flaw, by number of line."""
    first: dict[int, Flaw] = {}
    for flaw in flaws:
        first.setdefault(flaw.line.number, flaw)
    return [first[number] for number in sorted(first)]


def _unknown(reading: SentReading) -> Broken:
    return Broken("sensor" if isinstance(reading.key, int) else "device", "sensor_unknown")


def _refused(reading: SentReading, now: datetime, kept_from: datetime) -> Broken | None:
    if reading.at - now > CLOCK_REFUSED:
        return Broken("at", "clock_ahead", _seconds(reading.at - now))
    if reading.at < kept_from:
        return Broken("at", "before_retention", f"{kept_from:%Y-%m-%d}")
    return None


def _row(
    reading: SentReading, facts: SensorFacts, now: datetime
) -> tuple[ReadingRow, Broken | None]:
    flag = None
    quality = reading.quality
    if reading.at - now > CLOCK_TOLERANCE:
        flag = Broken("at", "clock_ahead", _seconds(reading.at - now))
    plausible = value_quality(
        quantity=facts.quantity, value=reading.value, rated_power_kw=facts.rated_power_kw
    )
    if plausible is Quality.BAD and quality is not Quality.BAD:
        flag, quality = Broken("value", "out_of_range", f"{reading.value:g}"), Quality.BAD
    return ReadingRow(facts.sensor_id, reading.at, reading.value, quality.value), flag


def _seconds(ahead: timedelta) -> str:
    return f"{ahead.total_seconds():.0f}"


def _key(values: Mapping[str, Any]) -> SensorKey | Broken:
    sensor = values.get("sensor")
    if sensor is not None:
        if "device" in values or "quantity" in values or "channel" in values:
            return Broken("sensor", "sensor_or_device")
        if type(sensor) is not int or not 0 < sensor <= LARGEST_ID:
            return Broken("sensor", "sensor_unknown")
        return sensor
    device, quantity, channel = (values.get(n, "") for n in ("device", "quantity", "channel"))
    if device == "":
        return Broken("sensor", "sensor_missing")
    if quantity == "":
        return Broken("quantity", "missing")
    if not isinstance(device, str) or not _CODE.fullmatch(device):
        return Broken("device", "sensor_unknown")
    if not isinstance(quantity, str) or quantity not in Quantity.values:
        return Broken("quantity", "quantity_unknown")
    if not isinstance(channel, str) or (channel and not _CODE.fullmatch(channel)):
        return Broken("channel", "sensor_unknown")
    return device, quantity, channel


def _at(text: Any) -> datetime | Broken:
    if text is None:
        return Broken("at", "missing")
    found = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return Broken("at", "not_a_time")
    if not found[2]:
        return Broken("at", "time_naive")
    try:
        return datetime.fromisoformat(str(text).upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return Broken("at", "not_a_time")


def _value(value: Any) -> float | Broken:
    if value is None:
        return Broken("value", "missing")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Broken("value", "not_a_number")
    try:
        number = float(value)
    except OverflowError:
        return Broken("value", "not_finite")
    return number if math.isfinite(number) else Broken("value", "not_finite")


def _quality(word: Any, *, may_substitute: bool) -> Quality | Broken:
    quality = _QUALITIES.get(word) if isinstance(word, str) else None
    if quality is None:
        return Broken("quality", "quality_unknown", ", ".join(_QUALITIES))
    if quality is Quality.SUBSTITUTED and not may_substitute:
        return Broken("quality", "quality_not_allowed")
    return quality
