"""Every read of the assets app that more than one caller needs."""

from apps.assets.selectors.devices import (
    STALE_POLLS,
    STORING_DELAY_S,
    DeviceLatest,
    devices_latest,
    sensor_ids_by_device,
)
from apps.assets.selectors.jobs import job_get
from apps.assets.selectors.series import KindSlot, SlotMean, power_by_kind, slot_means

__all__ = [
    "STALE_POLLS",
    "STORING_DELAY_S",
    "DeviceLatest",
    "KindSlot",
    "SlotMean",
    "devices_latest",
    "job_get",
    "power_by_kind",
    "sensor_ids_by_device",
    "slot_means",
]
