"""The tables and guards of billing as 0018 leaves them, for a new operator: in place of 18 steps.

An operator whose schema is older goes on step by step. The SQL is that of the steps.
"""

from decimal import Decimal
from importlib import import_module

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import cariflex.common.exact_json
import cariflex.common.ids


def sql_of(step: str) -> list[migrations.RunSQL]:
    """What a step does to the database alone."""
    done = import_module(f"apps.billing.migrations.{step}").Migration.operations
    return [operation for operation in done if isinstance(operation, migrations.RunSQL)]


class Migration(migrations.Migration):
    replaces = [
        ("billing", "0001_initial"),
        ("billing", "0002_cdr_immutable"),
        ("billing", "0003_tokens_of_ocpp_2_1"),
        ("billing", "0004_accounts_invoices_settlements"),
        ("billing", "0005_payments_disputes_reminders"),
        ("billing", "0006_exports"),
        ("billing", "0007_tariff_versions"),
        ("billing", "0008_flat_prices_to_versions"),
        ("billing", "0009_tariff_versions_issued"),
        ("billing", "0010_tax_places"),
        ("billing", "0011_papers_immutable"),
        ("billing", "0012_cdr_revisions"),
        ("billing", "0013_cdrs_sealed"),
        ("billing", "0014_cdr_prices_sealed"),
        ("billing", "0015_inbox_reconciliation"),
        ("billing", "0016_books_sepa"),
        ("billing", "0017_cdr_reference_without_case"),
        ("billing", "0018_reconciliation_place"),
    ]

    initial = True

    dependencies = [
        ("assets", "0014_alarm_of_a_source"),
        ("chargers", "0014_ad_hoc_price_terms"),
        ("markets", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BillingAccount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="legal name")),
                ("street", models.CharField(blank=True, max_length=200, verbose_name="street")),
                (
                    "street_more",
                    models.CharField(blank=True, max_length=200, verbose_name="address, more"),
                ),
                (
                    "postal_code",
                    models.CharField(blank=True, max_length=20, verbose_name="postal code"),
                ),
                ("city", models.CharField(blank=True, max_length=100, verbose_name="city")),
                (
                    "country_code",
                    models.CharField(
                        default="FR",
                        help_text="FR also for the French territories: the territory below decides on taxes.",
                        max_length=2,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{2}$", "An ISO 3166-1 alpha-2 code, such as FR or GP."
                            )
                        ],
                        verbose_name="country",
                    ),
                ),
                (
                    "territory",
                    models.CharField(
                        blank=True,
                        help_text="The place whose taxes apply, such as GP, MQ, GF, YT, MF or DM.",
                        max_length=5,
                        verbose_name="tax territory",
                    ),
                ),
                (
                    "siren",
                    models.CharField(
                        blank=True,
                        max_length=9,
                        validators=[django.core.validators.RegexValidator("^\\d{9}$")],
                        verbose_name="SIREN",
                    ),
                ),
                (
                    "siret",
                    models.CharField(
                        blank=True,
                        max_length=14,
                        validators=[django.core.validators.RegexValidator("^\\d{14}$")],
                        verbose_name="SIRET",
                    ),
                ),
                (
                    "vat_number",
                    models.CharField(blank=True, max_length=20, verbose_name="VAT number"),
                ),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="e-mail")),
                ("phone", models.CharField(blank=True, max_length=40, verbose_name="telephone")),
                ("iban", models.CharField(blank=True, max_length=34, verbose_name="IBAN")),
                ("bic", models.CharField(blank=True, max_length=11, verbose_name="BIC")),
                ("code", models.SlugField(max_length=40, unique=True, verbose_name="code")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("person", "Person"),
                            ("company", "Company"),
                            ("emsp", "Roaming partner (eMSP)"),
                            ("cpo", "Roaming partner (CPO)"),
                            ("hub", "Roaming hub"),
                        ],
                        max_length=7,
                        verbose_name="kind",
                    ),
                ),
                (
                    "party_country_code",
                    models.CharField(
                        blank=True,
                        max_length=2,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{2}$", "An ISO 3166-1 alpha-2 code, such as FR or GP."
                            )
                        ],
                        verbose_name="OCPI country code",
                    ),
                ),
                (
                    "party_id",
                    models.CharField(
                        blank=True,
                        max_length=3,
                        validators=[django.core.validators.RegexValidator("^[A-Z0-9]{3}$")],
                        verbose_name="OCPI party id",
                    ),
                ),
                (
                    "tax_treatment",
                    models.CharField(
                        choices=[
                            ("territory", "Taxes of the charging place"),
                            ("reverse_charge", "Reverse charge"),
                            ("outside", "Outside the scope of tax"),
                        ],
                        default="territory",
                        max_length=14,
                        verbose_name="tax treatment",
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        default="EUR",
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{3}$", "An ISO 4217 code, such as EUR."
                            )
                        ],
                        verbose_name="currency",
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        choices=[("fr", "French"), ("en", "English"), ("es", "Spanish")],
                        default="fr",
                        max_length=2,
                        verbose_name="language",
                    ),
                ),
                (
                    "payment_days",
                    models.PositiveSmallIntegerField(
                        blank=True, null=True, verbose_name="days to pay"
                    ),
                ),
                (
                    "hub_fee_percent",
                    models.DecimalField(
                        decimal_places=2,
                        default=0,
                        max_digits=5,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="hub fee (%)",
                    ),
                ),
                (
                    "hub_fee_per_cdr",
                    models.DecimalField(
                        decimal_places=4,
                        default=0,
                        max_digits=12,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="hub fee per CDR",
                    ),
                ),
                (
                    "sepa_mandate_id",
                    models.CharField(blank=True, max_length=35, verbose_name="SEPA mandate"),
                ),
                (
                    "sepa_mandate_signed_on",
                    models.DateField(blank=True, null=True, verbose_name="mandate signed on"),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                ("note", models.TextField(blank=True, verbose_name="note")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="updated at")),
                (
                    "token_groups",
                    models.ManyToManyField(
                        blank=True,
                        related_name="billing_accounts",
                        to="chargers.tokengroup",
                        verbose_name="token groups",
                    ),
                ),
            ],
            options={
                "verbose_name": "billing account",
                "verbose_name_plural": "billing accounts",
                "ordering": ["name", "pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("party_id", ""), _negated=True),
                        fields=("party_country_code", "party_id", "kind"),
                        name="billing_account_party_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("hub_fee_per_cdr__gte", 0), ("hub_fee_percent__range", (0, 100))
                        ),
                        name="billing_account_fees_not_negative",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Tariff",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "code",
                    models.CharField(
                        help_text="OCPI id of the tariff", max_length=36, verbose_name="tariff id"
                    ),
                ),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("REGULAR", "Regular"),
                            ("AD_HOC_PAYMENT", "Payment without a contract"),
                            ("PROFILE_CHEAP", "Charging profile: cheap"),
                            ("PROFILE_FAST", "Charging profile: fast"),
                            ("PROFILE_GREEN", "Charging profile: green"),
                        ],
                        default="REGULAR",
                        max_length=14,
                        verbose_name="type",
                    ),
                ),
                ("is_archived", models.BooleanField(default=False, verbose_name="archived")),
                ("note", models.TextField(blank=True, verbose_name="note")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="updated at")),
            ],
            options={
                "verbose_name": "tariff",
                "verbose_name_plural": "tariffs",
                "ordering": ["name", "pk"],
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Upper("code"),
                        name="tariff_code_unique_without_case",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TariffVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        default="EUR",
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{3}$", "An ISO 4217 code, such as EUR."
                            )
                        ],
                        verbose_name="currency",
                    ),
                ),
                (
                    "valid_from",
                    models.DateTimeField(blank=True, null=True, verbose_name="valid from"),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                (
                    "tariff",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="billing.tariff",
                        verbose_name="tariff",
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="version")),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("issued", "Issued")],
                        default="draft",
                        max_length=6,
                        verbose_name="state",
                    ),
                ),
                (
                    "content",
                    models.JSONField(
                        decoder=cariflex.common.exact_json.ExactDecoder,
                        default=dict,
                        encoder=cariflex.common.exact_json.ExactEncoder,
                        verbose_name="OCPI tariff",
                    ),
                ),
                (
                    "valid_until",
                    models.DateTimeField(blank=True, null=True, verbose_name="valid until"),
                ),
                (
                    "change_note",
                    models.CharField(blank=True, max_length=200, verbose_name="what changed"),
                ),
                (
                    "issued_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="issued at"),
                ),
                (
                    "issued_by",
                    models.CharField(blank=True, max_length=150, verbose_name="issued by"),
                ),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="updated at")),
            ],
            options={
                "verbose_name": "tariff version",
                "verbose_name_plural": "tariff versions",
                "ordering": ["tariff", "-number"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tariff", "number"), name="tariff_version_number_once"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "draft")),
                        fields=("tariff",),
                        name="tariff_version_one_draft",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "draft"),
                            models.Q(
                                ("issued_at__isnull", False),
                                ("state", "issued"),
                                ("valid_from__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="tariff_version_issued_has_start",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_until__isnull", True),
                            models.Q(
                                ("valid_from__isnull", False),
                                ("valid_until__gt", models.F("valid_from")),
                            ),
                            _connector="OR",
                        ),
                        name="tariff_version_ends_after_start",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("currency__regex", "^[A-Z]{3}$")),
                        name="tariff_version_currency_iso_4217",
                    ),
                ],
                "indexes": [
                    models.Index(fields=["tariff", "-valid_from"], name="tariff_version_in_force")
                ],
            },
        ),
        migrations.CreateModel(
            name="Cdr",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=cariflex.common.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "reference",
                    models.CharField(max_length=40, unique=True, verbose_name="reference"),
                ),
                ("station_id", models.CharField(max_length=48, verbose_name="station id")),
                (
                    "station_name",
                    models.CharField(blank=True, max_length=100, verbose_name="station"),
                ),
                ("commune", models.CharField(blank=True, max_length=100, verbose_name="commune")),
                (
                    "evse_id",
                    models.PositiveIntegerField(blank=True, null=True, verbose_name="EVSE"),
                ),
                ("transaction_id", models.CharField(max_length=36, verbose_name="transaction id")),
                ("id_token", models.CharField(blank=True, max_length=255, verbose_name="token")),
                (
                    "id_token_type",
                    models.CharField(blank=True, max_length=20, verbose_name="token type"),
                ),
                ("started_at", models.DateTimeField(verbose_name="started at")),
                ("ended_at", models.DateTimeField(verbose_name="ended at")),
                (
                    "start_meter_kwh",
                    models.DecimalField(
                        blank=True,
                        decimal_places=9,
                        max_digits=24,
                        null=True,
                        verbose_name="meter at start (kWh)",
                    ),
                ),
                (
                    "end_meter_kwh",
                    models.DecimalField(
                        blank=True,
                        decimal_places=9,
                        max_digits=24,
                        null=True,
                        verbose_name="meter at end (kWh)",
                    ),
                ),
                (
                    "energy_kwh",
                    models.DecimalField(
                        decimal_places=9, max_digits=24, verbose_name="energy (kWh)"
                    ),
                ),
                ("tariff_name", models.CharField(max_length=100, verbose_name="tariff name")),
                (
                    "price_per_kwh_excl_vat",
                    models.DecimalField(
                        blank=True,
                        decimal_places=6,
                        max_digits=12,
                        null=True,
                        verbose_name="price of a kWh, excl. VAT",
                    ),
                ),
                (
                    "vat_percent",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        max_digits=5,
                        null=True,
                        verbose_name="VAT (%)",
                    ),
                ),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                (
                    "total_excl_vat",
                    models.DecimalField(
                        decimal_places=4, max_digits=14, verbose_name="total excl. VAT"
                    ),
                ),
                ("vat", models.DecimalField(decimal_places=4, max_digits=14, verbose_name="VAT")),
                (
                    "total_incl_vat",
                    models.DecimalField(
                        decimal_places=4, max_digits=14, verbose_name="total incl. VAT"
                    ),
                ),
                ("explanation", models.CharField(max_length=400, verbose_name="in words")),
                ("issued_at", models.DateTimeField(verbose_name="issued at")),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cdrs",
                        to="chargers.session",
                        verbose_name="session",
                    ),
                ),
                (
                    "tariff_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cdrs",
                        to="billing.tariffversion",
                        verbose_name="tariff",
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cdrs",
                        to="billing.billingaccount",
                        verbose_name="account",
                    ),
                ),
                (
                    "auth_method",
                    models.CharField(
                        choices=[
                            ("AUTH_REQUEST", "Asked of the token's issuer"),
                            ("COMMAND", "By a command"),
                            ("WHITELIST", "By a known token"),
                        ],
                        default="WHITELIST",
                        max_length=12,
                        verbose_name="authorised by",
                    ),
                ),
                ("billing_month", models.DateField(verbose_name="month")),
                (
                    "charged_kwh",
                    models.DecimalField(
                        decimal_places=9, max_digits=24, verbose_name="charged (kWh)"
                    ),
                ),
                (
                    "charging_periods",
                    models.JSONField(
                        decoder=cariflex.common.exact_json.ExactDecoder,
                        encoder=cariflex.common.exact_json.ExactEncoder,
                        verbose_name="charging periods",
                    ),
                ),
                ("credit", models.BooleanField(default=False, verbose_name="credit")),
                (
                    "credit_reference",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credited_by",
                        to="billing.cdr",
                        verbose_name="takes back",
                    ),
                ),
                (
                    "discharged_kwh",
                    models.DecimalField(
                        decimal_places=9,
                        default=Decimal("0"),
                        max_digits=24,
                        verbose_name="discharged (kWh)",
                    ),
                ),
                (
                    "issued_by",
                    models.CharField(blank=True, max_length=150, verbose_name="issued by"),
                ),
                ("location", models.JSONField(blank=True, default=dict, verbose_name="place")),
                (
                    "parking_time_h",
                    models.DecimalField(
                        decimal_places=9,
                        default=Decimal("0"),
                        max_digits=18,
                        verbose_name="parked (h)",
                    ),
                ),
                (
                    "rating",
                    models.JSONField(
                        decoder=cariflex.common.exact_json.ExactDecoder,
                        encoder=cariflex.common.exact_json.ExactEncoder,
                        verbose_name="how it was priced",
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300, verbose_name="reason")),
                (
                    "replaces",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaced_by",
                        to="billing.cdr",
                        verbose_name="replaces",
                    ),
                ),
                ("revision", models.PositiveSmallIntegerField(default=1, verbose_name="revision")),
                (
                    "signed_data",
                    models.JSONField(blank=True, default=list, verbose_name="signed meter values"),
                ),
                (
                    "tariff_content",
                    models.JSONField(
                        decoder=cariflex.common.exact_json.ExactDecoder,
                        encoder=cariflex.common.exact_json.ExactEncoder,
                        verbose_name="sealed tariff",
                    ),
                ),
                ("time_zone", models.CharField(max_length=64, verbose_name="time zone")),
                (
                    "total_time_h",
                    models.DecimalField(
                        decimal_places=9, max_digits=18, verbose_name="duration (h)"
                    ),
                ),
            ],
            options={
                "verbose_name": "charge detail record",
                "verbose_name_plural": "charge detail records",
                "ordering": ["-issued_at", "-id"],
                "permissions": [
                    ("export_cdr", "Can export charge detail records"),
                    ("credit_cdr", "Can credit charge detail records"),
                ],
                "indexes": [
                    models.Index(fields=["issued_at", "id"], name="cdr_issued"),
                    models.Index(fields=["ended_at"], name="cdr_ended"),
                    models.Index(fields=["billing_month", "account"], name="cdr_booked"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "total_incl_vat",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("total_excl_vat"), "+", models.F("vat")
                                ),
                            )
                        ),
                        name="cdr_totals_add_up",
                    ),
                    models.UniqueConstraint(
                        fields=("session", "revision", "credit"), name="cdr_once_a_revision"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("charged_kwh__gte", 0),
                            ("discharged_kwh__gte", 0),
                            ("energy_kwh__gte", 0),
                        ),
                        name="cdr_energy_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("credit", False), ("credit_reference__isnull", True)),
                            models.Q(
                                ("credit", True),
                                ("credit_reference__isnull", False),
                                ("replaces__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="cdr_credit_takes_back",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("credit", True),
                            models.Q(("replaces__isnull", True), ("revision", 1)),
                            models.Q(("replaces__isnull", False), ("revision__gt", 1)),
                            _connector="OR",
                        ),
                        name="cdr_revision_replaces",
                    ),
                    models.UniqueConstraint(
                        django.db.models.functions.text.Upper("reference"),
                        name="cdr_reference_without_case",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="InvoiceSeries",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("code", models.CharField(max_length=20, unique=True, verbose_name="series")),
                ("prefix", models.CharField(max_length=20, verbose_name="prefix")),
                ("last_number", models.PositiveIntegerField(default=0, verbose_name="last number")),
                (
                    "last_issued_on",
                    models.DateField(blank=True, null=True, verbose_name="last issued on"),
                ),
            ],
            options={
                "verbose_name": "invoice series",
                "verbose_name_plural": "invoice series",
                "ordering": ["code"],
            },
        ),
        migrations.CreateModel(
            name="AccountToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "id_token",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="billing_account_token",
                        to="chargers.idtoken",
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tokens",
                        to="billing.billingaccount",
                    ),
                ),
            ],
            options={
                "verbose_name": "token of an account",
                "verbose_name_plural": "tokens of accounts",
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="ExchangeRate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{3}$", "An ISO 4217 code, such as EUR."
                            )
                        ],
                        verbose_name="currency",
                    ),
                ),
                ("on", models.DateField(verbose_name="day")),
                (
                    "euros",
                    models.DecimalField(
                        decimal_places=9, max_digits=18, verbose_name="euros for one"
                    ),
                ),
                ("source", models.CharField(blank=True, max_length=200, verbose_name="source")),
            ],
            options={
                "verbose_name": "exchange rate",
                "verbose_name_plural": "exchange rates",
                "ordering": ["currency", "-on"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("currency", "on"), name="exchange_rate_once_a_day"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("euros__gt", 0)), name="exchange_rate_positive"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Invoice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("invoice", "Invoice"), ("credit_note", "Credit note")],
                        default="invoice",
                        max_length=11,
                        verbose_name="kind",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("issued", "Issued")],
                        default="draft",
                        max_length=6,
                        verbose_name="state",
                    ),
                ),
                ("month", models.DateField(verbose_name="month")),
                (
                    "currency",
                    models.CharField(
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{3}$", "An ISO 4217 code, such as EUR."
                            )
                        ],
                        verbose_name="currency",
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        choices=[("fr", "French"), ("en", "English"), ("es", "Spanish")],
                        max_length=2,
                        verbose_name="language",
                    ),
                ),
                (
                    "number",
                    models.PositiveIntegerField(
                        blank=True, null=True, verbose_name="number in the series"
                    ),
                ),
                (
                    "reference",
                    models.CharField(
                        blank=True, max_length=40, null=True, verbose_name="invoice number"
                    ),
                ),
                (
                    "issued_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="issued at"),
                ),
                (
                    "issued_on",
                    models.DateField(blank=True, null=True, verbose_name="date of the invoice"),
                ),
                ("due_on", models.DateField(blank=True, null=True, verbose_name="due on")),
                (
                    "issued_by",
                    models.CharField(blank=True, max_length=150, verbose_name="issued by"),
                ),
                ("reason", models.CharField(blank=True, max_length=300, verbose_name="reason")),
                ("seller", models.JSONField(blank=True, default=dict, verbose_name="seller")),
                ("buyer", models.JSONField(blank=True, default=dict, verbose_name="buyer")),
                ("taxes", models.JSONField(blank=True, default=list, verbose_name="taxes")),
                (
                    "net",
                    models.DecimalField(
                        decimal_places=2, default=0, max_digits=14, verbose_name="total excl. tax"
                    ),
                ),
                (
                    "tax",
                    models.DecimalField(
                        decimal_places=2, default=0, max_digits=14, verbose_name="tax"
                    ),
                ),
                (
                    "gross",
                    models.DecimalField(
                        decimal_places=2, default=0, max_digits=14, verbose_name="total incl. tax"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invoices",
                        to="billing.billingaccount",
                    ),
                ),
                (
                    "credits",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_notes",
                        to="billing.invoice",
                        verbose_name="credits",
                    ),
                ),
                (
                    "series",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invoices",
                        to="billing.invoiceseries",
                    ),
                ),
            ],
            options={
                "verbose_name": "invoice",
                "verbose_name_plural": "invoices",
                "ordering": ["-month", "-pk"],
                "permissions": [
                    ("issue_invoice", "Can issue invoices and credit notes"),
                    ("close_month", "Can close a month"),
                ],
                "indexes": [
                    models.Index(fields=["account", "month"], name="invoice_account_month"),
                    models.Index(fields=["due_on"], name="invoice_due"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("reference",), name="invoice_reference_once"),
                    models.UniqueConstraint(
                        fields=("series", "number"), name="invoice_number_once"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "invoice"), ("state", "draft")),
                        fields=("account", "month", "currency"),
                        name="invoice_one_draft_a_month",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "gross",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("net"), "+", models.F("tax")
                                ),
                            )
                        ),
                        name="invoice_adds_up",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("issued_at__isnull", True),
                                ("number__isnull", True),
                                ("reference__isnull", True),
                                ("series__isnull", True),
                                ("state", "draft"),
                            ),
                            models.Q(
                                ("due_on__isnull", False),
                                ("issued_at__isnull", False),
                                ("issued_on__isnull", False),
                                ("number__isnull", False),
                                ("reference__isnull", False),
                                ("series__isnull", False),
                                ("state", "issued"),
                            ),
                            _connector="OR",
                        ),
                        name="invoice_issued_is_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("credits__isnull", True), ("kind", "invoice")),
                            ("kind", "credit_note"),
                            _connector="OR",
                        ),
                        name="invoice_credits_nothing",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "credit_note"), ("state", "draft")),
                        fields=("credits", "month"),
                        name="invoice_one_draft_of_credits",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="InvoiceDocument",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("pdf", "PDF"),
                            ("facturx", "Factur-X (PDF/A-3)"),
                            ("xml", "EN 16931 XML"),
                        ],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("file_name", models.CharField(max_length=120, verbose_name="file name")),
                ("media_type", models.CharField(max_length=60, verbose_name="media type")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("content", models.BinaryField()),
                ("made_at", models.DateTimeField(auto_now_add=True, verbose_name="made at")),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="documents",
                        to="billing.invoice",
                    ),
                ),
            ],
            options={
                "verbose_name": "invoice document",
                "verbose_name_plural": "invoice documents",
                "ordering": ["invoice", "kind"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("invoice", "kind"), name="invoice_document_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="InvoiceLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveIntegerField(verbose_name="position")),
                ("description", models.CharField(max_length=300, verbose_name="description")),
                (
                    "quantity",
                    models.DecimalField(
                        decimal_places=6, default=1, max_digits=18, verbose_name="quantity"
                    ),
                ),
                (
                    "unit",
                    models.CharField(
                        default="C62", max_length=3, verbose_name="unit (UN/ECE Rec 20)"
                    ),
                ),
                ("net", models.DecimalField(decimal_places=2, max_digits=14, verbose_name="net")),
                ("tax_name", models.CharField(blank=True, max_length=60, verbose_name="tax")),
                (
                    "tax_category",
                    models.CharField(
                        choices=[
                            ("S", "Standard rate"),
                            ("Z", "Zero rate"),
                            ("E", "Exempt"),
                            ("AE", "Reverse charge"),
                            ("O", "Outside the scope of tax"),
                        ],
                        max_length=2,
                        verbose_name="tax category",
                    ),
                ),
                (
                    "tax_percent",
                    models.DecimalField(
                        decimal_places=3, max_digits=6, verbose_name="tax rate (%)"
                    ),
                ),
                ("exemption_code", models.CharField(blank=True, editable=False, max_length=30)),
                (
                    "legal_mention",
                    models.CharField(blank=True, max_length=400, verbose_name="legal mention"),
                ),
                ("sessions_count", models.PositiveIntegerField(default=0, verbose_name="sessions")),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lines",
                        to="billing.invoice",
                    ),
                ),
            ],
            options={
                "verbose_name": "invoice line",
                "verbose_name_plural": "invoice lines",
                "ordering": ["invoice", "position"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("invoice", "position"), name="invoice_line_position"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="InvoiceCdr",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("net", models.DecimalField(decimal_places=4, max_digits=14, verbose_name="net")),
                (
                    "cdr",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="on_invoice",
                        to="billing.cdr",
                    ),
                ),
                (
                    "line",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="cdrs",
                        to="billing.invoiceline",
                    ),
                ),
            ],
            options={
                "verbose_name": "CDR on an invoice",
                "verbose_name_plural": "CDRs on invoices",
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="Issuer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="legal name")),
                ("street", models.CharField(blank=True, max_length=200, verbose_name="street")),
                (
                    "street_more",
                    models.CharField(blank=True, max_length=200, verbose_name="address, more"),
                ),
                (
                    "postal_code",
                    models.CharField(blank=True, max_length=20, verbose_name="postal code"),
                ),
                ("city", models.CharField(blank=True, max_length=100, verbose_name="city")),
                (
                    "country_code",
                    models.CharField(
                        default="FR",
                        help_text="FR also for the French territories: the territory below decides on taxes.",
                        max_length=2,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{2}$", "An ISO 3166-1 alpha-2 code, such as FR or GP."
                            )
                        ],
                        verbose_name="country",
                    ),
                ),
                (
                    "territory",
                    models.CharField(
                        blank=True,
                        help_text="The place whose taxes apply, such as GP, MQ, GF, YT, MF or DM.",
                        max_length=5,
                        verbose_name="tax territory",
                    ),
                ),
                (
                    "siren",
                    models.CharField(
                        blank=True,
                        max_length=9,
                        validators=[django.core.validators.RegexValidator("^\\d{9}$")],
                        verbose_name="SIREN",
                    ),
                ),
                (
                    "siret",
                    models.CharField(
                        blank=True,
                        max_length=14,
                        validators=[django.core.validators.RegexValidator("^\\d{14}$")],
                        verbose_name="SIRET",
                    ),
                ),
                (
                    "vat_number",
                    models.CharField(blank=True, max_length=20, verbose_name="VAT number"),
                ),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="e-mail")),
                ("phone", models.CharField(blank=True, max_length=40, verbose_name="telephone")),
                ("iban", models.CharField(blank=True, max_length=34, verbose_name="IBAN")),
                ("bic", models.CharField(blank=True, max_length=11, verbose_name="BIC")),
                (
                    "legal_form",
                    models.CharField(blank=True, max_length=60, verbose_name="legal form"),
                ),
                (
                    "share_capital",
                    models.CharField(blank=True, max_length=40, verbose_name="share capital"),
                ),
                (
                    "registry",
                    models.CharField(blank=True, max_length=100, verbose_name="trade register"),
                ),
                (
                    "sepa_creditor_id",
                    models.CharField(blank=True, max_length=35, verbose_name="SEPA creditor id"),
                ),
                (
                    "language",
                    models.CharField(
                        choices=[("fr", "French"), ("en", "English"), ("es", "Spanish")],
                        default="fr",
                        max_length=2,
                        verbose_name="language",
                    ),
                ),
                (
                    "time_zone",
                    models.CharField(
                        default="America/Guadeloupe", max_length=64, verbose_name="time zone"
                    ),
                ),
                (
                    "payment_days",
                    models.PositiveSmallIntegerField(default=30, verbose_name="days to pay"),
                ),
                (
                    "late_payment_terms",
                    models.TextField(blank=True, verbose_name="terms of late payment"),
                ),
                ("footer", models.TextField(blank=True, verbose_name="foot of the page")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="updated at")),
            ],
            options={
                "verbose_name": "invoice issuer",
                "verbose_name_plural": "invoice issuer",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("pk", 1)), name="issuer_one_row")
                ],
            },
        ),
        migrations.CreateModel(
            name="MonthClosing",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("month", models.DateField(unique=True, verbose_name="month")),
                ("closed_at", models.DateTimeField(verbose_name="closed at")),
                ("totals", models.JSONField(blank=True, default=dict, verbose_name="totals")),
                (
                    "closed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "closed month",
                "verbose_name_plural": "closed months",
                "ordering": ["-month"],
            },
        ),
        migrations.CreateModel(
            name="Settlement",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("month", models.DateField(verbose_name="month")),
                (
                    "direction",
                    models.CharField(
                        choices=[("receivable", "They owe us"), ("payable", "We owe them")],
                        max_length=10,
                        verbose_name="direction",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("confirmed", "Confirmed"),
                            ("disputed", "Disputed"),
                        ],
                        default="draft",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{3}$", "An ISO 4217 code, such as EUR."
                            )
                        ],
                        verbose_name="currency",
                    ),
                ),
                ("cdr_count", models.PositiveIntegerField(default=0, verbose_name="CDRs")),
                (
                    "energy_kwh",
                    models.DecimalField(
                        decimal_places=9, default=0, max_digits=24, verbose_name="energy (kWh)"
                    ),
                ),
                (
                    "net",
                    models.DecimalField(
                        decimal_places=2, default=0, max_digits=14, verbose_name="net"
                    ),
                ),
                (
                    "tax",
                    models.DecimalField(
                        decimal_places=2, default=0, max_digits=14, verbose_name="tax"
                    ),
                ),
                (
                    "hub_fee",
                    models.DecimalField(
                        decimal_places=2, default=0, max_digits=14, verbose_name="hub fee"
                    ),
                ),
                (
                    "total",
                    models.DecimalField(
                        decimal_places=2, default=0, max_digits=14, verbose_name="total"
                    ),
                ),
                (
                    "partner_invoice_reference",
                    models.CharField(blank=True, max_length=60, verbose_name="partner's invoice"),
                ),
                (
                    "confirmed_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="confirmed at"),
                ),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="updated at")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="settlements",
                        to="billing.billingaccount",
                    ),
                ),
                (
                    "confirmed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "invoice",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="settlement",
                        to="billing.invoice",
                    ),
                ),
            ],
            options={
                "verbose_name": "settlement",
                "verbose_name_plural": "settlements",
                "ordering": ["-month", "account", "direction", "currency"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "month", "direction", "currency"), name="settlement_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "total",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("net"), "+", models.F("tax")
                                    ),
                                    "-",
                                    models.F("hub_fee"),
                                ),
                            ),
                            (
                                "total",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("net"), "+", models.F("tax")
                                    ),
                                    "+",
                                    models.F("hub_fee"),
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="settlement_adds_up",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PartnerCdr",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("received", "Theirs, for our customer"),
                            ("copy", "Their copy of ours"),
                        ],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("partner_reference", models.CharField(max_length=39, verbose_name="partner's id")),
                ("started_at", models.DateTimeField(verbose_name="started at")),
                ("ended_at", models.DateTimeField(verbose_name="ended at")),
                (
                    "energy_kwh",
                    models.DecimalField(
                        decimal_places=9, max_digits=24, verbose_name="energy (kWh)"
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{3}$", "An ISO 4217 code, such as EUR."
                            )
                        ],
                        verbose_name="currency",
                    ),
                ),
                (
                    "net",
                    models.DecimalField(
                        decimal_places=4, max_digits=14, verbose_name="total excl. tax"
                    ),
                ),
                (
                    "tax",
                    models.DecimalField(
                        decimal_places=4, default=0, max_digits=14, verbose_name="tax"
                    ),
                ),
                (
                    "our_net",
                    models.DecimalField(
                        blank=True,
                        decimal_places=4,
                        max_digits=14,
                        null=True,
                        verbose_name="by our own rating",
                    ),
                ),
                ("is_credit", models.BooleanField(default=False, verbose_name="credit")),
                (
                    "content",
                    models.JSONField(blank=True, default=dict, verbose_name="as it arrived"),
                ),
                ("received_at", models.DateTimeField(verbose_name="received at")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="partner_cdrs",
                        to="billing.billingaccount",
                    ),
                ),
                (
                    "cdr",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="partner_copies",
                        to="billing.cdr",
                    ),
                ),
                (
                    "settlement",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="partner_cdrs",
                        to="billing.settlement",
                        verbose_name="settlement",
                    ),
                ),
            ],
            options={
                "verbose_name": "partner's CDR",
                "verbose_name_plural": "partners' CDRs",
                "ordering": ["-received_at", "-pk"],
                "indexes": [models.Index(fields=["ended_at"], name="partner_cdr_ended")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "kind", "partner_reference"), name="partner_cdr_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TaxRate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("territory", models.CharField(max_length=5, verbose_name="territory")),
                ("code", models.CharField(max_length=20, verbose_name="tax")),
                ("name", models.CharField(max_length=60, verbose_name="name on papers")),
                (
                    "category",
                    models.CharField(
                        choices=[
                            ("S", "Standard rate"),
                            ("Z", "Zero rate"),
                            ("E", "Exempt"),
                            ("AE", "Reverse charge"),
                            ("O", "Outside the scope of tax"),
                        ],
                        max_length=2,
                        verbose_name="category",
                    ),
                ),
                (
                    "percent",
                    models.DecimalField(decimal_places=3, max_digits=6, verbose_name="rate (%)"),
                ),
                ("valid_from", models.DateField(verbose_name="valid from")),
                (
                    "valid_until",
                    models.DateField(blank=True, null=True, verbose_name="valid until"),
                ),
                (
                    "legal_mention",
                    models.JSONField(blank=True, default=dict, verbose_name="legal mention"),
                ),
                (
                    "exemption_code",
                    models.CharField(
                        blank=True, max_length=30, verbose_name="exemption code (VATEX)"
                    ),
                ),
                ("source", models.CharField(blank=True, max_length=300, verbose_name="source")),
                (
                    "is_shipped",
                    models.BooleanField(
                        default=False, editable=False, verbose_name="shipped with the product"
                    ),
                ),
            ],
            options={
                "verbose_name": "tax rate",
                "verbose_name_plural": "tax rates",
                "ordering": ["territory", "code", "-valid_from"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("territory", "code", "valid_from"), name="tax_rate_once_a_day"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("percent__range", (0, 100))), name="tax_rate_percent"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_until__isnull", True),
                            ("valid_until__gt", models.F("valid_from")),
                            _connector="OR",
                        ),
                        name="tax_rate_ends_after_start",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BankStatement",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sha256", models.CharField(max_length=64, unique=True, verbose_name="SHA-256")),
                (
                    "format",
                    models.CharField(
                        choices=[("camt053", "CAMT.053 (XML)"), ("csv", "CSV")],
                        max_length=7,
                        verbose_name="format",
                    ),
                ),
                (
                    "file_name",
                    models.CharField(blank=True, max_length=200, verbose_name="file name"),
                ),
                (
                    "statement_ids",
                    models.JSONField(blank=True, default=list, verbose_name="statements in it"),
                ),
                ("iban", models.CharField(blank=True, max_length=34, verbose_name="our IBAN")),
                (
                    "opening_balance",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        max_digits=14,
                        null=True,
                        verbose_name="balance before",
                    ),
                ),
                (
                    "closing_balance",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        max_digits=14,
                        null=True,
                        verbose_name="balance after",
                    ),
                ),
                (
                    "balances_add_up",
                    models.BooleanField(blank=True, null=True, verbose_name="balances add up"),
                ),
                ("taken_count", models.PositiveIntegerField(default=0, verbose_name="payments")),
                (
                    "known_count",
                    models.PositiveIntegerField(default=0, verbose_name="known already"),
                ),
                ("left_count", models.PositiveIntegerField(default=0, verbose_name="left aside")),
                ("bad_count", models.PositiveIntegerField(default=0, verbose_name="not readable")),
                ("imported_at", models.DateTimeField(verbose_name="imported at")),
                (
                    "imported_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="imported by",
                    ),
                ),
            ],
            options={
                "verbose_name": "bank statement",
                "verbose_name_plural": "bank statements",
                "ordering": ["-imported_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="Dispute",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("answered", "Answered"),
                            ("accepted", "Accepted"),
                            ("partly_accepted", "Partly accepted"),
                            ("rejected", "Rejected"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="open",
                        max_length=15,
                        verbose_name="state",
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("unknown_session", "Session not known to the customer"),
                            ("energy", "Energy"),
                            ("duration", "Duration"),
                            ("price", "Price or tariff"),
                            ("tax", "Tax"),
                            ("duplicate", "Billed twice"),
                            ("fault", "Fault of the station"),
                            ("other", "Other"),
                        ],
                        max_length=15,
                        verbose_name="reason",
                    ),
                ),
                (
                    "partner_reference",
                    models.CharField(blank=True, max_length=60, verbose_name="their reference"),
                ),
                (
                    "currency",
                    models.CharField(
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{3}$", "An ISO 4217 code, such as EUR."
                            )
                        ],
                        verbose_name="currency",
                    ),
                ),
                (
                    "disputed_amount",
                    models.DecimalField(
                        decimal_places=2, max_digits=14, verbose_name="amount billed"
                    ),
                ),
                (
                    "claimed_amount",
                    models.DecimalField(decimal_places=2, max_digits=14, verbose_name="claimed"),
                ),
                (
                    "granted_amount",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        max_digits=14,
                        null=True,
                        verbose_name="granted",
                    ),
                ),
                ("answer_by", models.DateField(blank=True, null=True, verbose_name="answer by")),
                ("opened_at", models.DateTimeField(verbose_name="opened at")),
                (
                    "decided_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="decided at"),
                ),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="updated at")),
                (
                    "account",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="disputes",
                        to="billing.billingaccount",
                        verbose_name="account",
                    ),
                ),
                (
                    "cdr",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="disputes",
                        to="billing.cdr",
                        verbose_name="CDR",
                    ),
                ),
                (
                    "corrected_cdr",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.cdr",
                        verbose_name="corrected CDR",
                    ),
                ),
                (
                    "credit_cdr",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="of_dispute",
                        to="billing.cdr",
                        verbose_name="credit CDR",
                    ),
                ),
                (
                    "credit_note",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="of_dispute",
                        to="billing.invoice",
                        verbose_name="credit note",
                    ),
                ),
                (
                    "invoice_line",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="disputes",
                        to="billing.invoiceline",
                        verbose_name="invoice line",
                    ),
                ),
                (
                    "opened_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="opened by",
                    ),
                ),
                (
                    "partner_cdr",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="disputes",
                        to="billing.partnercdr",
                        verbose_name="partner's CDR",
                    ),
                ),
            ],
            options={
                "verbose_name": "dispute",
                "verbose_name_plural": "disputes",
                "ordering": ["-opened_at", "-pk"],
                "indexes": [
                    models.Index(fields=["state", "-opened_at"], name="dispute_state_opened")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("cdr__isnull", False),
                                ("invoice_line__isnull", True),
                                ("partner_cdr__isnull", True),
                            ),
                            models.Q(
                                ("cdr__isnull", True),
                                ("invoice_line__isnull", False),
                                ("partner_cdr__isnull", True),
                            ),
                            models.Q(
                                ("cdr__isnull", True),
                                ("invoice_line__isnull", True),
                                ("partner_cdr__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="dispute_about_one_thing",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("open", "answered"))),
                        fields=("cdr",),
                        name="dispute_open_once_cdr",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("open", "answered"))),
                        fields=("invoice_line",),
                        name="dispute_open_once_invoice_line",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("open", "answered"))),
                        fields=("partner_cdr",),
                        name="dispute_open_once_partner_cdr",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("claimed_amount__gte", 0),
                            models.Q(
                                ("granted_amount__isnull", True),
                                models.Q(
                                    ("granted_amount__gte", 0),
                                    ("granted_amount__lte", models.F("disputed_amount")),
                                ),
                                _connector="OR",
                            ),
                        ),
                        name="dispute_amounts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("decided_at__isnull", True), ("state__in", ("open", "answered"))
                            ),
                            models.Q(
                                models.Q(("state__in", ("open", "answered")), _negated=True),
                                ("decided_at__isnull", False),
                                ("granted_amount__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="dispute_decided_is_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DisputeEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "act",
                    models.CharField(
                        choices=[
                            ("opened", "Opened"),
                            ("answered", "Answered"),
                            ("replied", "Replied"),
                            ("noted", "Note"),
                            ("accepted", "Accepted"),
                            ("partly_accepted", "Partly accepted"),
                            ("rejected", "Rejected"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        max_length=15,
                        verbose_name="step",
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="at")),
                ("by_name", models.CharField(blank=True, max_length=150, verbose_name="by")),
                ("text", models.TextField(blank=True, verbose_name="text")),
                (
                    "amount",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        max_digits=14,
                        null=True,
                        verbose_name="amount",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                (
                    "dispute",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="billing.dispute",
                    ),
                ),
            ],
            options={
                "verbose_name": "step of a dispute",
                "verbose_name_plural": "steps of disputes",
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("transfer", "Bank transfer"),
                            ("direct_debit", "Direct debit"),
                            ("card", "Card"),
                            ("cash", "Cash"),
                            ("refund", "Refund"),
                        ],
                        max_length=12,
                        verbose_name="method",
                    ),
                ),
                (
                    "direction",
                    models.CharField(
                        choices=[("in", "Received"), ("out", "Paid out")],
                        default="in",
                        max_length=3,
                        verbose_name="direction",
                    ),
                ),
                ("paid_on", models.DateField(verbose_name="paid on")),
                (
                    "currency",
                    models.CharField(
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{3}$", "An ISO 4217 code, such as EUR."
                            )
                        ],
                        verbose_name="currency",
                    ),
                ),
                (
                    "amount",
                    models.DecimalField(decimal_places=2, max_digits=14, verbose_name="amount"),
                ),
                (
                    "allocated",
                    models.DecimalField(
                        decimal_places=2, default=0, max_digits=14, verbose_name="allocated"
                    ),
                ),
                (
                    "party_name",
                    models.CharField(blank=True, max_length=200, verbose_name="name at the bank"),
                ),
                ("party_iban", models.CharField(blank=True, max_length=34, verbose_name="IBAN")),
                (
                    "reference",
                    models.CharField(blank=True, max_length=500, verbose_name="payment reference"),
                ),
                (
                    "end_to_end_id",
                    models.CharField(blank=True, max_length=64, verbose_name="end-to-end id"),
                ),
                (
                    "external_id",
                    models.CharField(
                        blank=True, max_length=100, null=True, verbose_name="external id"
                    ),
                ),
                (
                    "set_aside_reason",
                    models.CharField(blank=True, max_length=200, verbose_name="not ours because"),
                ),
                ("is_set_aside", models.BooleanField(default=False, verbose_name="set aside")),
                ("note", models.CharField(blank=True, max_length=300, verbose_name="note")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                (
                    "account",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="billing.billingaccount",
                        verbose_name="account",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="created by",
                    ),
                ),
            ],
            options={
                "verbose_name": "payment",
                "verbose_name_plural": "payments",
                "ordering": ["-paid_on", "-pk"],
                "indexes": [
                    models.Index(
                        condition=models.Q(
                            ("allocated__lt", models.F("amount")), ("is_set_aside", False)
                        ),
                        fields=["-paid_on", "-id"],
                        name="payment_with_rest",
                    ),
                    models.Index(fields=["account", "-paid_on"], name="payment_account"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("external_id",), name="payment_external_id_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0)), name="payment_amount_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("allocated__gte", 0), ("allocated__lte", models.F("amount"))
                        ),
                        name="payment_allocated_within_amount",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("method", "refund"), _negated=True),
                            ("direction", "out"),
                            _connector="OR",
                        ),
                        name="payment_refund_goes_out",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BankLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField(verbose_name="line")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("taken", "Payment recorded"),
                            ("known", "Known from another statement"),
                            ("left", "Left aside"),
                            ("bad", "Not readable"),
                        ],
                        max_length=5,
                        verbose_name="state",
                    ),
                ),
                ("fingerprint", models.CharField(blank=True, editable=False, max_length=64)),
                ("booked_on", models.DateField(blank=True, null=True, verbose_name="booked on")),
                (
                    "amount",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        max_digits=14,
                        null=True,
                        verbose_name="amount",
                    ),
                ),
                ("currency", models.CharField(blank=True, max_length=3, verbose_name="currency")),
                (
                    "party_name",
                    models.CharField(blank=True, max_length=200, verbose_name="name at the bank"),
                ),
                ("party_iban", models.CharField(blank=True, max_length=34, verbose_name="IBAN")),
                (
                    "reference",
                    models.CharField(blank=True, max_length=500, verbose_name="payment reference"),
                ),
                (
                    "end_to_end_id",
                    models.CharField(blank=True, max_length=64, verbose_name="end-to-end id"),
                ),
                (
                    "bank_reference",
                    models.CharField(blank=True, max_length=64, verbose_name="bank's reference"),
                ),
                ("is_return", models.BooleanField(default=False, verbose_name="returned payment")),
                (
                    "problem_code",
                    models.CharField(blank=True, max_length=40, verbose_name="problem"),
                ),
                ("problem", models.CharField(blank=True, max_length=300, verbose_name="why not")),
                ("raw", models.TextField(blank=True, verbose_name="as in the file")),
                (
                    "statement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="billing.bankstatement",
                    ),
                ),
                (
                    "payment",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_line",
                        to="billing.payment",
                    ),
                ),
            ],
            options={
                "verbose_name": "line of a bank statement",
                "verbose_name_plural": "lines of bank statements",
                "ordering": ["statement", "number"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("statement", "number"), name="bank_line_number"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("taken", "left"))),
                        fields=("fingerprint",),
                        name="bank_line_booked_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("payment__isnull", False), ("state", "taken")),
                            models.Q(
                                models.Q(("state", "taken"), _negated=True),
                                ("payment__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="bank_line_taken_has_payment",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Reminder",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("level", models.PositiveSmallIntegerField(verbose_name="level")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "Proposed"),
                            ("sending", "Being sent"),
                            ("sent", "Sent"),
                            ("failed", "Failed"),
                            ("dropped", "Dropped"),
                        ],
                        default="proposed",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        choices=[("fr", "French"), ("en", "English"), ("es", "Spanish")],
                        max_length=2,
                        verbose_name="language",
                    ),
                ),
                ("address", models.EmailField(blank=True, max_length=254, verbose_name="sent to")),
                (
                    "open_amount",
                    models.DecimalField(
                        decimal_places=2, max_digits=14, verbose_name="open amount"
                    ),
                ),
                (
                    "fee",
                    models.DecimalField(
                        decimal_places=2, default=0, max_digits=14, verbose_name="fee"
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{3}$", "An ISO 4217 code, such as EUR."
                            )
                        ],
                        verbose_name="currency",
                    ),
                ),
                (
                    "days_overdue",
                    models.PositiveIntegerField(default=0, verbose_name="days overdue"),
                ),
                ("subject", models.CharField(blank=True, max_length=300, verbose_name="subject")),
                ("body", models.TextField(blank=True, verbose_name="text")),
                (
                    "is_automatic",
                    models.BooleanField(default=False, verbose_name="sent without asking"),
                ),
                ("on_paper", models.BooleanField(default=False, verbose_name="on paper")),
                ("made_at", models.DateTimeField(verbose_name="made at")),
                (
                    "sending_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="handed over at"),
                ),
                ("sent_at", models.DateTimeField(blank=True, null=True, verbose_name="sent at")),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                (
                    "last_error",
                    models.CharField(blank=True, max_length=300, verbose_name="last error"),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reminders",
                        to="billing.invoice",
                        verbose_name="invoice",
                    ),
                ),
                (
                    "sent_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="sent by",
                    ),
                ),
            ],
            options={
                "verbose_name": "reminder",
                "verbose_name_plural": "reminders",
                "ordering": ["-made_at", "-pk"],
                "permissions": [("send_reminder", "Can send reminders")],
                "indexes": [models.Index(fields=["state"], name="reminder_state")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("invoice", "level"), name="reminder_once_a_level"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("fee__gte", 0), ("open_amount__gt", 0)),
                        name="reminder_amounts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "sent"), _negated=True),
                            ("sent_at__isnull", False),
                            _connector="OR",
                        ),
                        name="reminder_sent_when",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PaymentAllocation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "amount",
                    models.DecimalField(decimal_places=2, max_digits=14, verbose_name="amount"),
                ),
                (
                    "way",
                    models.CharField(
                        choices=[
                            ("manual", "By hand"),
                            ("match", "Accepted proposal"),
                            ("set_off", "Set off"),
                            ("refund", "Refund"),
                            ("return", "Returned payment"),
                        ],
                        max_length=8,
                        verbose_name="how",
                    ),
                ),
                ("note", models.CharField(blank=True, max_length=300, verbose_name="reason")),
                ("at", models.DateTimeField(verbose_name="at")),
                (
                    "released_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="released at"),
                ),
                (
                    "release_reason",
                    models.CharField(blank=True, max_length=200, verbose_name="released because"),
                ),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                (
                    "from_invoice",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="set_offs_given",
                        to="billing.invoice",
                    ),
                ),
                (
                    "from_settlement",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="set_offs_given",
                        to="billing.settlement",
                    ),
                ),
                (
                    "given_back",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="gives_back",
                        to="billing.payment",
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="allocations",
                        to="billing.invoice",
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="allocations",
                        to="billing.payment",
                    ),
                ),
                (
                    "released_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="released by",
                    ),
                ),
                (
                    "settlement",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="allocations",
                        to="billing.settlement",
                    ),
                ),
                (
                    "reminder",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="allocations",
                        to="billing.reminder",
                    ),
                ),
            ],
            options={
                "verbose_name": "allocation of a payment",
                "verbose_name_plural": "allocations of payments",
                "ordering": ["pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0)), name="allocation_amount_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("from_invoice__isnull", True),
                                ("from_settlement__isnull", True),
                                ("payment__isnull", False),
                            ),
                            models.Q(
                                ("from_invoice__isnull", False),
                                ("from_settlement__isnull", True),
                                ("payment__isnull", True),
                            ),
                            models.Q(
                                ("from_invoice__isnull", True),
                                ("from_settlement__isnull", False),
                                ("payment__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="allocation_one_source",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("given_back__isnull", True),
                                ("invoice__isnull", False),
                                ("reminder__isnull", True),
                                ("settlement__isnull", True),
                            ),
                            models.Q(
                                ("given_back__isnull", True),
                                ("invoice__isnull", True),
                                ("reminder__isnull", True),
                                ("settlement__isnull", False),
                            ),
                            models.Q(
                                ("given_back__isnull", True),
                                ("invoice__isnull", True),
                                ("reminder__isnull", False),
                                ("settlement__isnull", True),
                            ),
                            models.Q(
                                ("given_back__isnull", False),
                                ("invoice__isnull", True),
                                ("reminder__isnull", True),
                                ("settlement__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="allocation_one_target",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ReminderLevel",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "level",
                    models.PositiveSmallIntegerField(
                        unique=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="level",
                    ),
                ),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                (
                    "days_after_due",
                    models.PositiveSmallIntegerField(verbose_name="days after the due date"),
                ),
                (
                    "days_after_previous",
                    models.PositiveSmallIntegerField(
                        default=7, verbose_name="days after the previous level"
                    ),
                ),
                (
                    "least_amount",
                    models.DecimalField(
                        decimal_places=2, default=0, max_digits=14, verbose_name="least open amount"
                    ),
                ),
                (
                    "fee",
                    models.DecimalField(
                        decimal_places=2, default=0, max_digits=14, verbose_name="fee"
                    ),
                ),
                (
                    "fee_currency",
                    models.CharField(
                        default="EUR",
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{3}$", "An ISO 4217 code, such as EUR."
                            )
                        ],
                        verbose_name="currency of the fee",
                    ),
                ),
                (
                    "fee_audience",
                    models.CharField(
                        choices=[
                            ("everybody", "Everybody"),
                            ("companies", "Companies and partners"),
                        ],
                        default="companies",
                        max_length=9,
                        verbose_name="fee for",
                    ),
                ),
                (
                    "is_automatic",
                    models.BooleanField(default=False, verbose_name="sent without asking"),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
            ],
            options={
                "verbose_name": "reminder level",
                "verbose_name_plural": "reminder levels",
                "ordering": ["level"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("fee__gte", 0), ("least_amount__gte", 0), ("level__gte", 1)
                        ),
                        name="reminder_level_not_negative",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ReminderText",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        choices=[("fr", "French"), ("en", "English"), ("es", "Spanish")],
                        max_length=2,
                        verbose_name="language",
                    ),
                ),
                ("subject", models.CharField(max_length=200, verbose_name="subject")),
                ("body", models.TextField(verbose_name="text")),
                (
                    "level",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="texts",
                        to="billing.reminderlevel",
                    ),
                ),
            ],
            options={
                "verbose_name": "text of a reminder",
                "verbose_name_plural": "texts of reminders",
                "ordering": ["level", "language"],
                "constraints": [
                    models.UniqueConstraint(fields=("level", "language"), name="reminder_text_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ExportJob",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=cariflex.common.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("cdr_csv", "CDRs (CSV)"),
                            ("cdr_xlsx", "CDRs (Excel)"),
                            ("fec", "Accounting entries (FEC)"),
                            ("sepa_debit", "SEPA direct debits (pain.008)"),
                            ("sepa_credit", "SEPA credit transfers (pain.001)"),
                            ("facturx_bundle", "Invoices as Factur-X (ZIP)"),
                            ("e_reporting", "E-reporting data set"),
                        ],
                        max_length=14,
                        verbose_name="kind",
                    ),
                ),
                (
                    "params",
                    models.JSONField(blank=True, default=dict, verbose_name="what was asked for"),
                ),
                (
                    "selection",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(),
                        blank=True,
                        editable=False,
                        null=True,
                        size=None,
                    ),
                ),
                ("language", models.CharField(default="en", max_length=5, verbose_name="language")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Waiting"),
                            ("running", "In progress"),
                            ("done", "Ready"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                            ("expired", "Expired"),
                        ],
                        default="queued",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                (
                    "requested_by_name",
                    models.CharField(blank=True, max_length=150, verbose_name="name"),
                ),
                ("requested_at", models.DateTimeField(verbose_name="requested at")),
                (
                    "started_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="started at"),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                (
                    "expires_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="expires at"),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                (
                    "rows_total",
                    models.PositiveBigIntegerField(blank=True, null=True, verbose_name="rows"),
                ),
                (
                    "rows_done",
                    models.PositiveBigIntegerField(default=0, verbose_name="rows written"),
                ),
                (
                    "error_code",
                    models.CharField(blank=True, max_length=60, verbose_name="error code"),
                ),
                ("error", models.CharField(blank=True, max_length=500, verbose_name="error")),
                (
                    "file_name",
                    models.CharField(blank=True, max_length=150, verbose_name="file name"),
                ),
                (
                    "media_type",
                    models.CharField(blank=True, max_length=100, verbose_name="media type"),
                ),
                ("stored_as", models.CharField(blank=True, editable=False, max_length=300)),
                (
                    "size_bytes",
                    models.PositiveBigIntegerField(default=0, verbose_name="size (bytes)"),
                ),
                ("sha256", models.CharField(blank=True, max_length=64, verbose_name="SHA-256")),
                ("downloads", models.PositiveIntegerField(default=0, verbose_name="downloads")),
                (
                    "downloaded_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="last downloaded at"),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="requested by",
                    ),
                ),
            ],
            options={
                "verbose_name": "export",
                "verbose_name_plural": "exports",
                "ordering": ["-requested_at", "-id"],
                "indexes": [
                    models.Index(fields=["-requested_at", "-id"], name="export_requested"),
                    models.Index(
                        condition=models.Q(("state__in", ("queued", "running"))),
                        fields=["requested_at"],
                        name="export_open",
                    ),
                    models.Index(
                        condition=models.Q(("state", "done")),
                        fields=["expires_at"],
                        name="export_expiry",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "done"), _negated=True),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("expires_at__isnull", False),
                                models.Q(("stored_as", ""), _negated=True),
                                models.Q(("sha256", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="export_done_is_whole",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ("queued", "running")),
                            ("ended_at__isnull", False),
                            _connector="OR",
                        ),
                        name="export_over_has_an_end",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ExportView",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("is_shared", models.BooleanField(default=False, verbose_name="for everybody")),
                ("columns", models.JSONField(default=list, verbose_name="columns")),
                (
                    "order",
                    models.CharField(
                        choices=[
                            ("issued_at", "Issued, oldest first"),
                            ("-issued_at", "Issued, newest first"),
                            ("ended_at", "Session ended, oldest first"),
                            ("-ended_at", "Session ended, newest first"),
                            ("reference", "Reference"),
                            ("station_id", "Station id"),
                            ("-total_incl_vat", "Total, highest first"),
                        ],
                        default="issued_at",
                        max_length=20,
                        verbose_name="order of rows",
                    ),
                ),
                (
                    "style",
                    models.CharField(
                        choices=[
                            ("international", "Comma, decimal point"),
                            ("excel", "Excel in English: comma, decimal point"),
                            ("excel_fr", "Excel in French: semicolon, decimal comma"),
                        ],
                        default="international",
                        max_length=13,
                        verbose_name="separators",
                    ),
                ),
                ("with_titles", models.BooleanField(default=False, verbose_name="titles in words")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="updated at")),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="export_views",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
            ],
            options={
                "verbose_name": "export view",
                "verbose_name_plural": "export views",
                "ordering": ["name", "pk"],
                "constraints": [
                    models.UniqueConstraint(fields=("owner", "name"), name="export_view_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="DynamicFormula",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "factor",
                    models.DecimalField(
                        decimal_places=4,
                        default=1,
                        max_digits=8,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="factor",
                    ),
                ),
                (
                    "adder_per_kwh",
                    models.DecimalField(
                        decimal_places=4, default=0, max_digits=10, verbose_name="added per kWh"
                    ),
                ),
                (
                    "floor_per_kwh",
                    models.DecimalField(
                        decimal_places=4,
                        default=0,
                        max_digits=10,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="at least per kWh",
                    ),
                ),
                (
                    "cap_per_kwh",
                    models.DecimalField(
                        decimal_places=4,
                        max_digits=10,
                        validators=[django.core.validators.MinValueValidator(0)],
                        verbose_name="at most per kWh",
                    ),
                ),
                (
                    "series",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="markets.priceseries",
                        verbose_name="price series",
                    ),
                ),
                (
                    "version",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="formula",
                        to="billing.tariffversion",
                    ),
                ),
            ],
            options={
                "verbose_name": "market formula of a tariff",
                "verbose_name_plural": "market formulas of tariffs",
                "ordering": ["pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("cap_per_kwh__gte", models.F("floor_per_kwh")),
                            ("factor__gte", 0),
                            ("floor_per_kwh__gte", 0),
                        ),
                        name="dynamic_formula_floor_below_cap",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DynamicPrice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("start", models.DateTimeField(verbose_name="start")),
                (
                    "market_price_eur_per_mwh",
                    models.DecimalField(
                        decimal_places=5, max_digits=12, verbose_name="market price (EUR/MWh)"
                    ),
                ),
                (
                    "price_per_kwh",
                    models.DecimalField(
                        decimal_places=4, max_digits=10, verbose_name="price of a kWh"
                    ),
                ),
                ("fixed_at", models.DateTimeField(verbose_name="fixed at")),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="dynamic_prices",
                        to="billing.tariffversion",
                    ),
                ),
            ],
            options={
                "verbose_name": "price of a dynamic tariff",
                "verbose_name_plural": "prices of dynamic tariffs",
                "ordering": ["version", "start"],
                "constraints": [
                    models.UniqueConstraint(fields=("version", "start"), name="dynamic_price_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="TariffAssignment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        choices=[
                            ("token_group", "Token group"),
                            ("account", "Customer or partner"),
                            ("connector", "Connector"),
                            ("evse", "EVSE"),
                            ("station", "Charging station"),
                            ("site", "Site"),
                            ("operator", "Whole operator"),
                        ],
                        default="operator",
                        max_length=11,
                        verbose_name="applies to",
                    ),
                ),
                (
                    "is_ad_hoc",
                    models.BooleanField(
                        default=False,
                        help_text="Off: for everybody; on: only for those who pay at the station.",
                        verbose_name="for people without a contract",
                    ),
                ),
                ("valid_from", models.DateTimeField(verbose_name="valid from")),
                (
                    "valid_until",
                    models.DateTimeField(blank=True, null=True, verbose_name="valid until"),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                ("created_by", models.CharField(blank=True, max_length=150, verbose_name="by")),
                (
                    "account",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tariff_assignments",
                        to="billing.billingaccount",
                        verbose_name="customer or partner",
                    ),
                ),
                (
                    "connector",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tariff_assignments",
                        to="chargers.connector",
                        verbose_name="connector",
                    ),
                ),
                (
                    "evse",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tariff_assignments",
                        to="chargers.evse",
                        verbose_name="EVSE",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tariff_assignments",
                        to="assets.site",
                        verbose_name="site",
                    ),
                ),
                (
                    "station",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tariff_assignments",
                        to="chargers.chargingstation",
                        verbose_name="charging station",
                    ),
                ),
                (
                    "tariff",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="assignments",
                        to="billing.tariff",
                        verbose_name="tariff",
                    ),
                ),
                (
                    "token_group",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tariff_assignments",
                        to="chargers.tokengroup",
                        verbose_name="token group",
                    ),
                ),
            ],
            options={
                "verbose_name": "tariff assignment",
                "verbose_name_plural": "tariff assignments",
                "ordering": ["-valid_from", "-pk"],
                "indexes": [
                    models.Index(fields=["tariff", "-valid_from"], name="tariff_assignment_of")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("account__isnull", True),
                                ("connector__isnull", True),
                                ("evse__isnull", True),
                                ("scope", "token_group"),
                                ("site__isnull", True),
                                ("station__isnull", True),
                                ("token_group__isnull", False),
                            ),
                            models.Q(
                                ("account__isnull", False),
                                ("connector__isnull", True),
                                ("evse__isnull", True),
                                ("scope", "account"),
                                ("site__isnull", True),
                                ("station__isnull", True),
                                ("token_group__isnull", True),
                            ),
                            models.Q(
                                ("account__isnull", True),
                                ("connector__isnull", False),
                                ("evse__isnull", True),
                                ("scope", "connector"),
                                ("site__isnull", True),
                                ("station__isnull", True),
                                ("token_group__isnull", True),
                            ),
                            models.Q(
                                ("account__isnull", True),
                                ("connector__isnull", True),
                                ("evse__isnull", False),
                                ("scope", "evse"),
                                ("site__isnull", True),
                                ("station__isnull", True),
                                ("token_group__isnull", True),
                            ),
                            models.Q(
                                ("account__isnull", True),
                                ("connector__isnull", True),
                                ("evse__isnull", True),
                                ("scope", "station"),
                                ("site__isnull", True),
                                ("station__isnull", False),
                                ("token_group__isnull", True),
                            ),
                            models.Q(
                                ("account__isnull", True),
                                ("connector__isnull", True),
                                ("evse__isnull", True),
                                ("scope", "site"),
                                ("site__isnull", False),
                                ("station__isnull", True),
                                ("token_group__isnull", True),
                            ),
                            models.Q(
                                ("account__isnull", True),
                                ("connector__isnull", True),
                                ("evse__isnull", True),
                                ("scope", "operator"),
                                ("site__isnull", True),
                                ("station__isnull", True),
                                ("token_group__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="tariff_assignment_one_target",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("is_ad_hoc", False),
                            models.Q(("scope__in", ("token_group", "account")), _negated=True),
                            _connector="OR",
                        ),
                        name="tariff_assignment_ad_hoc_at_places",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_until__isnull", True),
                            ("valid_until__gt", models.F("valid_from")),
                            _connector="OR",
                        ),
                        name="tariff_assignment_ends_after_start",
                    ),
                    models.UniqueConstraint(
                        fields=(
                            "scope",
                            "connector",
                            "evse",
                            "station",
                            "site",
                            "token_group",
                            "account",
                            "is_ad_hoc",
                            "valid_from",
                        ),
                        name="tariff_assignment_one_at_an_instant",
                        nulls_distinct=False,
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TaxPlace",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("territory", models.CharField(max_length=5, verbose_name="tax territory")),
                (
                    "site",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tax_place",
                        to="assets.site",
                        verbose_name="site",
                    ),
                ),
            ],
            options={
                "verbose_name": "tax territory of a site",
                "verbose_name_plural": "tax territories of sites",
                "ordering": ["site"],
            },
        ),
        migrations.CreateModel(
            name="BillingException",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("no_tariff", "No tariff"),
                            ("not_priced", "Tariff cannot be applied"),
                            ("meter_backwards", "Meter ran backwards"),
                            ("energy_jump", "More energy than the station can give"),
                            ("clock", "Impossible times"),
                            ("zero_energy", "No energy"),
                            ("overlapping", "Overlaps another session"),
                            ("negative_amount", "Negative amount"),
                            ("session_changed", "Session changed after its CDR"),
                        ],
                        max_length=16,
                        verbose_name="what",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("resolved", "Resolved")],
                        default="open",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("detail", models.CharField(blank=True, max_length=300, verbose_name="in words")),
                ("opened_at", models.DateTimeField(verbose_name="opened at")),
                (
                    "resolution",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("retry", "Issue the CDR now"),
                            ("bill_as_is", "Bill it as it stands"),
                            ("bill_corrected", "Bill corrected figures"),
                            ("do_not_bill", "Do not bill it"),
                            ("reissue", "Credit and issue anew"),
                            ("accept", "Accept it"),
                            ("solved", "Solved by itself"),
                        ],
                        max_length=14,
                        verbose_name="what was done",
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300, verbose_name="reason")),
                (
                    "resolved_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="resolved at"),
                ),
                (
                    "history",
                    models.JSONField(
                        blank=True, default=list, editable=False, verbose_name="history"
                    ),
                ),
                (
                    "cdr",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="exceptions",
                        to="billing.cdr",
                        verbose_name="CDR",
                    ),
                ),
                (
                    "other_session",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="chargers.session",
                        verbose_name="other session",
                    ),
                ),
                (
                    "resolved_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="resolved by",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="billing_exceptions",
                        to="chargers.session",
                        verbose_name="session",
                    ),
                ),
            ],
            options={
                "verbose_name": "billing exception",
                "verbose_name_plural": "billing exceptions",
                "ordering": ["-opened_at", "-pk"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "open")),
                        fields=["-opened_at", "-id"],
                        name="exception_open",
                    ),
                    models.Index(
                        condition=models.Q(("resolution", "do_not_bill")),
                        fields=["session"],
                        name="exception_not_billed",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("session", "kind", "cdr"),
                        name="exception_once",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("resolution", ""), ("resolved_at__isnull", True), ("state", "open")
                            ),
                            models.Q(
                                ("resolved_at__isnull", False),
                                ("state", "resolved"),
                                models.Q(("resolution", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="exception_resolved_says_how",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ReconciliationRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("start", models.DateTimeField(verbose_name="from")),
                ("end", models.DateTimeField(verbose_name="until")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Waiting"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=9,
                        verbose_name="state",
                    ),
                ),
                (
                    "phase",
                    models.CharField(
                        choices=[
                            ("sessions", "Sessions and their CDRs"),
                            ("meters", "CDRs and meters"),
                            ("prices", "Prices"),
                            ("copies", "Partners' copies"),
                        ],
                        default="sessions",
                        max_length=8,
                        verbose_name="step",
                    ),
                ),
                ("place", models.CharField(blank=True, editable=False, max_length=80)),
                ("total_count", models.PositiveIntegerField(default=0, verbose_name="to compare")),
                ("checked_count", models.PositiveIntegerField(default=0, verbose_name="compared")),
                ("findings_count", models.PositiveIntegerField(default=0, verbose_name="findings")),
                ("held_count", models.PositiveIntegerField(default=0, verbose_name="in the inbox")),
                ("requested_at", models.DateTimeField(verbose_name="asked for at")),
                (
                    "started_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="started at"),
                ),
                ("touched_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "finished_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="finished at"),
                ),
                ("error", models.CharField(blank=True, max_length=300, verbose_name="error")),
                (
                    "requested_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="asked for by",
                    ),
                ),
            ],
            options={
                "verbose_name": "reconciliation",
                "verbose_name_plural": "reconciliations",
                "ordering": ["-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("end__gt", models.F("start"))),
                        name="reconciliation_period",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("queued", "running"))),
                        fields=("start", "end"),
                        name="reconciliation_one_at_a_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ReconciliationFinding",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("missing_cdr", "Session without a CDR"),
                            ("duplicate_cdr", "Billed twice"),
                            ("orphan_cdr", "CDR without a finished session"),
                            ("energy_over", "More energy billed than measured"),
                            ("energy_under", "Less energy billed than measured"),
                            ("times_differ", "Other times than the session"),
                            ("price_drift", "Price is not that of its tariff"),
                            ("credit_differs", "Credit does not undo its CDR"),
                            ("missing_copy", "Partner has no copy"),
                            ("orphan_copy", "Partner's copy of no CDR of ours"),
                            ("copy_differs", "Total differs at the partner"),
                            ("received_differs", "Partner's CDR is not priced as agreed"),
                        ],
                        max_length=16,
                        verbose_name="what",
                    ),
                ),
                (
                    "subject",
                    models.CharField(editable=False, max_length=60, verbose_name="subject"),
                ),
                (
                    "expected",
                    models.DecimalField(
                        blank=True,
                        decimal_places=9,
                        max_digits=24,
                        null=True,
                        verbose_name="expected",
                    ),
                ),
                (
                    "found",
                    models.DecimalField(
                        blank=True, decimal_places=9, max_digits=24, null=True, verbose_name="found"
                    ),
                ),
                ("unit", models.CharField(blank=True, max_length=3, verbose_name="unit")),
                ("detail", models.CharField(blank=True, max_length=300, verbose_name="in words")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("resolved", "Resolved")],
                        default="open",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "resolution",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("retry", "Issue the CDR now"),
                            ("bill_as_is", "Bill it as it stands"),
                            ("bill_corrected", "Bill corrected figures"),
                            ("do_not_bill", "Do not bill it"),
                            ("reissue", "Credit and issue anew"),
                            ("accept", "Accept it"),
                            ("solved", "Solved by itself"),
                        ],
                        max_length=14,
                        verbose_name="what was done",
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300, verbose_name="reason")),
                (
                    "resolved_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="resolved at"),
                ),
                (
                    "cdr",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.cdr",
                        verbose_name="CDR",
                    ),
                ),
                (
                    "partner_cdr",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.partnercdr",
                        verbose_name="partner's CDR",
                    ),
                ),
                (
                    "resolved_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="resolved by",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="chargers.session",
                        verbose_name="session",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="findings",
                        to="billing.reconciliationrun",
                    ),
                ),
            ],
            options={
                "verbose_name": "reconciliation finding",
                "verbose_name_plural": "reconciliation findings",
                "ordering": ["-run", "kind", "pk"],
                "indexes": [models.Index(fields=["kind", "subject"], name="finding_subject")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("run", "kind", "subject"), name="finding_once_in_run"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("resolution", ""), ("resolved_at__isnull", True), ("state", "open")
                            ),
                            models.Q(
                                ("resolved_at__isnull", False),
                                ("state", "resolved"),
                                models.Q(("resolution", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="finding_resolved_says_how",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SessionCorrection",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "energy_kwh",
                    models.DecimalField(
                        blank=True,
                        decimal_places=9,
                        max_digits=24,
                        null=True,
                        verbose_name="energy (kWh)",
                    ),
                ),
                (
                    "started_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="started at"),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True, verbose_name="ended at")),
                ("reason", models.CharField(max_length=300, verbose_name="reason")),
                ("by_name", models.CharField(blank=True, max_length=150, verbose_name="by")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="at")),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="billing_corrections",
                        to="chargers.session",
                        verbose_name="session",
                    ),
                ),
            ],
            options={
                "verbose_name": "session correction",
                "verbose_name_plural": "session corrections",
                "ordering": ["-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("energy_kwh__isnull", False),
                            ("started_at__isnull", False),
                            ("ended_at__isnull", False),
                            _connector="OR",
                        ),
                        name="correction_says_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("energy_kwh__isnull", True), ("energy_kwh__gte", 0), _connector="OR"
                        ),
                        name="correction_energy_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("started_at__isnull", True),
                            ("ended_at__isnull", True),
                            ("ended_at__gte", models.F("started_at")),
                            _connector="OR",
                        ),
                        name="correction_ends_after_start",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BookEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "source",
                    models.CharField(max_length=60, unique=True, verbose_name="booked from"),
                ),
                ("journal", models.CharField(max_length=10, verbose_name="journal")),
                ("year", models.DateField(verbose_name="accounting year")),
                ("number", models.PositiveIntegerField(verbose_name="number in journal and year")),
                ("on", models.DateField(verbose_name="date of the entry")),
                ("piece_reference", models.CharField(max_length=100, verbose_name="document")),
                ("piece_on", models.DateField(verbose_name="date of the document")),
                ("label", models.CharField(max_length=200, verbose_name="label")),
                ("lines", models.JSONField(default=list, verbose_name="lines")),
                ("booked_at", models.DateTimeField(verbose_name="booked at")),
            ],
            options={
                "verbose_name": "accounting entry",
                "verbose_name_plural": "accounting entries",
                "ordering": ["journal", "year", "number"],
                "indexes": [models.Index(fields=["on"], name="book_entry_on")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("journal", "year", "number"), name="book_entry_number"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="BookSettings",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "customers",
                    models.CharField(
                        default="411000",
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[1-8][0-9A-Z]{2,19}$", "An account such as 411000."
                            )
                        ],
                        verbose_name="customers",
                    ),
                ),
                (
                    "suppliers",
                    models.CharField(
                        default="401000",
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[1-8][0-9A-Z]{2,19}$", "An account such as 411000."
                            )
                        ],
                        verbose_name="suppliers",
                    ),
                ),
                (
                    "sales",
                    models.CharField(
                        default="706000",
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[1-8][0-9A-Z]{2,19}$", "An account such as 411000."
                            )
                        ],
                        verbose_name="sales of services",
                    ),
                ),
                (
                    "tax_collected",
                    models.CharField(
                        default="445710",
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[1-8][0-9A-Z]{2,19}$", "An account such as 411000."
                            )
                        ],
                        verbose_name="tax collected",
                    ),
                ),
                (
                    "tax_deductible",
                    models.CharField(
                        default="445660",
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[1-8][0-9A-Z]{2,19}$", "An account such as 411000."
                            )
                        ],
                        verbose_name="deductible tax",
                    ),
                ),
                (
                    "purchases",
                    models.CharField(
                        default="604000",
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[1-8][0-9A-Z]{2,19}$", "An account such as 411000."
                            )
                        ],
                        verbose_name="purchases of roaming",
                    ),
                ),
                (
                    "hub_fees",
                    models.CharField(
                        default="622000",
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[1-8][0-9A-Z]{2,19}$", "An account such as 411000."
                            )
                        ],
                        verbose_name="fees of hubs",
                    ),
                ),
                (
                    "bank",
                    models.CharField(
                        default="512000",
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[1-8][0-9A-Z]{2,19}$", "An account such as 411000."
                            )
                        ],
                        verbose_name="bank",
                    ),
                ),
                (
                    "cards",
                    models.CharField(
                        default="511500",
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[1-8][0-9A-Z]{2,19}$", "An account such as 411000."
                            )
                        ],
                        verbose_name="card payments",
                    ),
                ),
                (
                    "cash",
                    models.CharField(
                        default="530000",
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[1-8][0-9A-Z]{2,19}$", "An account such as 411000."
                            )
                        ],
                        verbose_name="cash",
                    ),
                ),
                (
                    "suspense",
                    models.CharField(
                        default="471000",
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[1-8][0-9A-Z]{2,19}$", "An account such as 411000."
                            )
                        ],
                        verbose_name="payments of unknown payers",
                    ),
                ),
                (
                    "sales_journal",
                    models.CharField(
                        default="VE",
                        max_length=10,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z0-9]{1,10}$", "A journal such as VE."
                            )
                        ],
                        verbose_name="journal of sales",
                    ),
                ),
                (
                    "purchases_journal",
                    models.CharField(
                        default="AC",
                        max_length=10,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z0-9]{1,10}$", "A journal such as VE."
                            )
                        ],
                        verbose_name="journal of purchases",
                    ),
                ),
                (
                    "bank_journal",
                    models.CharField(
                        default="BQ",
                        max_length=10,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z0-9]{1,10}$", "A journal such as VE."
                            )
                        ],
                        verbose_name="journal of the bank",
                    ),
                ),
                (
                    "general_journal",
                    models.CharField(
                        default="OD",
                        max_length=10,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z0-9]{1,10}$", "A journal such as VE."
                            )
                        ],
                        verbose_name="journal of other entries",
                    ),
                ),
                (
                    "year_begins_in",
                    models.PositiveSmallIntegerField(
                        default=1,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(12),
                        ],
                        verbose_name="first month of the accounting year",
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="updated at")),
            ],
            options={
                "verbose_name": "bookkeeping settings",
                "verbose_name_plural": "bookkeeping settings",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("pk", 1)), name="book_settings_one_row"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("year_begins_in__range", (1, 12))),
                        name="book_settings_month",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BookTaxAccounts",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "category",
                    models.CharField(
                        choices=[
                            ("S", "Standard rate"),
                            ("Z", "Zero rate"),
                            ("E", "Exempt"),
                            ("AE", "Reverse charge"),
                            ("O", "Outside the scope of tax"),
                        ],
                        max_length=2,
                        verbose_name="tax category",
                    ),
                ),
                (
                    "percent",
                    models.DecimalField(decimal_places=3, max_digits=6, verbose_name="rate (%)"),
                ),
                (
                    "sales",
                    models.CharField(
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[1-8][0-9A-Z]{2,19}$", "An account such as 411000."
                            )
                        ],
                        verbose_name="sales of services",
                    ),
                ),
                (
                    "tax_collected",
                    models.CharField(
                        blank=True,
                        max_length=20,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[1-8][0-9A-Z]{2,19}$", "An account such as 411000."
                            )
                        ],
                        verbose_name="tax collected",
                    ),
                ),
            ],
            options={
                "verbose_name": "accounts of a tax rate",
                "verbose_name_plural": "accounts of tax rates",
                "ordering": ["category", "percent"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("category", "percent"), name="book_tax_accounts_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SepaBatch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=64, unique=True, verbose_name="key")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("debit", "Direct debit (pain.008)"),
                            ("credit", "Credit transfer (pain.001)"),
                        ],
                        max_length=6,
                        verbose_name="kind",
                    ),
                ),
                (
                    "message_id",
                    models.CharField(max_length=35, unique=True, verbose_name="message id"),
                ),
                ("pays_on", models.DateField(verbose_name="payment day")),
                (
                    "total",
                    models.DecimalField(decimal_places=2, max_digits=14, verbose_name="total"),
                ),
                ("count", models.PositiveIntegerField(verbose_name="payments")),
                ("file_name", models.CharField(max_length=120, verbose_name="file name")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("content", models.BinaryField()),
                ("made_at", models.DateTimeField(verbose_name="made at")),
                (
                    "made_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="made by",
                    ),
                ),
            ],
            options={
                "verbose_name": "SEPA file",
                "verbose_name_plural": "SEPA files",
                "ordering": ["-made_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="SepaItem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "amount",
                    models.DecimalField(decimal_places=2, max_digits=14, verbose_name="amount"),
                ),
                ("end_to_end_id", models.CharField(max_length=35, verbose_name="end-to-end id")),
                (
                    "dropped_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="dropped at"),
                ),
                (
                    "dropped_reason",
                    models.CharField(blank=True, max_length=200, verbose_name="dropped because"),
                ),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="billing.sepabatch",
                    ),
                ),
                (
                    "dropped_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="dropped by",
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sepa_items",
                        to="billing.invoice",
                    ),
                ),
                (
                    "settlement",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sepa_items",
                        to="billing.settlement",
                    ),
                ),
            ],
            options={
                "verbose_name": "payment of a SEPA file",
                "verbose_name_plural": "payments of SEPA files",
                "ordering": ["batch", "pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("dropped_at__isnull", True)),
                        fields=("invoice",),
                        name="sepa_item_invoice_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("dropped_at__isnull", True)),
                        fields=("settlement",),
                        name="sepa_item_settlement_once",
                    ),
                    models.UniqueConstraint(
                        fields=("end_to_end_id",), name="sepa_item_end_to_end_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0)), name="sepa_item_amount_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("invoice__isnull", False), ("settlement__isnull", True)),
                            models.Q(("invoice__isnull", True), ("settlement__isnull", False)),
                            _connector="OR",
                        ),
                        name="sepa_item_one_paper",
                    ),
                ],
            },
        ),
        *sql_of("0002_cdr_immutable"),
        *sql_of("0009_tariff_versions_issued"),
        *sql_of("0011_papers_immutable"),
        *sql_of("0016_books_sepa"),
    ]
