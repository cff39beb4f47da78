"""Who bills and who is billed: the operator's legal self, customers and roaming partners."""

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.billing.choices import AccountKind, BillingLanguage, TaxTreatment
from apps.chargers.models import IdToken, TokenGroup

CURRENCY = RegexValidator(r"^[A-Z]{3}$", _("An ISO 4217 code, such as EUR."))
COUNTRY = RegexValidator(r"^[A-Z]{2}$", _("An ISO 3166-1 alpha-2 code, such as FR or GP."))


class PostalParty(models.Model):
    """Name, address and registrations, as EN 16931 wants them of a seller and of a buyer."""

    name = models.CharField(_("legal name"), max_length=200)
    street = models.CharField(_("street"), max_length=200, blank=True)
    street_more = models.CharField(_("address, more"), max_length=200, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=20, blank=True)
    city = models.CharField(_("city"), max_length=100, blank=True)
    country_code = models.CharField(
        _("country"), max_length=2, default="FR", validators=[COUNTRY],
        help_text=_("FR also for the French territories: the territory below decides on taxes."),
    )  # fmt: skip
    territory = models.CharField(
        _("tax territory"), max_length=5, blank=True,
        help_text=_("The place whose taxes apply, such as GP, MQ, GF, YT, MF or DM."),
    )  # fmt: skip
    siren = models.CharField(
        _("SIREN"), max_length=9, blank=True, validators=[RegexValidator(r"^\d{9}$")]
    )
    siret = models.CharField(
        _("SIRET"), max_length=14, blank=True, validators=[RegexValidator(r"^\d{14}$")]
    )
    vat_number = models.CharField(_("VAT number"), max_length=20, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    phone = models.CharField(_("telephone"), max_length=40, blank=True)
    iban = models.CharField(_("IBAN"), max_length=34, blank=True)
    bic = models.CharField(_("BIC"), max_length=11, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Issuer(PostalParty):
    """The operator as the seller on its papers; one row."""

    legal_form = models.CharField(_("legal form"), max_length=60, blank=True)
    share_capital = models.CharField(_("share capital"), max_length=40, blank=True)
    registry = models.CharField(_("trade register"), max_length=100, blank=True)
    sepa_creditor_id = models.CharField(_("SEPA creditor id"), max_length=35, blank=True)
    language = models.CharField(
        _("language"), max_length=2, choices=BillingLanguage.choices, default=BillingLanguage.FRENCH
    )
    time_zone = models.CharField(_("time zone"), max_length=64, default="America/Guadeloupe")
    """Months begin and end in it."""
    payment_days = models.PositiveSmallIntegerField(_("days to pay"), default=30)
    late_payment_terms = models.TextField(_("terms of late payment"), blank=True)
    footer = models.TextField(_("foot of the page"), blank=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("invoice issuer")
        verbose_name_plural = _("invoice issuer")
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="issuer_one_row")]


class BillingAccount(PostalParty):
    """Who gets invoices: a person, a company, or a roaming partner (OCPI party)."""

    code = models.SlugField(_("code"), max_length=40, unique=True)
    kind = models.CharField(_("kind"), max_length=7, choices=AccountKind.choices)
    party_country_code = models.CharField(
        _("OCPI country code"), max_length=2, blank=True, validators=[COUNTRY]
    )
    party_id = models.CharField(
        _("OCPI party id"), max_length=3, blank=True, validators=[RegexValidator(r"^[A-Z0-9]{3}$")]
    )
    tax_treatment = models.CharField(
        _("tax treatment"), max_length=14, choices=TaxTreatment.choices,
        default=TaxTreatment.TERRITORY,
    )  # fmt: skip
    currency = models.CharField(_("currency"), max_length=3, default="EUR", validators=[CURRENCY])
    language = models.CharField(
        _("language"), max_length=2, choices=BillingLanguage.choices, default=BillingLanguage.FRENCH
    )
    payment_days = models.PositiveSmallIntegerField(_("days to pay"), null=True, blank=True)
    """None: those of the issuer."""
    hub_fee_percent = models.DecimalField(
        _("hub fee (%)"), max_digits=5, decimal_places=2, default=0,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )  # fmt: skip
    hub_fee_per_cdr = models.DecimalField(
        _("hub fee per CDR"), max_digits=12, decimal_places=4, default=0,
        validators=[MinValueValidator(0)],
    )  # fmt: skip
    sepa_mandate_id = models.CharField(_("SEPA mandate"), max_length=35, blank=True)
    sepa_mandate_signed_on = models.DateField(_("mandate signed on"), null=True, blank=True)
    token_groups = models.ManyToManyField(
        TokenGroup, verbose_name=_("token groups"), blank=True, related_name="billing_accounts"
    )
    """Sessions of these tokens are theirs; a token of its own goes before its group."""
    is_active = models.BooleanField(_("active"), default=True)
    note = models.TextField(_("note"), blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("billing account")
        verbose_name_plural = _("billing accounts")
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["party_country_code", "party_id", "kind"],
                condition=~Q(party_id=""),
                name="billing_account_party_once",
            ),
            models.CheckConstraint(
                condition=Q(hub_fee_percent__range=(0, 100), hub_fee_per_cdr__gte=0),
                name="billing_account_fees_not_negative",
            ),
        ]

    @property
    def is_partner(self) -> bool:
        return self.kind in (AccountKind.EMSP, AccountKind.CPO, AccountKind.HUB)


class AccountToken(models.Model):
    """A token whose sessions an account pays for."""

    account = models.ForeignKey(BillingAccount, on_delete=models.CASCADE, related_name="tokens")
    id_token = models.OneToOneField(
        IdToken, on_delete=models.CASCADE, related_name="billing_account_token"
    )

    class Meta:
        verbose_name = _("token of an account")
        verbose_name_plural = _("tokens of accounts")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.id_token}"
