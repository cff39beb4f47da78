"""Every write of the assets app."""

from apps.assets.services.device_stages import device_put_in_service, device_take_out_of_service
from apps.assets.services.devices import (
    device_register,
    device_save,
    device_sensors_learn,
    devices_observe,
)
from apps.assets.services.hands_off import hands_off_set
from apps.assets.services.partitions import partitions_ensure
from apps.assets.services.readings import ReadingRow, readings_store
from apps.assets.services.retention import retention_apply, retention_save
from apps.assets.services.rollups import rollups_update
from apps.assets.services.setpoint_hold import limits_hold
from apps.assets.services.setpoint_limits import limits_now
from apps.assets.services.setpoints import setpoint_limits_check, setpoint_request
from apps.assets.services.shards import (
    shard_hold,
    shard_release,
    shard_take,
    shards_ensure,
    shards_wanting,
)
from apps.assets.services.sites import site_register

__all__ = [
    "ReadingRow",
    "device_put_in_service",
    "device_register",
    "device_save",
    "device_sensors_learn",
    "device_take_out_of_service",
    "devices_observe",
    "hands_off_set",
    "limits_hold",
    "limits_now",
    "partitions_ensure",
    "readings_store",
    "retention_apply",
    "retention_save",
    "rollups_update",
    "setpoint_limits_check",
    "setpoint_request",
    "shard_hold",
    "shard_release",
    "shard_take",
    "shards_ensure",
    "shards_wanting",
    "site_register",
]
