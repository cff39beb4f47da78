"""Assets in the back office, one module a subject."""

from apps.assets.admin.alarms import AlarmAdmin, AlarmDigestAdmin
from apps.assets.admin.devices import DeviceAdmin
from apps.assets.admin.hands_off import HandsOffChangeAdmin
from apps.assets.admin.imports import DeviceImportAdmin
from apps.assets.admin.polling import PollShardAdmin, PollWorkerAdmin
from apps.assets.admin.reading_imports import PushGrantAdmin, ReadingImportAdmin
from apps.assets.admin.readings import RetentionAdmin
from apps.assets.admin.setpoints import SetpointAdmin
from apps.assets.admin.sites import SiteAdmin

__all__ = [
    "AlarmAdmin",
    "AlarmDigestAdmin",
    "DeviceAdmin",
    "DeviceImportAdmin",
    "HandsOffChangeAdmin",
    "PollShardAdmin",
    "PollWorkerAdmin",
    "PushGrantAdmin",
    "ReadingImportAdmin",
    "RetentionAdmin",
    "SetpointAdmin",
    "SiteAdmin",
]
