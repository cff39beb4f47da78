from apps.assets.models.devices import Device, Sensor
from apps.assets.models.polling import PollShard
from apps.assets.models.readings import Reading, SensorLatest
from apps.assets.models.setpoints import Setpoint
from apps.assets.models.sites import Site

__all__ = ["Device", "PollShard", "Reading", "Sensor", "SensorLatest", "Setpoint", "Site"]
