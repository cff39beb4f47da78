"""Words of the assets app; values are what is stored and what travels in JSON."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class DeviceKind(models.TextChoices):
    """What a device is on the island."""

    PV = "pv", _("PV plant")
    BATTERY = "battery", _("Battery")
    METER = "meter", _("Meter")


class DeviceStage(models.TextChoices):
    """How far a device is on its way into service; only `in_service` is polled for readings."""

    NEW = "new", _("New")
    IN_SERVICE = "in_service", _("In service")
    OUT_OF_SERVICE = "out_of_service", _("Out of service")


class Transport(models.TextChoices):
    """How Modbus frames travel to the gateway."""

    MODBUS_TCP = "modbus_tcp", _("Modbus TCP")
    RTU_OVER_TCP = "rtu_over_tcp", _("Modbus RTU over TCP")


class ConnectionState(models.TextChoices):
    """How the device answered last."""

    UNKNOWN = "unknown", _("Not polled yet")
    OK = "ok", _("Answers")
    SILENT = "silent", _("Does not answer")
    ERROR = "error", _("Answers wrongly")


class Quantity(models.TextChoices):
    """What a sensor measures; the value names the unit.

    The two energy counters only grow (IEC 62053 registers): import is energy taken from the AC
    bus by the device, export is energy given to it. A meter's import is what the site draws.
    """

    POWER_KW = "power_kw", _("Power")
    ENERGY_IMPORT_KWH = "energy_import_kwh", _("Energy taken (counter)")
    ENERGY_EXPORT_KWH = "energy_export_kwh", _("Energy given (counter)")
    SOC_PERCENT = "soc_percent", _("State of charge")
    SOH_PERCENT = "soh_percent", _("State of health")
    REACTIVE_POWER_KVAR = "reactive_power_kvar", _("Reactive power")
    APPARENT_POWER_KVA = "apparent_power_kva", _("Apparent power")
    DC_POWER_KW = "dc_power_kw", _("DC power")
    VOLTAGE_V = "voltage_v", _("Voltage")
    CURRENT_A = "current_a", _("Current")
    FREQUENCY_HZ = "frequency_hz", _("Frequency")
    POWER_FACTOR = "power_factor", _("Power factor")
    TEMPERATURE_C = "temperature_c", _("Temperature")
    IRRADIANCE_W_PER_M2 = "irradiance_w_per_m2", _("Irradiance")

    @property
    def unit(self) -> str:
        """The unit as it is shown."""
        return _UNITS[self.value]

    @property
    def is_counter(self) -> bool:
        """True for an energy counter: its differences are energy, its level means nothing."""
        return self in (Quantity.ENERGY_IMPORT_KWH, Quantity.ENERGY_EXPORT_KWH)


_UNITS = {
    "power_kw": "kW",
    "energy_import_kwh": "kWh",
    "energy_export_kwh": "kWh",
    "soc_percent": "%",
    "soh_percent": "%",
    "reactive_power_kvar": "kvar",
    "apparent_power_kva": "kVA",
    "dc_power_kw": "kW",
    "voltage_v": "V",
    "current_a": "A",
    "frequency_hz": "Hz",
    "power_factor": "",
    "temperature_c": "°C",
    "irradiance_w_per_m2": "W/m²",
}


class Quality(models.IntegerChoices):
    """How far a reading can be trusted."""

    GOOD = 0, _("Good")
    STALE = 1, _("Stale")
    BAD = 2, _("Bad")
    SUBSTITUTED = 3, _("Substituted")

    @property
    def word(self) -> str:
        """`good`, `stale`, `bad` or `substituted`: the word in JSON and in selectors."""
        return self.name.lower()


class SetpointSource(models.TextChoices):
    """Who asks for a set-point; see `priority`."""

    OPERATOR = "operator", _("Operator")
    GRID = "grid", _("Grid")
    PLAN = "plan", _("Plan")
    FALLBACK = "fallback", _("Fallback")

    @property
    def priority(self) -> int:
        """A lower number overrides a higher one."""
        return {"operator": 0, "grid": 1, "plan": 2, "fallback": 3}[self.value]


class SetpointStatus(models.TextChoices):
    """Where a set-point stands."""

    REQUESTED = "requested", _("Requested")
    APPLIED = "applied", _("Applied")
    REFUSED = "refused", _("Refused")
    FAILED = "failed", _("Failed")
    SUPERSEDED = "superseded", _("Superseded")
    EXPIRED = "expired", _("Expired")
    REVERTED = "reverted", _("Reverted by the device")


SETPOINT_ACTIVE = (SetpointStatus.REQUESTED, SetpointStatus.APPLIED)
"""A device has at most one set-point in these states."""


class AlarmKind(models.TextChoices):
    """What an alarm is about."""

    COMMUNICATION = "communication", _("No communication")
    STALE = "stale", _("Values are late")
    OUT_OF_RANGE = "out_of_range", _("Value out of range")
    DEVICE_FAULT = "device_fault", _("Fault reported by the device")
    SOC_MISMATCH = "soc_mismatch", _("State of charge does not follow the energy")
    SETPOINT_NOT_FOLLOWED = "setpoint_not_followed", _("Set-point not followed")
    CLOCK = "clock", _("The device's clock is wrong")
    CERTIFICATE_ENDS = "certificate_ends", _("Certificate ends soon")
    CERTIFICATE_ENDED = "certificate_ended", _("Certificate is not valid any more")


class Severity(models.IntegerChoices):
    """How urgent an alarm is."""

    INFORMATION = 0, _("Information")
    WARNING = 1, _("Warning")
    CRITICAL = 2, _("Critical")


class JobKind(models.TextChoices):
    """What a gateway is asked once, by a person."""

    PROBE = "probe", _("Probe")
    READ = "read", _("Read all values")
    TEST_WRITE = "test_write", _("Test write")
    TRACE = "trace", _("Trace")


class JobStatus(models.TextChoices):
    """Where a gateway job stands."""

    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


class ImportStatus(models.TextChoices):
    """Where an import stands."""

    CHECKED = "checked", _("Checked")
    STORED = "stored", _("Stored")
    REFUSED = "refused", _("Refused")


class ImportLineStatus(models.TextChoices):
    """What became of one line of an import."""

    VALID = "valid", _("Valid")
    STORED = "stored", _("Stored")
    FLAGGED = "flagged", _("Stored with a flag")
    REFUSED = "refused", _("Refused")
