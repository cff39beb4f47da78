"""The device model of a station (2.0.1 Part 1 §4): what it has, and what each variable says."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.chargers.models.stations import ChargingStation


class DeviceVariable(models.Model):
    """One attribute of one variable of one component, as the station told it last.

    A 1.6 configuration key is a variable of the component `Configuration`.
    """

    station = models.ForeignKey(ChargingStation, on_delete=models.CASCADE, related_name="variables")
    component = models.CharField(_("component"), max_length=50)
    component_instance = models.CharField(_("instance"), max_length=50, blank=True)
    evse_number = models.PositiveIntegerField(_("EVSE"), default=0)
    connector_number = models.PositiveIntegerField(_("connector"), default=0)
    variable = models.CharField(_("variable"), max_length=50)
    variable_instance = models.CharField(_("variable instance"), max_length=50, blank=True)
    attribute = models.CharField(_("attribute"), max_length=6, default="Actual")
    value = models.TextField(_("value"), blank=True)
    mutability = models.CharField(_("mutability"), max_length=9, blank=True)
    unit = models.CharField(_("unit"), max_length=16, blank=True)
    data_type = models.CharField(_("data type"), max_length=12, blank=True)
    reported_at = models.DateTimeField(_("reported at"))

    class Meta:
        verbose_name = _("variable of a station")
        verbose_name_plural = _("variables of stations")
        ordering = ["station", "component", "evse_number", "variable"]
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "station", "component", "component_instance", "evse_number",
                    "connector_number", "variable", "variable_instance", "attribute",
                ],
                name="device_variable_once",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.component}.{self.variable}"


class ReportRun(models.Model):
    """A report that was asked for, and how much of it has come."""

    station = models.ForeignKey(ChargingStation, on_delete=models.CASCADE, related_name="reports")
    request_id = models.BigIntegerField(_("request id"))
    kind = models.CharField(_("kind"), max_length=30)
    parts_count = models.PositiveIntegerField(_("parts"), default=0)
    parts = ArrayField(models.PositiveIntegerField(), default=list, blank=True, editable=False)
    """The numbers (seqNo) of the parts that came, in order."""
    last_part = models.PositiveIntegerField(_("last part"), null=True, blank=True)
    """The number of the part after which none follows; None until it came."""
    requested_at = models.DateTimeField(_("requested at"))
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("report of a station")
        verbose_name_plural = _("reports of stations")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["station", "request_id"], name="report_run_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.request_id}"
