"""What an operator declares for the price of its island, and why each slot costs what it does."""

import apps.markets.models.island
import django.db.models.deletion
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("markets", "0006_pv_plants"),
    ]

    operations = [
        migrations.CreateModel(
            name="TouCalendar",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80, unique=True, verbose_name="name")),
                ("time_zone", models.CharField(max_length=40, verbose_name="time zone")),
                ("territory", models.CharField(max_length=2, verbose_name="territory")),
                (
                    "with_custom",
                    models.BooleanField(
                        default=True,
                        help_text="Days kept by custom are holidays too.",
                        verbose_name="days of custom",
                    ),
                ),
                ("added", models.JSONField(blank=True, default=list, verbose_name="own holidays")),
                (
                    "removed",
                    models.JSONField(
                        blank=True, default=list, verbose_name="days that are no holidays"
                    ),
                ),
                ("definition", models.JSONField(default=dict, verbose_name="definition")),
                (
                    "changed_by",
                    models.CharField(
                        blank=True, default="", max_length=150, verbose_name="changed by"
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="updated at")),
            ],
            options={
                "verbose_name": "price calendar",
                "verbose_name_plural": "price calendars",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="EmissionFactor",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("fuel", models.CharField(max_length=24, verbose_name="fuel")),
                (
                    "lifecycle_g_per_kwh",
                    models.DecimalField(
                        decimal_places=4, max_digits=9, verbose_name="life cycle (g/kWh)"
                    ),
                ),
                (
                    "direct_g_per_kwh",
                    models.DecimalField(
                        decimal_places=4, max_digits=9, verbose_name="direct (g/kWh)"
                    ),
                ),
                ("valid_from", models.DateTimeField(verbose_name="valid from")),
                ("valid_to", models.DateTimeField(blank=True, null=True, verbose_name="valid to")),
                ("source", models.CharField(max_length=200, verbose_name="source")),
                (
                    "changed_by",
                    models.CharField(
                        blank=True, default="", max_length=150, verbose_name="changed by"
                    ),
                ),
            ],
            options={
                "verbose_name": "emission factor",
                "verbose_name_plural": "emission factors",
                "ordering": ["fuel", "-valid_from"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("fuel", "valid_from"), name="markets_emissionfactor_start"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("valid_to", None)),
                        fields=("fuel",),
                        name="markets_emissionfactor_one_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("direct_g_per_kwh__gte", 0),
                            ("lifecycle_g_per_kwh__gte", 0),
                            models.Q(
                                ("valid_to", None),
                                ("valid_to__gt", models.F("valid_from")),
                                _connector="OR",
                            ),
                        ),
                        name="markets_emissionfactor_figures",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="IslandPricing",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("area", models.CharField(max_length=40, unique=True, verbose_name="area")),
                (
                    "input_area",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Empty: the same.",
                        max_length=40,
                        verbose_name="area of the inputs",
                    ),
                ),
                ("territory", models.CharField(max_length=2, verbose_name="territory")),
                ("time_zone", models.CharField(max_length=40, verbose_name="time zone")),
                ("with_custom", models.BooleanField(default=True, verbose_name="days of custom")),
                (
                    "base_order",
                    models.JSONField(
                        default=apps.markets.models.island.base_order_default,
                        verbose_name="order of the bases",
                    ),
                ),
                (
                    "must_run_fuels",
                    models.JSONField(
                        blank=True,
                        default=apps.markets.models.island.must_run_default,
                        verbose_name="fuels that run first",
                    ),
                ),
                (
                    "carbon_price_eur_per_tonne",
                    models.DecimalField(
                        decimal_places=4,
                        default=Decimal("0"),
                        max_digits=9,
                        verbose_name="carbon price (EUR/t)",
                    ),
                ),
                (
                    "intensity_kind",
                    models.CharField(
                        choices=[("lifecycle", "Life cycle"), ("direct", "Direct")],
                        default="lifecycle",
                        max_length=12,
                        verbose_name="CO2 intensity",
                    ),
                ),
                (
                    "floor_eur_per_mwh",
                    models.DecimalField(
                        blank=True,
                        decimal_places=4,
                        max_digits=9,
                        null=True,
                        verbose_name="floor (EUR/MWh)",
                    ),
                ),
                (
                    "pv_source",
                    models.CharField(
                        choices=[("area", "The whole area"), ("plants", "Our plants")],
                        default="area",
                        max_length=8,
                        verbose_name="PV forecast of",
                    ),
                ),
                (
                    "pv_threshold_mw",
                    models.DecimalField(
                        blank=True,
                        decimal_places=4,
                        max_digits=9,
                        null=True,
                        verbose_name="PV threshold (MW)",
                    ),
                ),
                (
                    "curtailment_discount_eur_per_mwh",
                    models.DecimalField(
                        decimal_places=4,
                        default=Decimal("0"),
                        max_digits=9,
                        verbose_name="curtailment discount (EUR/MWh)",
                    ),
                ),
                ("enabled", models.BooleanField(default=True, verbose_name="enabled")),
                (
                    "computed_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="computed at"),
                ),
                (
                    "last_error",
                    models.CharField(
                        blank=True, default="", max_length=300, verbose_name="last error"
                    ),
                ),
                (
                    "changed_by",
                    models.CharField(
                        blank=True, default="", max_length=150, verbose_name="changed by"
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="updated at")),
                (
                    "calendar",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pricings",
                        to="markets.toucalendar",
                        verbose_name="price calendar",
                    ),
                ),
            ],
            options={
                "verbose_name": "island price",
                "verbose_name_plural": "island prices",
                "ordering": ["area"],
            },
        ),
        migrations.CreateModel(
            name="IslandPriceSlot",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("start", models.DateTimeField(verbose_name="start")),
                (
                    "base_source",
                    models.CharField(
                        choices=[
                            ("merit_order", "Merit order"),
                            ("production_cost", "Production cost"),
                            ("cost_profile", "Usual production cost"),
                            ("tou", "Price calendar"),
                        ],
                        max_length=16,
                        verbose_name="base",
                    ),
                ),
                ("tried", models.JSONField(default=list, verbose_name="bases asked")),
                ("reasons", models.JSONField(default=list, verbose_name="reasons")),
                (
                    "quality",
                    models.CharField(
                        choices=[
                            ("actual", "Published"),
                            ("estimated", "Estimated"),
                            ("forecast", "Forecast"),
                            ("fallback", "Fallback"),
                        ],
                        max_length=12,
                        verbose_name="quality",
                    ),
                ),
                (
                    "intensity_g_per_kwh",
                    models.DecimalField(
                        blank=True,
                        decimal_places=4,
                        max_digits=9,
                        null=True,
                        verbose_name="CO2 intensity (g/kWh)",
                    ),
                ),
                (
                    "intensity_quality",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("actual", "Published"),
                            ("estimated", "Estimated"),
                            ("forecast", "Forecast"),
                            ("fallback", "Fallback"),
                        ],
                        max_length=12,
                        verbose_name="quality of the intensity",
                    ),
                ),
                (
                    "pv_mw",
                    models.DecimalField(
                        blank=True,
                        decimal_places=4,
                        max_digits=9,
                        null=True,
                        verbose_name="PV forecast (MW)",
                    ),
                ),
                (
                    "pv_quality",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("actual", "Published"),
                            ("estimated", "Estimated"),
                            ("forecast", "Forecast"),
                            ("fallback", "Fallback"),
                        ],
                        max_length=12,
                        verbose_name="quality of the PV forecast",
                    ),
                ),
                ("computed_at", models.DateTimeField(verbose_name="computed at")),
                (
                    "pricing",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="slots",
                        to="markets.islandpricing",
                        verbose_name="area",
                    ),
                ),
            ],
            options={
                "verbose_name": "priced slot",
                "verbose_name_plural": "priced slots",
                "ordering": ["pricing", "-start"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("pricing", "start"), name="markets_islandpriceslot_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="GeneratingUnit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                (
                    "capacity_mw",
                    models.DecimalField(
                        decimal_places=4, max_digits=9, verbose_name="capacity (MW)"
                    ),
                ),
                (
                    "marginal_cost_eur_per_mwh",
                    models.DecimalField(
                        decimal_places=4, max_digits=9, verbose_name="marginal cost (EUR/MWh)"
                    ),
                ),
                (
                    "available_from",
                    models.DateTimeField(blank=True, null=True, verbose_name="available from"),
                ),
                (
                    "available_to",
                    models.DateTimeField(blank=True, null=True, verbose_name="available to"),
                ),
                ("enabled", models.BooleanField(default=True, verbose_name="enabled")),
                (
                    "pricing",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="units",
                        to="markets.islandpricing",
                        verbose_name="area",
                    ),
                ),
            ],
            options={
                "verbose_name": "generating unit",
                "verbose_name_plural": "generating units",
                "ordering": ["pricing", "marginal_cost_eur_per_mwh", "name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("pricing", "name"), name="markets_generatingunit_name"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("capacity_mw__gt", 0)),
                        name="markets_generatingunit_capacity",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PeakWindow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                ("start_minute", models.PositiveSmallIntegerField(verbose_name="start")),
                ("end_minute", models.PositiveSmallIntegerField(verbose_name="end")),
                (
                    "adder_eur_per_mwh",
                    models.DecimalField(
                        decimal_places=4, max_digits=9, verbose_name="adder (EUR/MWh)"
                    ),
                ),
                (
                    "day_types",
                    models.JSONField(
                        default=apps.markets.models.island.all_days, verbose_name="days"
                    ),
                ),
                ("valid_from", models.DateField(blank=True, null=True, verbose_name="valid from")),
                ("valid_to", models.DateField(blank=True, null=True, verbose_name="valid to")),
                (
                    "pricing",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="peaks",
                        to="markets.islandpricing",
                        verbose_name="area",
                    ),
                ),
            ],
            options={
                "verbose_name": "peak window",
                "verbose_name_plural": "peak windows",
                "ordering": ["pricing", "start_minute", "pk"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("pricing", "name"), name="markets_peakwindow_name"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("adder_eur_per_mwh__gte", 0),
                            ("end_minute__lte", 1440),
                            ("start_minute__lt", 1440),
                        ),
                        name="markets_peakwindow_figures",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ScarcityAlert",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("start", models.DateTimeField(verbose_name="start")),
                ("end", models.DateTimeField(verbose_name="end")),
                (
                    "adder_eur_per_mwh",
                    models.DecimalField(
                        decimal_places=4, max_digits=9, verbose_name="adder (EUR/MWh)"
                    ),
                ),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                ("declared_at", models.DateTimeField(verbose_name="declared at")),
                (
                    "declared_by",
                    models.CharField(
                        blank=True, default="", max_length=150, verbose_name="declared by"
                    ),
                ),
                (
                    "cancelled_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="cancelled at"),
                ),
                (
                    "cancelled_by",
                    models.CharField(
                        blank=True, default="", max_length=150, verbose_name="cancelled by"
                    ),
                ),
                (
                    "pricing",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alerts",
                        to="markets.islandpricing",
                        verbose_name="area",
                    ),
                ),
            ],
            options={
                "verbose_name": "scarcity alert",
                "verbose_name_plural": "scarcity alerts",
                "ordering": ["-start", "-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("adder_eur_per_mwh__gte", 0), ("end__gt", models.F("start"))
                        ),
                        name="markets_scarcityalert_figures",
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="islandpricing",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("carbon_price_eur_per_tonne__gte", 0),
                    ("curtailment_discount_eur_per_mwh__gte", 0),
                ),
                name="markets_islandpricing_figures",
            ),
        ),
    ]
