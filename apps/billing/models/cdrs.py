"""Charge detail records: written once, never changed; corrected by a credit and a new one."""

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from apps.billing.choices import AuthMethod
from apps.billing.models.accounts import BillingAccount
from apps.billing.models.tariffs import TariffVersion
from apps.chargers.models import Session, mask_token
from cariflex.common.errors import DomainError
from cariflex.common.exact_json import ExactDecoder, ExactEncoder
from cariflex.common.ids import new_id
from cariflex.common.money import round_half_up

# OCPI 2.2.1 §10.3.1: 36 characters, and 39 for a credit CDR.
CREDIT_SUFFIX = "-C"


class CdrQuerySet(models.QuerySet["Cdr"]):
    """CDRs by what became of them."""

    def live(self) -> "CdrQuerySet":
        """Those that count: no credits, and none that a credit took back."""
        return self.filter(credit=False, credited_by__isnull=True)


class Cdr(models.Model):
    """What one finished session came to; written once, never changed (trigger).

    A wrong one is taken back by its credit, which has all its figures and negative totals, and
    may be followed by a corrected one of the next revision (OCPI 2.2.1 §10.2.1.1). Amounts have 4
    decimals and are rounded to cents where they are invoiced or paid. Energies are of charging
    (positive); what the car gave back stands apart and is in no total.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reference = models.CharField(_("reference"), max_length=40, unique=True)
    session = models.ForeignKey(
        Session, verbose_name=_("session"), on_delete=models.PROTECT, related_name="cdrs"
    )
    revision = models.PositiveSmallIntegerField(_("revision"), default=1)
    credit = models.BooleanField(_("credit"), default=False)
    credit_reference = models.OneToOneField(
        "self", verbose_name=_("takes back"), on_delete=models.PROTECT, null=True, blank=True,
        related_name="credited_by",
    )  # fmt: skip
    replaces = models.OneToOneField(
        "self", verbose_name=_("replaces"), on_delete=models.PROTECT, null=True, blank=True,
        related_name="replaced_by",
    )  # fmt: skip
    account = models.ForeignKey(
        BillingAccount, verbose_name=_("account"), on_delete=models.PROTECT, null=True, blank=True,
        related_name="cdrs",
    )  # fmt: skip
    """Who pays; None for a stay without a contract and for tokens of nobody."""
    billing_month = models.DateField(_("month"))
    """First day of the month in which it is booked."""
    station_id = models.CharField(_("station id"), max_length=48)
    station_name = models.CharField(_("station"), max_length=100, blank=True)
    commune = models.CharField(_("commune"), max_length=100, blank=True)
    evse_id = models.PositiveIntegerField(_("EVSE"), null=True, blank=True)
    location = models.JSONField(_("place"), default=dict, blank=True)
    """As it was: {"id", "name", "city", "country_code", "latitude", "longitude", "evse_uid",
    "connector_id", "connector_type"}."""
    time_zone = models.CharField(_("time zone"), max_length=64)
    transaction_id = models.CharField(_("transaction id"), max_length=36)
    id_token = models.CharField(_("token"), max_length=255, blank=True)
    id_token_type = models.CharField(_("token type"), max_length=20, blank=True)
    auth_method = models.CharField(
        _("authorised by"), max_length=12, choices=AuthMethod.choices, default=AuthMethod.WHITELIST
    )
    started_at = models.DateTimeField(_("started at"))
    ended_at = models.DateTimeField(_("ended at"))
    start_meter_kwh = models.DecimalField(
        _("meter at start (kWh)"), max_digits=24, decimal_places=9, null=True, blank=True
    )
    end_meter_kwh = models.DecimalField(
        _("meter at end (kWh)"), max_digits=24, decimal_places=9, null=True, blank=True
    )
    energy_kwh = models.DecimalField(_("energy (kWh)"), max_digits=24, decimal_places=9)
    """What is billed: the energy charged."""
    charged_kwh = models.DecimalField(_("charged (kWh)"), max_digits=24, decimal_places=9)
    discharged_kwh = models.DecimalField(
        _("discharged (kWh)"), max_digits=24, decimal_places=9, default=Decimal(0)
    )
    total_time_h = models.DecimalField(_("duration (h)"), max_digits=18, decimal_places=9)
    parking_time_h = models.DecimalField(
        _("parked (h)"), max_digits=18, decimal_places=9, default=Decimal(0)
    )
    tariff_version = models.ForeignKey(
        TariffVersion, verbose_name=_("tariff"), on_delete=models.PROTECT, related_name="cdrs"
    )
    tariff_name = models.CharField(_("tariff name"), max_length=100)
    tariff_content = models.JSONField(
        _("sealed tariff"), encoder=ExactEncoder, decoder=ExactDecoder
    )
    """The OCPI 2.2.1 tariff object as it priced this session."""
    charging_periods = models.JSONField(
        _("charging periods"), encoder=ExactEncoder, decoder=ExactDecoder
    )
    """OCPI 2.2.1 charging periods with all digits."""
    rating = models.JSONField(_("how it was priced"), encoder=ExactEncoder, decoder=ExactDecoder)
    """As `rating.rating_dump` writes it: lines, dimensions, taxes and notes, before rounding."""
    signed_data = models.JSONField(_("signed meter values"), default=list, blank=True)
    """[{"at", "context", "encoding_method", "signing_method", "public_key", "signed_data"}]"""
    price_per_kwh_excl_vat = models.DecimalField(
        _("price of a kWh, excl. VAT"), max_digits=12, decimal_places=6, null=True, blank=True
    )
    vat_percent = models.DecimalField(
        _("VAT (%)"), max_digits=5, decimal_places=2, null=True, blank=True
    )
    """Both for lists and files: None where there are several, or none."""
    currency = models.CharField(_("currency"), max_length=3)
    total_excl_vat = models.DecimalField(_("total excl. VAT"), max_digits=14, decimal_places=4)
    vat = models.DecimalField(_("VAT"), max_digits=14, decimal_places=4)
    total_incl_vat = models.DecimalField(_("total incl. VAT"), max_digits=14, decimal_places=4)
    explanation = models.CharField(_("in words"), max_length=400)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    """Why it takes another one back or replaces it."""
    issued_at = models.DateTimeField(_("issued at"))
    issued_by = models.CharField(_("issued by"), max_length=150, blank=True)
    """Name of the person; empty when the platform did it by itself."""

    objects = CdrQuerySet.as_manager()

    class Meta:
        verbose_name = _("charge detail record")
        verbose_name_plural = _("charge detail records")
        ordering = ["-issued_at", "-id"]
        permissions = [
            ("export_cdr", "Can export charge detail records"),
            ("credit_cdr", "Can credit charge detail records"),
        ]
        constraints = [
            # Ids compare without case (OCPI CiString), and partners write them as they like.
            models.UniqueConstraint(Upper("reference"), name="cdr_reference_without_case"),
            models.UniqueConstraint(
                fields=["session", "revision", "credit"], name="cdr_once_a_revision"
            ),
            models.CheckConstraint(
                condition=Q(energy_kwh__gte=0, charged_kwh__gte=0, discharged_kwh__gte=0),
                name="cdr_energy_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(total_incl_vat=F("total_excl_vat") + F("vat")), name="cdr_totals_add_up"
            ),
            models.CheckConstraint(
                condition=Q(credit=False, credit_reference__isnull=True)
                | Q(credit=True, credit_reference__isnull=False, replaces__isnull=True),
                name="cdr_credit_takes_back",
            ),
            models.CheckConstraint(
                condition=Q(credit=True)
                | Q(revision=1, replaces__isnull=True)
                | Q(revision__gt=1, replaces__isnull=False),
                name="cdr_revision_replaces",
            ),
        ]
        indexes = [
            models.Index(fields=["issued_at", "id"], name="cdr_issued"),
            models.Index(fields=["ended_at"], name="cdr_ended"),
            models.Index(fields=["billing_month", "account"], name="cdr_booked"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def id_token_masked(self) -> str:
        return mask_token(self.id_token)

    @property
    def is_live(self) -> bool:
        """True when it counts: neither a credit nor taken back by one."""
        return not self.credit and not hasattr(self, "credited_by")

    @property
    def sign(self) -> int:
        """-1 for a credit: its energies are those of the CDR that it takes back."""
        return -1 if self.credit else 1

    @property
    def net_rounded(self) -> Decimal:
        """Total without VAT as it is shown and paid, in cents."""
        return round_half_up(self.total_excl_vat)

    @property
    def gross_rounded(self) -> Decimal:
        """Total with VAT as it is shown and paid, in cents."""
        return round_half_up(self.total_incl_vat)

    @property
    def vat_rounded(self) -> Decimal:
        """What lies between the two, so that the three add up."""
        return self.gross_rounded - self.net_rounded

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise DomainError("billing.cdr_immutable", "An issued CDR is never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise DomainError("billing.cdr_immutable", "An issued CDR is never deleted.")
