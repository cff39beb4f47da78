"""Ties to others: webhooks of partners, ad hoc payments, a CSMS beside our own."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.chargers.choices import AdHocStatus
from apps.chargers.models.sessions import Session
from apps.chargers.models.stations import Evse
from apps.tenants.fields import EncryptedTextField


class Webhook(models.Model):
    """An address of a partner that hears what happens at stations."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    url = models.URLField(_("address"), max_length=500)
    secret = EncryptedTextField(_("secret"))
    events = ArrayField(
        models.CharField(max_length=60),
        verbose_name=_("events"),
        help_text=_("Names with wildcards: `session.*`, `station.status`, `*`."),
    )
    stations = ArrayField(
        models.CharField(max_length=60),
        verbose_name=_("stations"),
        default=list,
        blank=True,
        help_text=_("Station ids with wildcards; empty for all."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class AdHocCharge(models.Model):
    """A driver without contract who pays at the place (AFIR article 5)."""

    evse = models.ForeignKey(Evse, on_delete=models.PROTECT, related_name="ad_hoc_charges")
    token = models.CharField(_("token"), max_length=36, unique=True)
    """The idToken of the session, made for this charge only."""
    page_secret = models.CharField(max_length=64, unique=True, editable=False)
    provider = models.CharField(_("payment provider"), max_length=30)
    provider_reference = models.CharField(_("provider's reference"), max_length=100, blank=True)
    price_shown = models.JSONField(_("price shown"), default=dict)
    authorized_amount = models.DecimalField(
        _("reserved"), max_digits=12, decimal_places=4, null=True, blank=True
    )
    captured_amount = models.DecimalField(
        _("captured"), max_digits=12, decimal_places=4, null=True, blank=True
    )
    currency = models.CharField(_("currency"), max_length=3)
    status = models.CharField(
        _("status"), max_length=10, choices=AdHocStatus.choices, default=AdHocStatus.OPENED
    )
    session = models.ForeignKey(
        Session, null=True, blank=True, on_delete=models.SET_NULL, related_name="ad_hoc_charges"
    )
    created_at = models.DateTimeField(_("created at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("ad hoc charge")
        verbose_name_plural = _("ad hoc charges")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.evse_id} {self.status}"


class CitrineAccount(models.Model):
    """A CitrineOS that serves this operator's stations; one row (back-end `citrineos`)."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    base_url = models.CharField(_("REST address"), max_length=300)
    tenant_number = models.PositiveIntegerField(_("tenant in CitrineOS"), default=1)
    amqp_url = EncryptedTextField(_("broker address"))
    graphql_url = models.CharField(_("GraphQL address"), max_length=300, blank=True)
    graphql_secret = EncryptedTextField(_("GraphQL secret"), blank=True)
    callback_base_url = models.CharField(
        _("our address for its answers"), max_length=300, blank=True
    )
    callback_secret = EncryptedTextField(_("secret of the answers"), editable=False)
    is_active = models.BooleanField(_("active"), default=True)
    cursor = models.BigIntegerField(_("last event taken"), default=0, editable=False)
    consumed_at = models.DateTimeField(_("last message"), null=True, blank=True, editable=False)
    last_error = models.CharField(_("last error"), max_length=300, blank=True, editable=False)

    class Meta:
        verbose_name = _("CitrineOS account")
        verbose_name_plural = _("CitrineOS account")
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="citrine_account_one_row"),
        ]

    def __str__(self) -> str:
        return self.base_url
