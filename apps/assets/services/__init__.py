"""Every write of the assets app."""

from apps.assets.services.devices import device_register, device_save, devices_observe
from apps.assets.services.partitions import partitions_ensure
from apps.assets.services.readings import ReadingRow, readings_store
from apps.assets.services.setpoints import setpoint_request
from apps.assets.services.shards import (
    shard_hold,
    shard_release,
    shard_take,
    shards_ensure,
    shards_free,
)
from apps.assets.services.sites import site_register

__all__ = [
    "ReadingRow",
    "device_register",
    "device_save",
    "devices_observe",
    "partitions_ensure",
    "readings_store",
    "setpoint_request",
    "shard_hold",
    "shard_release",
    "shard_take",
    "shards_ensure",
    "shards_free",
    "site_register",
]
