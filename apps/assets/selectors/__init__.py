"""Every read of the assets app that more than one caller needs."""

from apps.assets.selectors.devices import (
    STALE_POLLS,
    STORING_DELAY_S,
    DeviceLatest,
    devices_latest,
    sensor_ids_by_device,
)
from apps.assets.selectors.jobs import job_get
from apps.assets.selectors.readings import MOST_READINGS, ReadingPoint, readings_page
from apps.assets.selectors.series import (
    EnergyTotal,
    KindSlot,
    SeriesPoint,
    SlotMean,
    energy_between,
    power_by_kind,
    series,
    slot_means,
)
from apps.assets.selectors.storage import (
    RollupBacklog,
    StorageMonth,
    StoredTable,
    retention_get,
    rollup_backlog,
    storage,
    storage_months,
)

__all__ = [
    "MOST_READINGS",
    "STALE_POLLS",
    "STORING_DELAY_S",
    "DeviceLatest",
    "EnergyTotal",
    "KindSlot",
    "ReadingPoint",
    "RollupBacklog",
    "SeriesPoint",
    "SlotMean",
    "StorageMonth",
    "StoredTable",
    "devices_latest",
    "energy_between",
    "job_get",
    "power_by_kind",
    "readings_page",
    "retention_get",
    "rollup_backlog",
    "sensor_ids_by_device",
    "series",
    "slot_means",
    "storage",
    "storage_months",
]
