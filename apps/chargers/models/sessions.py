"""Tokens, charging sessions, their events and meter values."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from apps.chargers.choices import (
    ChargingState,
    SessionState,
    TokenStatus,
    TokenType,
    TransactionEventType,
)
from apps.chargers.models.local_lists import TokenGroup
from apps.chargers.models.stations import ChargingStation, Evse
from apps.chargers.ocpp.plausibility import Charged, doubts


def mask_token(id_token: str) -> str:
    """The token with all but its last four characters hidden; short ones are hidden whole."""
    return "" if not id_token else "•••" + (id_token[-4:] if len(id_token) > 6 else "")


class IdToken(models.Model):
    """One card, contract or code that this operator knows; tokens compare without case."""

    id_token = models.CharField(_("token"), max_length=36)
    type = models.CharField(
        _("type"), max_length=15, choices=TokenType.choices, default=TokenType.ISO14443
    )
    status = models.CharField(
        _("status"), max_length=8, choices=TokenStatus.choices, default=TokenStatus.ACCEPTED
    )
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    group = models.ForeignKey(
        TokenGroup,
        verbose_name=_("group"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="tokens",
    )
    valid_from = models.DateTimeField(_("valid from"), null=True, blank=True)
    charging_priority = models.SmallIntegerField(_("charging priority"), default=0)
    """-9 to 9 (C01: chargingPriority)."""
    is_in_local_lists = models.BooleanField(_("in local lists"), default=True)
    note = models.CharField(_("note"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")
        ordering = ["id_token"]
        constraints = [
            models.UniqueConstraint(Upper("id_token"), name="id_token_unique_without_case"),
        ]

    def __str__(self) -> str:
        return mask_token(self.id_token)


class Session(models.Model):
    """One OCPP transaction: from its first event to its Ended event."""

    station = models.ForeignKey(ChargingStation, on_delete=models.PROTECT, related_name="sessions")
    evse = models.ForeignKey(
        Evse, on_delete=models.PROTECT, null=True, blank=True, related_name="sessions"
    )
    connector_id = models.PositiveIntegerField(_("connector"), null=True, blank=True)
    transaction_id = models.CharField(_("transaction id"), max_length=36)
    # The longest of OCPP 2.1; what a station told is never lost for its length.
    id_token = models.CharField(_("token"), max_length=255, blank=True)
    id_token_type = models.CharField(_("token type"), max_length=20, blank=True)
    remote_start_id = models.BigIntegerField(_("remote start id"), null=True, blank=True)
    state = models.CharField(
        _("state"), max_length=6, choices=SessionState.choices, default=SessionState.ACTIVE
    )
    charging_state = models.CharField(
        _("charging state"), max_length=15, choices=ChargingState.choices, blank=True
    )
    started_at = models.DateTimeField(_("started at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    stopped_reason = models.CharField(_("stopped because"), max_length=30, blank=True)
    start_meter_kwh = models.DecimalField(
        _("meter at start (kWh)"), max_digits=24, decimal_places=9, null=True, blank=True
    )
    meter_kwh = models.DecimalField(
        _("meter (kWh)"), max_digits=24, decimal_places=9, null=True, blank=True
    )
    energy_kwh = models.DecimalField(_("energy (kWh)"), max_digits=24, decimal_places=9, default=0)
    meter_went_backwards = models.BooleanField(_("meter went backwards"), default=False)
    power_kw = models.FloatField(_("power (kW)"), default=0.0)
    soc_percent = models.FloatField(_("state of charge (%)"), null=True, blank=True)
    measured_at = models.DateTimeField(_("measured at"), null=True, blank=True)
    first_seq_no = models.BigIntegerField(default=0, editable=False)
    last_seq_no = models.BigIntegerField(_("last sequence number"), default=0)
    events_count = models.PositiveIntegerField(_("events"), default=0)
    is_numbered = models.BooleanField(default=True, editable=False)
    """False for OCPP 1.6, whose messages carry no sequence number."""
    checked_at = models.DateTimeField(
        _("checked at"),
        null=True,
        blank=True,
        help_text=_("When somebody found that a doubtful session may be billed"),
    )
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("charging session")
        verbose_name_plural = _("charging sessions")
        ordering = ["-started_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["station", "transaction_id"], name="session_unique_transaction"
            ),
            models.CheckConstraint(
                condition=Q(energy_kwh__gte=0), name="session_energy_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(state=SessionState.ACTIVE, ended_at__isnull=True)
                | Q(state=SessionState.ENDED, ended_at__isnull=False),
                name="session_ended_has_end",
            ),
        ]
        indexes = [
            models.Index(fields=["-started_at", "-id"], name="session_started"),
            models.Index(
                fields=["station"], condition=Q(state=SessionState.ACTIVE), name="session_live"
            ),
            models.Index(
                fields=["ended_at"], condition=Q(state=SessionState.ENDED), name="session_ended"
            ),
        ]

    def __str__(self) -> str:
        return self.transaction_id

    @property
    def has_all_events(self) -> bool:
        """True when no sequence number is missing between the first and the last known event.

        Without numbers the start and the end are all that can be told.
        """
        if not self.is_numbered:
            return self.first_seq_no == 0
        return self.events_count == self.last_seq_no - self.first_seq_no + 1

    @property
    def id_token_masked(self) -> str:
        return mask_token(self.id_token)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why somebody should look at it before it is billed (ocpp.plausibility); mostly none."""
        return doubts(
            Charged(
                started_at=self.started_at,
                ended_at=self.ended_at,
                energy_kwh=self.energy_kwh,
                meter_went_backwards=self.meter_went_backwards,
                rated_power_kw=self.station.rated_power_kw,
                told_at=self.updated_at,
            )
        )

    @property
    def may_be_billed(self) -> bool:
        """False while there are doubts that nobody has looked into."""
        return self.checked_at is not None or not self.doubts


class SessionEvent(models.Model):
    """One TransactionEvent as the station sent it; a second one of the same number is ignored."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="events")
    seq_no = models.BigIntegerField(_("sequence number"))
    event_type = models.CharField(_("event"), max_length=7, choices=TransactionEventType.choices)
    trigger_reason = models.CharField(_("trigger"), max_length=25, blank=True)
    at = models.DateTimeField(_("at"))
    is_offline = models.BooleanField(_("sent later"), default=False)
    payload = models.TextField(_("payload"), help_text=_("The JSON text as the station sent it"))
    received_at = models.DateTimeField(_("received at"))

    class Meta:
        verbose_name = _("session event")
        verbose_name_plural = _("session events")
        ordering = ["session", "seq_no"]
        constraints = [
            models.UniqueConstraint(fields=["session", "seq_no"], name="session_event_once"),
        ]

    def __str__(self) -> str:
        return f"{self.seq_no} {self.event_type}"


class SignedMeterValue(models.Model):
    """A signed value as the meter made it (J01, E), kept for whoever wants to check a bill."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="signed_values")
    seq_no = models.BigIntegerField(_("sequence number"))
    ordinal = models.PositiveIntegerField(default=0)
    at = models.DateTimeField(_("at"))
    context = models.CharField(_("context"), max_length=20, blank=True)
    encoding_method = models.CharField(_("encoding"), max_length=50, blank=True)
    signing_method = models.CharField(_("signing method"), max_length=50, blank=True)
    public_key = models.TextField(_("public key"), blank=True)
    signed_data = models.TextField(_("signed value"))

    class Meta:
        verbose_name = _("signed meter value")
        verbose_name_plural = _("signed meter values")
        ordering = ["session", "seq_no", "ordinal"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "seq_no", "ordinal"], name="signed_meter_value_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.seq_no}.{self.ordinal}"


class MeterValue(models.Model):
    """One sampled value of a station's meter, in kWh, kW, V, A, % or the unit as sent."""

    station = models.ForeignKey(ChargingStation, on_delete=models.CASCADE, related_name="+")
    evse_number = models.PositiveIntegerField(_("EVSE"), default=0)
    session = models.ForeignKey(
        Session, on_delete=models.CASCADE, null=True, blank=True, related_name="meter_values"
    )
    seq_no = models.BigIntegerField(null=True, blank=True)
    ordinal = models.PositiveIntegerField(default=0)
    at = models.DateTimeField(_("at"))
    measurand = models.CharField(_("measurand"), max_length=50)
    phase = models.CharField(_("phase"), max_length=5, blank=True)
    location = models.CharField(_("location"), max_length=10, blank=True)
    context = models.CharField(_("context"), max_length=20, blank=True)
    value = models.DecimalField(_("value"), max_digits=24, decimal_places=9)
    unit = models.CharField(_("unit"), max_length=20, blank=True)

    class Meta:
        verbose_name = _("meter value")
        verbose_name_plural = _("meter values")
        ordering = ["at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "seq_no", "ordinal"],
                condition=Q(session__isnull=False),
                name="meter_value_once_in_event",
            ),
            models.UniqueConstraint(
                fields=[
                    "station",
                    "evse_number",
                    "at",
                    "measurand",
                    "phase",
                    "location",
                    "context",
                ],
                condition=Q(session__isnull=True),
                name="meter_value_once_at_evse",
            ),
        ]
        indexes = [
            models.Index(fields=["measurand", "at"], name="meter_value_measurand_at"),
        ]

    def __str__(self) -> str:
        return f"{self.measurand} {self.value} {self.unit}"
