from apps.assets.models.alarms import Alarm, AlarmDigest
from apps.assets.models.devices import Device, Sensor
from apps.assets.models.imports import (
    DeviceImport,
    DeviceImportLine,
    ReadingImport,
    ReadingImportLine,
)
from apps.assets.models.jobs import GatewayJob
from apps.assets.models.polling import PollShard, PollWorker
from apps.assets.models.pushing import PushGrant
from apps.assets.models.readings import (
    HourRollup,
    MinuteRollup,
    QuarterRollup,
    Reading,
    Retention,
    RollupDue,
    SensorLatest,
)
from apps.assets.models.setpoints import HandsOffChange, Setpoint
from apps.assets.models.sites import Site

__all__ = [
    "Alarm",
    "AlarmDigest",
    "Device",
    "DeviceImport",
    "DeviceImportLine",
    "GatewayJob",
    "HandsOffChange",
    "HourRollup",
    "MinuteRollup",
    "PollShard",
    "PollWorker",
    "PushGrant",
    "QuarterRollup",
    "Reading",
    "ReadingImport",
    "ReadingImportLine",
    "Retention",
    "RollupDue",
    "Sensor",
    "SensorLatest",
    "Setpoint",
    "Site",
]
