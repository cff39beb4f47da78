"""Our parties, the platforms that we are connected to, and the parties behind those."""

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from apps.billing.models import BillingAccount
from apps.ocpi.choices import (
    DeliveryPolicy,
    HubStatus,
    InterfaceRole,
    OcpiVersion,
    PartnerState,
    PartyRole,
    SessionUpdates,
)
from apps.tenants.fields import EncryptedTextField
from cariflex.common.exact_json import ExactDecoder, ExactEncoder

COUNTRY = RegexValidator(r"^[A-Z$]{2}$", _("Two capital letters (ISO 3166-1 alpha-2)."))
PARTY = RegexValidator(r"^[A-Z0-9]{3}$", _("Three capital letters or digits."))


class Party(models.Model):
    """A role that the operator plays under a country code and a party id (2.2.1 §8.3.2)."""

    role = models.CharField(_("role"), max_length=5, choices=PartyRole.choices)
    country_code = models.CharField(_("country code"), max_length=2, validators=[COUNTRY])
    party_id = models.CharField(_("party id"), max_length=3, validators=[PARTY])
    name = models.CharField(_("name"), max_length=100)
    website = models.URLField(_("website"), blank=True)
    logo_url = models.URLField(_("logo"), blank=True)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("own party")
        verbose_name_plural = _("own parties")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["role", "country_code", "party_id"], name="ocpi_party_once"
            ),
            models.CheckConstraint(
                condition=Q(country_code__regex="^[A-Z$]{2}$", party_id__regex="^[A-Z0-9]{3}$"),
                name="ocpi_party_form",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.country_code}*{self.party_id}"


class Partner(models.Model):
    """One connection to another platform: who it is, how it wants to be spoken to.

    Whatever differs between partners is a field here, never a name in the code.
    """

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=100)
    state = models.CharField(
        _("state"), max_length=10, choices=PartnerState.choices, default=PartnerState.INVITED
    )
    role = models.CharField(
        _("role"), max_length=5, choices=PartyRole.choices,
        help_text=_("What the partner is to us; a HUB stands for the parties behind it."),
    )  # fmt: skip
    version = models.CharField(
        _("version"), max_length=5, choices=OcpiVersion.choices, blank=True,
        help_text=_("Agreed at registration"),
    )  # fmt: skip
    versions_url = models.URLField(_("their versions URL"), max_length=255, blank=True)
    account = models.ForeignKey(
        BillingAccount, verbose_name=_("billing account"), on_delete=models.PROTECT, null=True,
        blank=True, related_name="ocpi_partners",
        help_text=_("Who is billed for sessions of their tokens, and whose CDRs are settled"),
    )  # fmt: skip
    token_in_hash = models.CharField(max_length=64, blank=True, editable=False)
    """SHA-256 (hex) of the token that they present; empty: they cannot call."""
    is_token_in_invitation = models.BooleanField(default=True, editable=False)
    """True for TOKEN_A, which opens versions and credentials only (2.2.1 §7.2)."""
    token_out = EncryptedTextField(_("token we present"), blank=True, editable=False)
    accepts_unencoded_token = models.BooleanField(
        _("may present its token unencoded"), default=False,
        help_text=_("2.1.1 and some of 2.2 do; never guessed."),
    )  # fmt: skip
    sends_unencoded_token = models.BooleanField(_("present our token unencoded"), default=False)
    page_limit = models.PositiveIntegerField(
        _("objects on a page that we give"), default=100,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
    )  # fmt: skip
    pull_limit = models.PositiveIntegerField(
        _("objects on a page that we ask for"), default=100,
        validators=[MinValueValidator(1), MaxValueValidator(1000)],
    )  # fmt: skip
    needs_routing_headers = models.BooleanField(
        _("routing headers on every functional message"), default=True
    )
    session_updates = models.CharField(
        _("session updates"), max_length=5, choices=SessionUpdates.choices,
        default=SessionUpdates.PATCH,
    )  # fmt: skip
    session_update_s = models.PositiveIntegerField(_("seconds between session updates"), default=60)
    delivery = models.CharField(
        _("failed pushes are"), max_length=4, choices=DeliveryPolicy.choices,
        default=DeliveryPolicy.NONE,
    )  # fmt: skip
    pushed_kinds = models.JSONField(
        _("pushed to them"), default=list, blank=True,
        help_text=_("Of locations, sessions, cdrs, tariffs, tokens"),
    )  # fmt: skip
    required_fields = models.JSONField(
        _("fields they insist on"), default=dict, blank=True,
        help_text=_('By kind, as {"locations": ["owner.name"]}'),
    )  # fmt: skip
    timeout_s = models.FloatField(
        _("seconds to wait"), default=10, validators=[MinValueValidator(0.5), MaxValueValidator(60)]
    )
    authorize_timeout_s = models.FloatField(
        _("seconds to wait for an authorization"), default=1.2,
        validators=[MinValueValidator(0.2), MaxValueValidator(10)],
    )  # fmt: skip
    note = models.TextField(_("note"), blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    registered_at = models.DateTimeField(_("registered at"), null=True, blank=True)
    last_in_at = models.DateTimeField(_("last heard"), null=True, blank=True)
    last_out_at = models.DateTimeField(_("last reached"), null=True, blank=True)

    class Meta:
        verbose_name = _("roaming partner")
        verbose_name_plural = _("roaming partners")
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["token_in_hash"], condition=~Q(token_in_hash=""), name="ocpi_token_in_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=PartnerState.values), name="ocpi_partner_state_known"
            ),
        ]
        permissions = [
            ("register_partner", "Can invite, register and suspend roaming partners"),
            ("command_partner", "Can send commands to roaming partners"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_hub(self) -> bool:
        return self.role == PartyRole.HUB

    @property
    def destination(self) -> str:
        """The outbox destination of its pushes."""
        return f"ocpi:{self.pk}"


class PartnerRole(models.Model):
    """A party at a partner's platform: its own roles, or a client of the hub."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="roles")
    role = models.CharField(_("role"), max_length=5, choices=PartyRole.choices)
    country_code = models.CharField(_("country code"), max_length=2)
    party_id = models.CharField(_("party id"), max_length=3)
    business_details = models.JSONField(_("business details"), default=dict, blank=True)
    hub_status = models.CharField(
        _("behind the hub"), max_length=9, choices=HubStatus.choices, blank=True
    )
    """Empty for the partner's own roles."""
    last_updated = models.DateTimeField(_("last updated"), null=True, blank=True)

    class Meta:
        verbose_name = _("partner's party")
        verbose_name_plural = _("partners' parties")
        ordering = ["partner", "role", "country_code", "party_id"]
        constraints = [
            models.UniqueConstraint(
                "partner",
                "role",
                Upper("country_code"),
                Upper("party_id"),
                name="ocpi_partner_role_once",
            ),  # fmt: skip
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.country_code}*{self.party_id}"


class PartnerEndpoint(models.Model):
    """Where a partner serves a module of the agreed version."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="endpoints")
    identifier = models.CharField(_("module"), max_length=36)
    role = models.CharField(_("interface"), max_length=8, choices=InterfaceRole.choices)
    url = models.URLField(_("URL"), max_length=255)

    class Meta:
        verbose_name = _("partner's endpoint")
        verbose_name_plural = _("partners' endpoints")
        ordering = ["partner", "identifier", "role"]
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "identifier", "role"], name="ocpi_endpoint_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.identifier} {self.role}"


class OcpiSettings(models.Model):
    """The operator's own choices for roaming; one row."""

    public_url = models.URLField(
        _("our address"), blank=True,
        help_text=_("As partners reach it, such as https://host; empty: as they called it."),
    )  # fmt: skip
    keep_exchanges_days = models.PositiveIntegerField(_("days the log is kept"), default=90)
    is_hub = models.BooleanField(
        _("route messages between partners"), default=False,
        help_text=_("Every partner then reaches the others through us."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("roaming settings")
        verbose_name_plural = _("roaming settings")
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="ocpi_settings_one_row")]

    def __str__(self) -> str:
        return "OCPI"


class PartyCopyBase(models.Model):
    """An object that belongs to a partner's party, as last told; ids compare without case."""

    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="+")
    country_code = models.CharField(_("country code"), max_length=2)
    party_id = models.CharField(_("party id"), max_length=3)
    object_id = models.CharField(_("id"), max_length=39)
    content = models.JSONField(_("content"), encoder=ExactEncoder, decoder=ExactDecoder)
    """In the shape of 2.3.0 (apps.ocpi.v2_3_0)."""
    last_updated = models.DateTimeField(_("last updated"))
    received_at = models.DateTimeField(_("received at"))

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.object_id
