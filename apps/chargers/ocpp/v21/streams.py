"""Periodic event streams on the wire (2.1 N11 to N14)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from apps.chargers.ocpp.events import PayloadRefused
from apps.chargers.ocpp.values import count, instant, storable

Payload = Mapping[str, Any]
_LARGEST = 2**31 - 1
# A year: whatever a station stored while it was offline.
_FARTHEST_S = 366 * 86_400


@dataclass(frozen=True, slots=True)
class StreamTerms:
    """ConstantStreamDataType: a stream, its monitor, and when its messages go out."""

    stream_id: int
    monitor_id: int
    interval_s: int | None = None
    most_values: int | None = None

    @classmethod
    def of(cls, told: Payload) -> "StreamTerms":
        """PayloadRefused for numbers that cannot be kept."""
        params = told["params"]
        return cls(
            stream_id=count(told["id"], "id"),
            monitor_id=count(told["variableMonitoringId"], "variableMonitoringId"),
            interval_s=_small(params.get("interval"), "interval"),
            most_values=_small(params.get("values"), "values"),
        )


@dataclass(frozen=True, slots=True)
class StreamBundle:
    """A NotifyPeriodicEventStream: values of one stream, each with its instant."""

    stream_id: int
    pending_count: int
    values: tuple[tuple[datetime, str], ...]


def bundle_of(payload: Payload) -> StreamBundle:
    """Each value's instant is the base time and its own offset in seconds. May refuse a value."""
    base = instant(payload["basetime"])
    return StreamBundle(
        stream_id=count(payload["id"], "id"),
        pending_count=min(count(payload["pending"], "pending"), _LARGEST),
        values=tuple(
            (base + _offset(one["t"]), storable(one["v"], "v")) for one in payload["data"]
        ),
    )


def _offset(told: Any) -> timedelta:
    seconds = float(told)
    if abs(seconds) > _FARTHEST_S:
        raise PayloadRefused("PropertyConstraintViolation", f"t is out of range: {told}")
    return timedelta(seconds=seconds)


def _small(value: Any, name: str) -> int | None:
    return None if value is None else min(count(value, name), _LARGEST)
