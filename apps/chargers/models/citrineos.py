"""CitrineOS as a second back-end: how it is reached, and what was taken from it."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.chargers.models.sessions import Session
from apps.chargers.models.stations import STATION_ID_MAX_LENGTH, ChargingStation
from apps.tenants.fields import EncryptedTextField


class CitrineAccount(models.Model):
    """One CitrineOS server that holds sockets of this operator's stations, and our way to it."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    is_active = models.BooleanField(
        _("active"), default=False, help_text=_("One server at most is active.")
    )
    serves_new_stations = models.BooleanField(
        _("serves new stations"),
        default=False,
        help_text=_("New stations are given to CitrineOS, not to Cariflex itself."),
    )
    tenant_id = models.PositiveIntegerField(
        _("tenant"), default=1, help_text=_("This operator's number in CitrineOS")
    )
    rest_url = models.CharField(_("address of the message API"), max_length=300)
    rest_token = EncryptedTextField(
        _("token of the message API"),
        blank=True,
        help_text=_("Bearer token, when CitrineOS asks for one (OIDC)"),
    )
    amqp_url = EncryptedTextField(
        _("address of the broker"), help_text=_("amqp(s)://user:password@host:port/vhost")
    )
    exchange = models.CharField(_("exchange"), max_length=100, default="citrineos")
    graphql_url = models.CharField(
        _("address of GraphQL"),
        max_length=300,
        blank=True,
        help_text=_("Hasura: without it nothing is back-filled and nothing is provisioned."),
    )
    graphql_secret = EncryptedTextField(_("admin secret of GraphQL"), blank=True)
    callback_url = models.CharField(
        _("our address for answers"),
        max_length=300,
        help_text=_("Where CitrineOS reaches this operator's site, such as https://host"),
    )
    callback_secret = EncryptedTextField(editable=False)
    """Signs the address of each answer; made once, never shown."""
    starts_at = models.DateTimeField(
        _("messages from"),
        default=timezone.now,
        help_text=_("Older messages in CitrineOS are not fetched."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("CitrineOS server")
        verbose_name_plural = _("CitrineOS servers")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_active"], condition=Q(is_active=True), name="citrine_one_active"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CitrineCursor(models.Model):
    """How far the bridge to a CitrineOS server is, and which process is the bridge now."""

    account = models.OneToOneField(CitrineAccount, on_delete=models.CASCADE, related_name="cursor")
    last_id = models.BigIntegerField(_("last row read"), default=0)
    """Of OCPPMessages; rows commit out of order, so reading begins some before it."""
    holder = models.CharField(_("bridge process"), max_length=64, blank=True)
    held_until = models.DateTimeField(_("held until"), null=True, blank=True)
    connected_at = models.DateTimeField(_("connected at"), null=True, blank=True)
    last_message_at = models.DateTimeField(_("last message"), null=True, blank=True)
    filled_at = models.DateTimeField(_("last comparison"), null=True, blank=True)
    provisioned_at = models.DateTimeField(_("provisioned at"), null=True, blank=True)
    live_count = models.PositiveBigIntegerField(_("messages taken live"), default=0)
    recovered_count = models.PositiveBigIntegerField(_("messages found by comparison"), default=0)
    repeated_count = models.PositiveBigIntegerField(_("repetitions left out"), default=0)
    unusable_count = models.PositiveBigIntegerField(_("unusable messages"), default=0)
    trouble = models.CharField(_("trouble"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("state of a CitrineOS bridge")
        verbose_name_plural = _("states of CitrineOS bridges")

    def __str__(self) -> str:
        return f"{self.account}: {self.last_id}"


class CitrineMessage(models.Model):
    """One message of CitrineOS that was applied: the same is never applied twice."""

    station_id = models.CharField(_("station id"), max_length=STATION_ID_MAX_LENGTH)
    correlation_id = models.CharField(_("message id"), max_length=64)
    at = models.DateTimeField(_("at"))
    """When CitrineOS got it. Stations use a message id again; not in the same millisecond."""
    is_answer = models.BooleanField(default=False)
    is_recovered = models.BooleanField(_("found by comparison"), default=False)

    class Meta:
        verbose_name = _("message taken from CitrineOS")
        verbose_name_plural = _("messages taken from CitrineOS")
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["station_id", "correlation_id", "at", "is_answer"],
                name="citrine_message_once",
            ),
        ]
        indexes = [models.Index(fields=["at"], name="citrine_message_at")]

    def __str__(self) -> str:
        return f"{self.station_id} {self.correlation_id}"


class CitrineTransaction(models.Model):
    """The number that CitrineOS gave a 1.6 transaction, beside the session that it is here."""

    station = models.ForeignKey(
        ChargingStation, on_delete=models.CASCADE, related_name="citrine_transactions"
    )
    correlation_id = models.CharField(_("message id"), max_length=64)
    """Of the StartTransaction, whose answer brings the number."""
    session = models.ForeignKey(
        Session, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    number = models.BigIntegerField(_("number"), null=True, blank=True)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("transaction number of CitrineOS")
        verbose_name_plural = _("transaction numbers of CitrineOS")
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["station", "number"], name="citrine_transaction_number"),
            models.Index(fields=["station", "correlation_id"], name="citrine_transaction_asked"),
        ]

    def __str__(self) -> str:
        return f"{self.station} {self.number}"
