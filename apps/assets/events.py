"""What the assets app tells the apps above."""

from dataclasses import dataclass
from datetime import datetime

from cariflex.common.events import Event


@dataclass(frozen=True)
class ReadingsStored(Event):
    """Readings of some devices were stored; `at` is the newest of them."""

    device_ids: tuple[int, ...]
    at: datetime


@dataclass(frozen=True)
class SetpointChanged(Event):
    """The set-point of a device was requested, written, refused or ended."""

    device_id: int


@dataclass(frozen=True)
class AlarmChanged(Event):
    """An alarm of a device, or of something else (None), was raised, cleared or acknowledged."""

    device_id: int | None
