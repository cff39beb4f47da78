"""Measured values. The table of readings is partitioned by month (migration 0002)."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
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


class RollupDue(models.Model):
    """Readings of these sensors in [start, end] were stored and are not in the roll-ups yet.

    Written in the transaction that stores the readings, so that a roll-up never misses any;
    deleted by the roll-up that took them up.
    """

    start = models.DateTimeField(_("start"))
    end = models.DateTimeField(_("end"))
    sensor_ids = ArrayField(models.BigIntegerField(), verbose_name=_("sensors"))

    class Meta:
        verbose_name = _("roll-up due")
        verbose_name_plural = _("roll-ups due")
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%dT%H:%M:%S} {len(self.sensor_ids)} sensors"


class Rollup(models.Model):
    """The readings of one sensor over [start, start + resolution of the table).

    Mean, minimum and maximum are of trusted readings; they are null when there are none.
    `energy_kwh` is the growth of an energy counter, or the integral of a power over the measured
    part of the slot; null for anything else. `coverage` is the measured share, 0 to 1.
    """

    pk = models.CompositePrimaryKey("sensor_id", "start")
    sensor_id = models.BigIntegerField(_("sensor"))
    start = models.DateTimeField(_("start"))
    mean = models.FloatField(_("mean"), null=True)
    minimum = models.FloatField(_("minimum"), null=True)
    maximum = models.FloatField(_("maximum"), null=True)
    energy_kwh = models.FloatField(_("energy (kWh)"), null=True)
    count = models.IntegerField(_("trusted readings"))
    bad_count = models.IntegerField(_("other readings"))
    coverage = models.FloatField(_("coverage"))

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.sensor_id} {self.start:%Y-%m-%dT%H:%M:%S} {self.mean}"


class MinuteRollup(Rollup):
    """Roll-ups of 1 minute; partitioned by month like the readings."""

    class Meta:
        managed = False
        db_table = "assets_rollup_1m"
        verbose_name = _("roll-up of 1 minute")
        verbose_name_plural = _("roll-ups of 1 minute")


class QuarterRollup(Rollup):
    """Roll-ups of 15 minutes."""

    class Meta:
        managed = False
        db_table = "assets_rollup_15m"
        verbose_name = _("roll-up of 15 minutes")
        verbose_name_plural = _("roll-ups of 15 minutes")


class HourRollup(Rollup):
    """Roll-ups of 1 hour."""

    class Meta:
        managed = False
        db_table = "assets_rollup_1h"
        verbose_name = _("roll-up of 1 hour")
        verbose_name_plural = _("roll-ups of 1 hour")


class Retention(models.Model):
    """How long the operator keeps its readings; one row. Roll-ups of 15 min and 1 h stay."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    readings_months = models.PositiveSmallIntegerField(
        _("readings (months)"),
        default=6,
        validators=[MinValueValidator(1), MaxValueValidator(240)],
        help_text=_("Whole months before this one. Older readings are deleted for good."),
    )
    minutes_months = models.PositiveSmallIntegerField(
        _("roll-ups of 1 minute (months)"),
        default=36,
        validators=[MinValueValidator(1), MaxValueValidator(240)],
    )
    readings_dropped_until = models.DateTimeField(
        _("readings deleted before"), null=True, blank=True, editable=False
    )
    """Roll-ups before this instant are final: the readings they were made of are gone."""

    class Meta:
        verbose_name = _("retention of readings")
        verbose_name_plural = _("retention of readings")
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="retention_one_row"),
            models.CheckConstraint(
                condition=models.Q(minutes_months__gte=models.F("readings_months")),
                name="retention_minutes_outlive_readings",
                violation_error_message=_("Roll-ups must be kept at least as long as readings."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.readings_months} / {self.minutes_months}"
