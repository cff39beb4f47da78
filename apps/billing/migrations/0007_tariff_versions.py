import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import cariflex.common.exact_json


class Migration(migrations.Migration):
    """A flat price becomes a version; 0008 fills the new columns, 0009 drops the old ones."""

    dependencies = [
        ("assets", "0014_alarm_of_a_source"),
        ("billing", "0006_exports"),
        ("chargers", "0013_citrineos_off_at_first"),
        ("markets", "0001_initial"),
    ]

    operations = [
        migrations.RenameModel(old_name="Tariff", new_name="TariffVersion"),
        migrations.RenameField(model_name="cdr", old_name="tariff", new_name="tariff_version"),
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
                (
                    "created_at",
                    models.DateTimeField(auto_now_add=True, verbose_name="created at"),
                ),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="updated at")),
            ],
            options={
                "verbose_name": "tariff",
                "verbose_name_plural": "tariffs",
                "ordering": ["name", "pk"],
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.Upper("code"),
                        name="tariff_code_unique_without_case",
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="tariffversion",
            name="tariff",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="versions",
                to="billing.tariff",
                verbose_name="tariff",
            ),
        ),
        migrations.AddField(
            model_name="tariffversion",
            name="number",
            field=models.PositiveIntegerField(default=0, verbose_name="version"),
        ),
        migrations.AddField(
            model_name="tariffversion",
            name="state",
            field=models.CharField(
                choices=[("draft", "Draft"), ("issued", "Issued")],
                default="draft",
                max_length=6,
                verbose_name="state",
            ),
        ),
        migrations.AddField(
            model_name="tariffversion",
            name="content",
            field=models.JSONField(
                decoder=cariflex.common.exact_json.ExactDecoder,
                default=dict,
                encoder=cariflex.common.exact_json.ExactEncoder,
                verbose_name="OCPI tariff",
            ),
        ),
        migrations.AddField(
            model_name="tariffversion",
            name="valid_until",
            field=models.DateTimeField(blank=True, null=True, verbose_name="valid until"),
        ),
        migrations.AddField(
            model_name="tariffversion",
            name="change_note",
            field=models.CharField(blank=True, max_length=200, verbose_name="what changed"),
        ),
        migrations.AddField(
            model_name="tariffversion",
            name="issued_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="issued at"),
        ),
        migrations.AddField(
            model_name="tariffversion",
            name="issued_by",
            field=models.CharField(blank=True, max_length=150, verbose_name="issued by"),
        ),
        migrations.AddField(
            model_name="tariffversion",
            name="updated_at",
            field=models.DateTimeField(auto_now=True, verbose_name="updated at"),
        ),
        migrations.AlterField(
            model_name="tariffversion",
            name="valid_from",
            field=models.DateTimeField(blank=True, null=True, verbose_name="valid from"),
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
            ],
            options={
                "verbose_name": "market formula of a tariff",
                "verbose_name_plural": "market formulas of tariffs",
                "ordering": ["pk"],
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
            ],
            options={
                "verbose_name": "price of a dynamic tariff",
                "verbose_name_plural": "prices of dynamic tariffs",
                "ordering": ["version", "start"],
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
            ],
            options={
                "verbose_name": "tariff assignment",
                "verbose_name_plural": "tariff assignments",
                "ordering": ["-valid_from", "-pk"],
            },
        ),
        migrations.AddField(
            model_name="dynamicformula",
            name="series",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="markets.priceseries",
                verbose_name="price series",
            ),
        ),
        migrations.AddField(
            model_name="dynamicformula",
            name="version",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="formula",
                to="billing.tariffversion",
            ),
        ),
        migrations.AddField(
            model_name="dynamicprice",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="dynamic_prices",
                to="billing.tariffversion",
            ),
        ),
        migrations.AddField(
            model_name="tariffassignment",
            name="account",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="tariff_assignments",
                to="billing.billingaccount",
                verbose_name="customer or partner",
            ),
        ),
        migrations.AddField(
            model_name="tariffassignment",
            name="connector",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="tariff_assignments",
                to="chargers.connector",
                verbose_name="connector",
            ),
        ),
        migrations.AddField(
            model_name="tariffassignment",
            name="evse",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="tariff_assignments",
                to="chargers.evse",
                verbose_name="EVSE",
            ),
        ),
        migrations.AddField(
            model_name="tariffassignment",
            name="site",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="tariff_assignments",
                to="assets.site",
                verbose_name="site",
            ),
        ),
        migrations.AddField(
            model_name="tariffassignment",
            name="station",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="tariff_assignments",
                to="chargers.chargingstation",
                verbose_name="charging station",
            ),
        ),
        migrations.AddField(
            model_name="tariffassignment",
            name="tariff",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="assignments",
                to="billing.tariff",
                verbose_name="tariff",
            ),
        ),
        migrations.AddField(
            model_name="tariffassignment",
            name="token_group",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="tariff_assignments",
                to="chargers.tokengroup",
                verbose_name="token group",
            ),
        ),
        migrations.AddConstraint(
            model_name="dynamicformula",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("cap_per_kwh__gte", models.F("floor_per_kwh")),
                    ("factor__gte", 0),
                    ("floor_per_kwh__gte", 0),
                ),
                name="dynamic_formula_floor_below_cap",
            ),
        ),
        migrations.AddConstraint(
            model_name="dynamicprice",
            constraint=models.UniqueConstraint(
                fields=("version", "start"), name="dynamic_price_once"
            ),
        ),
        migrations.AddIndex(
            model_name="tariffassignment",
            index=models.Index(fields=["tariff", "-valid_from"], name="tariff_assignment_of"),
        ),
        migrations.AddConstraint(
            model_name="tariffassignment",
            constraint=models.CheckConstraint(
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
        ),
        migrations.AddConstraint(
            model_name="tariffassignment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("is_ad_hoc", False),
                    models.Q(("scope__in", ("token_group", "account")), _negated=True),
                    _connector="OR",
                ),
                name="tariff_assignment_ad_hoc_at_places",
            ),
        ),
        migrations.AddConstraint(
            model_name="tariffassignment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_until__isnull", True),
                    ("valid_until__gt", models.F("valid_from")),
                    _connector="OR",
                ),
                name="tariff_assignment_ends_after_start",
            ),
        ),
        migrations.AddConstraint(
            model_name="tariffassignment",
            constraint=models.UniqueConstraint(
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
        ),
    ]
