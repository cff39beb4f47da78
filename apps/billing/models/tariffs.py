"""Tariffs, their versions, where and for whom they apply, and prices that follow a market."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from apps.assets.models import Site
from apps.billing.choices import AssignmentScope, TariffState, TariffType
from apps.billing.models.accounts import CURRENCY, BillingAccount
from apps.chargers.models import ChargingStation, Connector, Evse, TokenGroup
from apps.markets.models import Series
from cariflex.common.exact_json import ExactDecoder, ExactEncoder


class Tariff(models.Model):
    """What partners and people know as one tariff; its prices are in its versions."""

    code = models.CharField(_("tariff id"), max_length=36, help_text=_("OCPI id of the tariff"))
    name = models.CharField(_("name"), max_length=100)
    type = models.CharField(
        _("type"), max_length=14, choices=TariffType.choices, default=TariffType.REGULAR
    )
    is_archived = models.BooleanField(_("archived"), default=False)
    note = models.TextField(_("note"), blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("tariff")
        verbose_name_plural = _("tariffs")
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(Upper("code"), name="tariff_code_unique_without_case"),
        ]

    def __str__(self) -> str:
        return self.name


class TariffVersion(models.Model):
    """The prices of a tariff from an instant on; once issued it never changes (trigger).

    In force at t is the newest issued version, by `valid_from` then `number`, with
    valid_from <= t < valid_until. `content` is an OCPI 2.2.1 tariff object; its numbers are
    Decimals. Energy of a version with a `formula` follows a market: read prices by
    `selectors.tariffs.tariff_sealed`, never from `content` alone.
    """

    tariff = models.ForeignKey(
        Tariff, verbose_name=_("tariff"), on_delete=models.PROTECT, related_name="versions"
    )
    number = models.PositiveIntegerField(_("version"))
    state = models.CharField(
        _("state"), max_length=6, choices=TariffState.choices, default=TariffState.DRAFT
    )
    currency = models.CharField(_("currency"), max_length=3, default="EUR", validators=[CURRENCY])
    content = models.JSONField(
        _("OCPI tariff"), default=dict, encoder=ExactEncoder, decoder=ExactDecoder
    )
    valid_from = models.DateTimeField(_("valid from"), null=True, blank=True)
    valid_until = models.DateTimeField(_("valid until"), null=True, blank=True)
    change_note = models.CharField(_("what changed"), max_length=200, blank=True)
    issued_at = models.DateTimeField(_("issued at"), null=True, blank=True)
    issued_by = models.CharField(_("issued by"), max_length=150, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("tariff version")
        verbose_name_plural = _("tariff versions")
        ordering = ["tariff", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["tariff", "number"], name="tariff_version_number_once"),
            models.UniqueConstraint(
                fields=["tariff"],
                condition=Q(state=TariffState.DRAFT),
                name="tariff_version_one_draft",
            ),
            models.CheckConstraint(
                condition=Q(state=TariffState.DRAFT)
                | Q(state=TariffState.ISSUED, valid_from__isnull=False, issued_at__isnull=False),
                name="tariff_version_issued_has_start",
            ),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True)
                | Q(valid_from__isnull=False, valid_until__gt=F("valid_from")),
                name="tariff_version_ends_after_start",
            ),
            models.CheckConstraint(
                condition=Q(currency__regex="^[A-Z]{3}$"), name="tariff_version_currency_iso_4217"
            ),
        ]
        indexes = [models.Index(fields=["tariff", "-valid_from"], name="tariff_version_in_force")]

    def __str__(self) -> str:
        return f"{self.tariff.name} v{self.number}"

    @property
    def is_issued(self) -> bool:
        return self.state == TariffState.ISSUED


class DynamicFormula(models.Model):
    """How the energy price of a version follows a market, per kWh before taxes.

    price = market x factor + adder, never below the floor, never above the cap. The energy
    component in the version's content holds where no market price was known when a slot began.
    Never changed once the version is issued (trigger).
    """

    version = models.OneToOneField(TariffVersion, on_delete=models.CASCADE, related_name="formula")
    series = models.ForeignKey(
        Series, verbose_name=_("price series"), on_delete=models.PROTECT, related_name="+"
    )
    factor = models.DecimalField(
        _("factor"), max_digits=8, decimal_places=4, default=1, validators=[MinValueValidator(0)]
    )
    adder_per_kwh = models.DecimalField(
        _("added per kWh"), max_digits=10, decimal_places=4, default=0
    )
    floor_per_kwh = models.DecimalField(
        _("at least per kWh"), max_digits=10, decimal_places=4, default=0,
        validators=[MinValueValidator(0)],
    )  # fmt: skip
    cap_per_kwh = models.DecimalField(
        _("at most per kWh"), max_digits=10, decimal_places=4, validators=[MinValueValidator(0)]
    )

    class Meta:
        verbose_name = _("market formula of a tariff")
        verbose_name_plural = _("market formulas of tariffs")
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    factor__gte=0, floor_per_kwh__gte=0, cap_per_kwh__gte=F("floor_per_kwh")
                ),
                name="dynamic_formula_floor_below_cap",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version}"


class DynamicPrice(models.Model):
    """What a kWh of a dynamic version costs in one quarter hour, before taxes; never changed.

    Fixed before the quarter begins: what was told is what is billed (trigger).
    """

    version = models.ForeignKey(
        TariffVersion, on_delete=models.PROTECT, related_name="dynamic_prices"
    )
    start = models.DateTimeField(_("start"))
    market_price_eur_per_mwh = models.DecimalField(
        _("market price (EUR/MWh)"), max_digits=12, decimal_places=5
    )
    price_per_kwh = models.DecimalField(_("price of a kWh"), max_digits=10, decimal_places=4)
    fixed_at = models.DateTimeField(_("fixed at"))

    class Meta:
        verbose_name = _("price of a dynamic tariff")
        verbose_name_plural = _("prices of dynamic tariffs")
        ordering = ["version", "start"]
        constraints = [
            models.UniqueConstraint(fields=["version", "start"], name="dynamic_price_once"),
        ]

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%dT%H:%MZ} {self.price_per_kwh}"


TARGETS = ("connector", "evse", "station", "site", "token_group", "account")
"""Names of the scopes that point at something, and of the fields that do."""


def _one_target() -> Q:
    """Exactly the target that the scope names."""
    wanted = Q()
    for scope in AssignmentScope.values:
        wanted |= Q(scope=scope, **{f"{target}__isnull": target != scope for target in TARGETS})
    return wanted


class TariffAssignment(models.Model):
    """Where, or for whom, a tariff applies from an instant on; see selectors.tariffs.PRECEDENCE."""

    tariff = models.ForeignKey(
        Tariff, verbose_name=_("tariff"), on_delete=models.CASCADE, related_name="assignments"
    )
    scope = models.CharField(
        _("applies to"),
        max_length=11,
        choices=AssignmentScope.choices,
        default=AssignmentScope.OPERATOR,
    )
    connector = models.ForeignKey(
        Connector, verbose_name=_("connector"), on_delete=models.CASCADE, null=True, blank=True,
        related_name="tariff_assignments",
    )  # fmt: skip
    evse = models.ForeignKey(
        Evse, verbose_name=_("EVSE"), on_delete=models.CASCADE, null=True, blank=True,
        related_name="tariff_assignments",
    )  # fmt: skip
    station = models.ForeignKey(
        ChargingStation, verbose_name=_("charging station"), on_delete=models.CASCADE, null=True,
        blank=True, related_name="tariff_assignments",
    )  # fmt: skip
    site = models.ForeignKey(
        Site, verbose_name=_("site"), on_delete=models.CASCADE, null=True, blank=True,
        related_name="tariff_assignments",
    )  # fmt: skip
    token_group = models.ForeignKey(
        TokenGroup, verbose_name=_("token group"), on_delete=models.CASCADE, null=True, blank=True,
        related_name="tariff_assignments",
    )  # fmt: skip
    account = models.ForeignKey(
        BillingAccount, verbose_name=_("customer or partner"), on_delete=models.CASCADE, null=True,
        blank=True, related_name="tariff_assignments",
    )  # fmt: skip
    is_ad_hoc = models.BooleanField(
        _("for people without a contract"), default=False,
        help_text=_("Off: for everybody; on: only for those who pay at the station."),
    )  # fmt: skip
    valid_from = models.DateTimeField(_("valid from"))
    valid_until = models.DateTimeField(_("valid until"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    created_by = models.CharField(_("by"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("tariff assignment")
        verbose_name_plural = _("tariff assignments")
        ordering = ["-valid_from", "-pk"]
        constraints = [
            models.CheckConstraint(condition=_one_target(), name="tariff_assignment_one_target"),
            models.CheckConstraint(
                condition=Q(is_ad_hoc=False)
                | ~Q(scope__in=(AssignmentScope.TOKEN_GROUP, AssignmentScope.ACCOUNT)),
                name="tariff_assignment_ad_hoc_at_places",
            ),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gt=F("valid_from")),
                name="tariff_assignment_ends_after_start",
            ),
            models.UniqueConstraint(
                fields=["scope", *TARGETS, "is_ad_hoc", "valid_from"],
                nulls_distinct=False,
                name="tariff_assignment_one_at_an_instant",
            ),
        ]
        indexes = [models.Index(fields=["tariff", "-valid_from"], name="tariff_assignment_of")]

    def __str__(self) -> str:
        return f"{self.tariff} {self.scope}"

    @property
    def target(self) -> models.Model | None:
        """What it points at; None for the whole operator."""
        found = None if self.scope == AssignmentScope.OPERATOR else getattr(self, self.scope)
        return found if isinstance(found, models.Model) else None
