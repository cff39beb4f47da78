"""Charging stations, their EVSEs and connectors, and the connections we refused."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.chargers.choices import (
    BackEnd,
    ConnectionState,
    ConnectorStatus,
    RefusalReason,
    RegistrationStatus,
    SecurityProfile,
)

# OCPP 2.0.1 Part 4 §3.1.1: a station identity has at most 48 characters.
STATION_ID_MAX_LENGTH = 48


class ChargingStation(models.Model):
    """One charging station: a cabinet with one OCPP identity and one or more EVSEs."""

    station_id = models.CharField(
        _("station id"), max_length=STATION_ID_MAX_LENGTH, unique=True, help_text=_("OCPP identity")
    )
    site = models.ForeignKey(
        "assets.Site",
        verbose_name=_("site"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="charging_stations",
    )
    name = models.CharField(_("name"), max_length=100, blank=True)
    commune = models.CharField(_("commune"), max_length=100, blank=True)
    latitude = models.FloatField(_("latitude"), null=True, blank=True)
    longitude = models.FloatField(_("longitude"), null=True, blank=True)
    rated_power_kw = models.FloatField(_("rated power (kW)"))
    csms = models.CharField(
        _("served by"), max_length=10, choices=BackEnd.choices, default=BackEnd.NATIVE
    )
    ocpp_version = models.CharField(_("OCPP version"), max_length=6, blank=True, editable=False)
    security_profile = models.PositiveSmallIntegerField(
        _("security profile"), choices=SecurityProfile.choices, default=SecurityProfile.BASIC
    )
    password_hash = models.CharField(max_length=160, blank=True, editable=False)
    next_password_hash = models.CharField(max_length=160, blank=True, editable=False)
    """Of the password that the station took last; the old one holds until this one is used."""
    vendor = models.CharField(_("vendor"), max_length=50, blank=True)
    model = models.CharField(_("model"), max_length=50, blank=True)
    serial_number = models.CharField(_("serial number"), max_length=50, blank=True)
    firmware = models.CharField(_("firmware"), max_length=50, blank=True)
    registration_status = models.CharField(
        _("registration"),
        max_length=8,
        choices=RegistrationStatus.choices,
        default=RegistrationStatus.ACCEPTED,
        help_text=_("The answer to the next boot notification"),
    )
    connection_state = models.CharField(
        _("connection"),
        max_length=8,
        choices=ConnectionState.choices,
        default=ConnectionState.OFFLINE,
    )
    connection_channel = models.CharField(max_length=120, blank=True, editable=False)
    connected_at = models.DateTimeField(_("connected at"), null=True, blank=True)
    disconnected_at = models.DateTimeField(_("disconnected at"), null=True, blank=True)
    booted_at = models.DateTimeField(_("booted at"), null=True, blank=True)
    last_seen_at = models.DateTimeField(_("last seen"), null=True, blank=True)

    class Meta:
        verbose_name = _("charging station")
        verbose_name_plural = _("charging stations")
        ordering = ["station_id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(rated_power_kw__gt=0), name="station_rated_power_positive"
            ),
            models.CheckConstraint(
                condition=Q(latitude__isnull=True) | Q(latitude__range=(-90, 90)),
                name="station_latitude_range",
            ),
            models.CheckConstraint(
                condition=Q(longitude__isnull=True) | Q(longitude__range=(-180, 180)),
                name="station_longitude_range",
            ),
        ]

    def __str__(self) -> str:
        return self.station_id

    @property
    def is_online(self) -> bool:
        return self.connection_state == ConnectionState.ONLINE


class Evse(models.Model):
    """One place of a station where one car can charge at a time (OCPP EVSE, id from 1)."""

    station = models.ForeignKey(ChargingStation, on_delete=models.CASCADE, related_name="evses")
    evse_id = models.PositiveIntegerField(_("EVSE"))

    class Meta:
        verbose_name = _("EVSE")
        verbose_name_plural = _("EVSEs")
        ordering = ["station", "evse_id"]
        constraints = [
            models.UniqueConstraint(fields=["station", "evse_id"], name="evse_unique_in_station"),
        ]

    def __str__(self) -> str:
        return f"{self.station}/{self.evse_id}"


class Connector(models.Model):
    """One plug or socket of an EVSE."""

    evse = models.ForeignKey(Evse, on_delete=models.CASCADE, related_name="connectors")
    connector_id = models.PositiveIntegerField(_("connector"))
    type = models.CharField(_("type"), max_length=20, blank=True)
    status = models.CharField(
        _("status"),
        max_length=12,
        choices=ConnectorStatus.choices,
        default=ConnectorStatus.UNKNOWN,
    )
    status_at = models.DateTimeField(_("status since"), null=True, blank=True)
    error_code = models.CharField(_("error code"), max_length=50, blank=True)

    class Meta:
        verbose_name = _("connector")
        verbose_name_plural = _("connectors")
        ordering = ["evse", "connector_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["evse", "connector_id"], name="connector_unique_in_evse"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connector_id} {self.type}".strip()


class RefusedConnection(models.Model):
    """Connections refused for one station identity and one reason: how often and when last."""

    station_id = models.CharField(_("station id"), max_length=STATION_ID_MAX_LENGTH)
    path = models.CharField(_("path"), max_length=200)
    status = models.PositiveSmallIntegerField(_("HTTP status"))
    reason = models.CharField(_("reason"), max_length=20, choices=RefusalReason.choices)
    remote = models.CharField(_("from address"), max_length=64, blank=True)
    count = models.PositiveBigIntegerField(_("times"), default=1)
    first_at = models.DateTimeField(_("first time"))
    at = models.DateTimeField(_("last time"))

    class Meta:
        verbose_name = _("refused connection")
        verbose_name_plural = _("refused connections")
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(
                fields=["station_id", "reason"], name="refused_connection_counted"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.station_id} {self.reason}"
