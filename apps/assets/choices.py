"""Words of the assets app; values are what is stored and what travels in JSON."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class DeviceKind(models.TextChoices):
    """What a device is on the island."""

    PV = "pv", _("PV plant")
    BATTERY = "battery", _("Battery")


class ConnectionState(models.TextChoices):
    """How the device answered last."""

    UNKNOWN = "unknown", _("Not polled yet")
    OK = "ok", _("Answers")
    SILENT = "silent", _("Does not answer")
    ERROR = "error", _("Answers wrongly")


class Quantity(models.TextChoices):
    """What a sensor measures; the value names the unit."""

    POWER_KW = "power_kw", _("Power")
    ENERGY_KWH = "energy_kwh", _("Energy counter")
    SOC_PERCENT = "soc_percent", _("State of charge")

    @property
    def unit(self) -> str:
        """The unit as it is shown."""
        return {"power_kw": "kW", "energy_kwh": "kWh", "soc_percent": "%"}[self.value]


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
