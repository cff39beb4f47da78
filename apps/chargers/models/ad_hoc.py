"""Charging without a contract: what the operator offers, each stay, and the test payments."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.chargers.choices import AdHocEnd, AdHocState, PaymentState
from apps.chargers.models.messages import Command
from apps.chargers.models.sessions import Session, mask_token
from apps.chargers.models.stations import Evse
from cariflex.common.exact_json import ExactDecoder, ExactEncoder


class AdHocSettings(models.Model):
    """Whether and how people without a contract pay at this operator (AFIR art. 5); one row."""

    singleton = models.BooleanField(default=True, editable=False, unique=True)
    provider = models.CharField(
        _("payment provider"),
        max_length=30,
        blank=True,
        help_text=_("Empty: nobody can charge without a contract."),
    )
    authorised_amount = models.DecimalField(
        _("amount to authorise"),
        max_digits=8,
        decimal_places=2,
        default=Decimal("30.00"),
        validators=[MinValueValidator(Decimal("0.01"))],
        help_text=_("Held on the card before charging starts. No more than this is ever taken."),
    )
    help_contact = models.CharField(
        _("help"),
        max_length=100,
        blank=True,
        help_text=_("A telephone number or an e-mail address for people at a station."),
    )

    class Meta:
        verbose_name = _("ad hoc payment settings")
        verbose_name_plural = _("ad hoc payment settings")
        constraints = [
            models.CheckConstraint(condition=Q(singleton=True), name="ad_hoc_settings_only_one"),
            models.CheckConstraint(
                condition=Q(authorised_amount__gte=0), name="ad_hoc_amount_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.provider


class AdHocCharge(models.Model):
    """One stay of a person without a contract: from the payment page to the receipt."""

    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    """SHA-256 of what stands in the address of the person's page."""
    evse = models.ForeignKey(
        Evse, verbose_name=_("EVSE"), on_delete=models.PROTECT, related_name="ad_hoc_charges"
    )
    state = models.CharField(
        _("state"), max_length=8, choices=AdHocState.choices, default=AdHocState.PAYING
    )
    end_reason = models.CharField(
        _("why nothing was taken"), max_length=12, choices=AdHocEnd.choices, blank=True
    )
    id_token = models.CharField(max_length=20, unique=True, editable=False)
    """The token that the station starts for; good for this stay only."""
    command = models.OneToOneField(
        Command,
        verbose_name=_("start command"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="ad_hoc_charge",
    )
    session = models.OneToOneField(
        Session,
        verbose_name=_("session"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="ad_hoc_charge",
    )
    currency = models.CharField(_("currency"), max_length=3)
    price_per_kwh_excl_vat = models.DecimalField(
        _("price of a kWh told, excl. VAT"), max_digits=12, decimal_places=6
    )
    vat_percent = models.DecimalField(_("VAT (%)"), max_digits=5, decimal_places=2)
    price_terms = models.JSONField(
        default=dict, blank=True, editable=False, encoder=ExactEncoder, decoder=ExactDecoder
    )
    """All that was told of the price (ports.PriceTold), as the pricing wants it back."""
    authorised_amount = models.DecimalField(_("amount authorised"), max_digits=8, decimal_places=2)
    captured_amount = models.DecimalField(
        _("amount taken"), max_digits=8, decimal_places=2, null=True, blank=True
    )
    refunded_amount = models.DecimalField(
        _("amount given back"), max_digits=8, decimal_places=2, default=Decimal(0)
    )
    cdr_reference = models.CharField(_("charge detail record"), max_length=40, blank=True)
    provider = models.CharField(_("payment provider"), max_length=30)
    provider_reference = models.CharField(_("payment"), max_length=100, blank=True)
    language = models.CharField(_("language"), max_length=8, blank=True)
    created_at = models.DateTimeField(_("created at"))
    authorised_at = models.DateTimeField(_("authorised at"), null=True, blank=True)
    stop_asked_at = models.DateTimeField(_("stop asked at"), null=True, blank=True)
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)

    class Meta:
        verbose_name = _("ad hoc charge")
        verbose_name_plural = _("ad hoc charges")
        ordering = ["-created_at", "-pk"]
        permissions = [("refund_adhoccharge", "Can refund ad hoc charges")]
        constraints = [
            models.UniqueConstraint(
                fields=["evse"],
                condition=Q(state=AdHocState.STARTING),
                name="ad_hoc_one_start_at_an_evse",
            ),
            models.CheckConstraint(
                condition=Q(captured_amount__isnull=True)
                | Q(captured_amount__lte=models.F("authorised_amount")),
                name="ad_hoc_no_more_than_authorised",
            ),
            models.CheckConstraint(
                condition=Q(refunded_amount__gte=0), name="ad_hoc_refund_not_negative"
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="ad_hoc_created"),
            models.Index(
                fields=["state", "id"],
                condition=Q(state__in=AdHocState.open_states()),
                name="ad_hoc_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.evse} {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def id_token_masked(self) -> str:
        return mask_token(self.id_token)

    @property
    def is_open(self) -> bool:
        """True while the station may still charge for it."""
        return self.state in AdHocState.open_states()


class TestPayment(models.Model):
    """One payment at the test provider; no money moves."""

    __test__ = False  # not a class of tests

    reference = models.CharField(_("reference"), max_length=40, unique=True)
    amount = models.DecimalField(_("amount"), max_digits=8, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    state = models.CharField(
        _("state"), max_length=10, choices=PaymentState.choices, default=PaymentState.PENDING
    )
    captured_amount = models.DecimalField(
        _("amount taken"), max_digits=8, decimal_places=2, default=Decimal(0)
    )
    refunded_amount = models.DecimalField(
        _("amount given back"), max_digits=8, decimal_places=2, default=Decimal(0)
    )
    return_url = models.CharField(max_length=500, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("test payment")
        verbose_name_plural = _("test payments")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.reference


class CostTold(models.Model):
    """The running cost that a station was told last of one session (I02)."""

    session = models.OneToOneField(Session, on_delete=models.CASCADE, related_name="cost_told")
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=4)
    told_at = models.DateTimeField(_("told at"))

    class Meta:
        verbose_name = _("cost told")
        verbose_name_plural = _("costs told")

    def __str__(self) -> str:
        return f"{self.amount}"
