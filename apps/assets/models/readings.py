"""Measured values. The table of readings is partitioned by month (migration 0002)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.assets.choices import Quality
from apps.assets.models.devices import Sensor


class Reading(models.Model):
    """One value of one sensor at one instant (UTC), in the sensor's unit and the house sign."""

    # The table is made by SQL: Django knows no partitions. The link to the sensor is checked
    # through SensorLatest, which is written in the same transaction.
    pk = models.CompositePrimaryKey("sensor_id", "at")
    sensor_id = models.BigIntegerField(_("sensor"))
    at = models.DateTimeField(_("at"))
    value = models.FloatField(_("value"))
    quality = models.PositiveSmallIntegerField(_("quality"), choices=Quality.choices)

    class Meta:
        managed = False
        db_table = "assets_reading"
        verbose_name = _("reading")
        verbose_name_plural = _("readings")

    def __str__(self) -> str:
        return f"{self.sensor_id} {self.at:%Y-%m-%dT%H:%M:%S} {self.value}"


class SensorLatest(models.Model):
    """The newest reading of a sensor, so that "now" needs no search."""

    sensor = models.OneToOneField(
        Sensor, primary_key=True, on_delete=models.CASCADE, related_name="latest"
    )
    at = models.DateTimeField(_("at"))
    value = models.FloatField(_("value"))
    quality = models.PositiveSmallIntegerField(_("quality"), choices=Quality.choices)

    class Meta:
        verbose_name = _("latest reading")
        verbose_name_plural = _("latest readings")

    def __str__(self) -> str:
        return f"{self.sensor_id} {self.at:%Y-%m-%dT%H:%M:%S} {self.value}"
