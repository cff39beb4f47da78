"""What the readers of weather forecasts share: the slot they give and the JSON they check.

Pure: bytes in, values out. Whatever breaks a rule raises DocumentError with the place and the rule.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

from apps.markets.feeds.errors import DocumentError

MAX_DOCUMENT_BYTES: Final = 5_000_000
# A fortnight in quarter hours is 1,344; nothing that we ask for is longer than 16 days.
MAX_SLOTS: Final = 1_600

# Limits of a mean over 15 minutes or more. The solar constant is 1,361 W/m2; clouds beside the sun
# lift the global radiation above it for minutes only.
MAX_IRRADIANCE_W_PER_M2: Final = 1_500.0
MIN_TEMPERATURE_C: Final = -60.0
MAX_TEMPERATURE_C: Final = 60.0
MAX_WIND_M_PER_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Irradiance:
    """Means over a slot, W/m2: global horizontal, direct normal and diffuse horizontal.

    The last two are both given or both None; then the model divides the first.
    """

    ghi_w_per_m2: float
    dni_w_per_m2: float | None = None
    dhi_w_per_m2: float | None = None


@dataclass(frozen=True, slots=True)
class WeatherSlot:
    """The sky and the air over `[start, end)` in UTC; `p10` and `p90` where the feed has them."""

    start: datetime
    end: datetime
    p50: Irradiance
    temperature_c: float
    wind_m_per_s: float
    p10: Irradiance | None = None
    p90: Irradiance | None = None


@dataclass(frozen=True, slots=True)
class WeatherForecast:
    """Slots of one resolution, ordered by start; `missing` are the starts that the feed left out
    between its first and its last."""

    resolution: timedelta
    slots: tuple[WeatherSlot, ...]
    missing: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class JsonReader:
    """Takes checked values out of decoded JSON and names the place in each refusal."""

    system: str

    def fail(self, element: str, rule: str) -> NoReturn:
        raise DocumentError(self.system, element, rule)

    def document(self, content: bytes) -> dict[str, Any]:
        """The top object of a UTF-8 document without repeated names, NaN or Infinity."""
        if len(content) > MAX_DOCUMENT_BYTES:
            self.fail("document", f"is larger than {MAX_DOCUMENT_BYTES} bytes")
        try:
            value = json.loads(
                content.decode("utf-8"),
                parse_constant=lambda word: self.fail("document", f"{word} is not a JSON number"),
                object_pairs_hook=self._object,
            )
        except (UnicodeDecodeError, RecursionError, ValueError) as err:
            raise DocumentError(self.system, "document", "is not JSON") from err
        if not isinstance(value, dict):
            self.fail("document", "is not a JSON object")
        return value

    def member(self, parent: dict[str, Any], name: str) -> dict[str, Any]:
        value = parent.get(name)
        if not isinstance(value, dict):
            self.fail(name, "is missing or is not an object")
        return value

    def rows(self, parent: dict[str, Any], name: str, *, place: str = "") -> list[Any]:
        value = parent.get(name)
        element = place or name
        if not isinstance(value, list):
            self.fail(element, "is missing or is not a list")
        if not 1 <= len(value) <= MAX_SLOTS:
            self.fail(element, f"has {len(value)} entries, expected 1 to {MAX_SLOTS}")
        return value

    def text(self, parent: dict[str, Any], name: str, *, place: str = "") -> str:
        value = parent.get(name)
        if not isinstance(value, str):
            self.fail(place or name, "is missing or is not a text")
        return value

    def number(self, value: object, element: str, *, low: float, high: float) -> float:
        """A number in [low, high]; true and false are none."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail(element, "is null or not a number" if value is None else "is not a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not low <= number <= high:
            self.fail(element, f"{number:g} is not between {low:g} and {high:g}")
        return number

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            self.fail(twice[:40], "is given twice in one object")
        return found
