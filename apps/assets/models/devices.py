"""Devices that are polled and commanded, and what they measure."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.assets.choices import (
    ConnectionState,
    DeviceKind,
    DeviceStage,
    Quantity,
    Transport,
)
from apps.assets.models.polling import PollShard
from apps.assets.models.sites import LATITUDE, LONGITUDE, Site

PERCENT = (MinValueValidator(0), MaxValueValidator(100))
DEFAULT_POLL_PERIOD_S = 2.0
SHORTEST_POLL_PERIOD_S = 0.2


class Device(models.Model):
    """A PV plant, a battery or a meter: one Modbus unit; read only unless `control_enabled`."""

    site = models.ForeignKey(
        Site, on_delete=models.PROTECT, related_name="devices", verbose_name=_("site")
    )
    code = models.SlugField(_("code"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120)
    commune = models.CharField(_("commune"), max_length=120, blank=True)
    kind = models.CharField(_("kind"), max_length=10, choices=DeviceKind.choices)
    latitude = models.FloatField(_("latitude"), null=True, blank=True, validators=LATITUDE)
    longitude = models.FloatField(_("longitude"), null=True, blank=True, validators=LONGITUDE)

    stage = models.CharField(
        _("stage"),
        max_length=14,
        choices=DeviceStage.choices,
        default=DeviceStage.NEW,
        editable=False,
    )
    is_grid_meter = models.BooleanField(
        _("meters the grid connection"),
        default=False,
        help_text=_("Its import is what the whole site draws from the grid."),
    )

    driver = models.CharField(
        _("device model"),
        max_length=60,
        default="sunspec",
        help_text=_("`sunspec` finds its registers by itself; any other name is a register map."),
    )
    driver_version = models.PositiveIntegerField(_("map version"), default=0, editable=False)
    transport = models.CharField(
        _("transport"),
        max_length=14,
        choices=Transport.choices,
        default=Transport.MODBUS_TCP,
    )
    host = models.CharField(_("host"), max_length=253)
    port = models.PositiveIntegerField(
        _("port"), default=502, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    unit_id = models.PositiveSmallIntegerField(
        _("unit id"), default=1, validators=[MaxValueValidator(255)]
    )
    poll_period_s = models.FloatField(
        _("poll period (s)"),
        default=DEFAULT_POLL_PERIOD_S,
        validators=[MinValueValidator(SHORTEST_POLL_PERIOD_S), MaxValueValidator(3600)],
    )
    timeout_s = models.FloatField(
        _("time-out of a request (s)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0.1), MaxValueValidator(120)],
        help_text=_("Empty: as the device model says."),
    )
    inter_frame_delay_s = models.FloatField(
        _("pause between requests (s)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(5)],
        help_text=_("Empty: as the device model says."),
    )
    shard = models.ForeignKey(
        PollShard,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="devices",
    )

    rated_power_kw = models.FloatField(
        _("rated power (kW)"),
        validators=[MinValueValidator(0.001)],
        help_text=_("At the AC terminals, in both directions for a battery."),
    )
    capacity_kwh = models.FloatField(
        _("capacity (kWh)"), null=True, blank=True, validators=[MinValueValidator(0.001)]
    )
    soc_min_percent = models.FloatField(_("lowest SoC (%)"), default=0, validators=PERCENT)
    soc_max_percent = models.FloatField(_("highest SoC (%)"), default=100, validators=PERCENT)
    charging_efficiency = models.FloatField(
        _("charging efficiency"),
        default=1,
        validators=[MinValueValidator(0.01)],
        help_text=_("Stored energy for each kWh at the AC terminals, 0 to 1."),
    )
    discharging_efficiency = models.FloatField(
        _("discharging efficiency"),
        default=1,
        validators=[MinValueValidator(0.01)],
        help_text=_("Energy at the AC terminals for each stored kWh, 0 to 1."),
    )
    control_enabled = models.BooleanField(
        _("control enabled"),
        default=False,
        help_text=_("Off: the device is read only, nothing is ever written to it."),
    )
    hands_off = models.BooleanField(
        _("hands off"),
        default=False,
        editable=False,
        help_text=_("On: nothing is written to the device, whoever asks."),
    )
    ramp_kw_per_s = models.FloatField(
        _("ramp (kW/s)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0.001)],
        help_text=_("How fast a set-point may move. Empty: at once."),
    )

    connection_state = models.CharField(
        _("connection"),
        max_length=10,
        choices=ConnectionState.choices,
        default=ConnectionState.UNKNOWN,
        editable=False,
    )
    last_seen_at = models.DateTimeField(_("last answer"), null=True, blank=True, editable=False)
    last_error = models.CharField(_("last error"), max_length=300, blank=True, editable=False)
    manufacturer = models.CharField(_("manufacturer"), max_length=32, blank=True, editable=False)
    model_name = models.CharField(_("model"), max_length=32, blank=True, editable=False)
    serial_number = models.CharField(_("serial number"), max_length=32, blank=True, editable=False)
    sunspec_models = models.CharField(
        _("SunSpec models"), max_length=200, blank=True, editable=False
    )

    class Meta:
        verbose_name = _("device")
        verbose_name_plural = _("devices")
        ordering = ("code",)
        constraints = [
            models.UniqueConstraint(
                fields=("host", "port", "unit_id"), name="device_modbus_address_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=DeviceKind.values), name="device_kind_known"
            ),
            models.CheckConstraint(
                condition=models.Q(stage__in=DeviceStage.values), name="device_stage_known"
            ),
            models.CheckConstraint(
                condition=models.Q(transport__in=Transport.values), name="device_transport_known"
            ),
            models.UniqueConstraint(
                fields=("site",),
                condition=models.Q(is_grid_meter=True),
                name="device_one_grid_meter_of_a_site",
                violation_error_message=_("The site has a grid meter already."),
            ),
            models.CheckConstraint(
                condition=models.Q(is_grid_meter=False) | models.Q(kind="meter"),
                name="device_grid_meter_is_a_meter",
                violation_error_message=_("Only a meter can meter the grid connection."),
            ),
            models.CheckConstraint(
                condition=models.Q(ramp_kw_per_s=None) | models.Q(ramp_kw_per_s__gt=0),
                name="device_ramp_positive",
            ),
            models.CheckConstraint(
                condition=models.Q(connection_state__in=ConnectionState.values),
                name="device_connection_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(rated_power_kw__gt=0), name="device_rated_power_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(poll_period_s__gte=SHORTEST_POLL_PERIOD_S),
                name="device_poll_period_long_enough",
            ),
            models.CheckConstraint(
                # A bare "> 0" is neither true nor false of NULL, and a CHECK lets that pass.
                condition=~models.Q(kind="battery")
                | models.Q(capacity_kwh__isnull=False, capacity_kwh__gt=0),
                name="device_battery_has_capacity",
                violation_error_message=_("A battery needs a capacity."),
            ),
            models.CheckConstraint(
                condition=models.Q(
                    soc_min_percent__gte=0,
                    soc_min_percent__lt=models.F("soc_max_percent"),
                    soc_max_percent__lte=100,
                ),
                name="device_soc_window",
                violation_error_message=_("The lowest SoC must be below the highest."),
            ),
            models.CheckConstraint(
                condition=models.Q(
                    charging_efficiency__gt=0,
                    charging_efficiency__lte=1,
                    discharging_efficiency__gt=0,
                    discharging_efficiency__lte=1,
                ),
                name="device_efficiencies_between_0_and_1",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def gateway(self) -> str:
        """The TCP end that the device shares with others behind the same gateway."""
        return f"{self.host}:{self.port}"


class Sensor(models.Model):
    """One quantity that a device measures; its readings hang on this id."""

    device = models.ForeignKey(
        Device, on_delete=models.CASCADE, related_name="sensors", verbose_name=_("device")
    )
    quantity = models.CharField(_("quantity"), max_length=24, choices=Quantity.choices)
    channel = models.SlugField(
        _("channel"),
        max_length=24,
        blank=True,
        help_text=_("Empty for the whole device, else a part of it: `l1`, `mppt2`."),
    )
    unit = models.CharField(_("unit"), max_length=8, blank=True)
    period_s = models.FloatField(_("period (s)"), null=True, blank=True)
    """How often the sensor is read; None: as often as its device."""
    rollover_kwh = models.FloatField(_("roll-over (kWh)"), null=True, blank=True)
    """Where an energy counter starts again from 0; None when it is not known."""

    class Meta:
        verbose_name = _("sensor")
        verbose_name_plural = _("sensors")
        ordering = ("device_id", "quantity", "channel")
        constraints = [
            models.UniqueConstraint(
                fields=("device", "quantity", "channel"), name="sensor_one_of_a_quantity"
            ),
            models.CheckConstraint(
                condition=models.Q(quantity__in=Quantity.values), name="sensor_quantity_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} {self.quantity} {self.channel}".rstrip()
