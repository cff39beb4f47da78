"""Plants whose production is forecast."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("assets", "0001_squashed_0014"),
        ("markets", "0004_feeds_without_series"),
    ]

    operations = [
        migrations.CreateModel(
            name="PvPlant",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "latitude",
                    models.FloatField(
                        blank=True,
                        help_text="Empty: the device's.",
                        null=True,
                        verbose_name="latitude",
                    ),
                ),
                (
                    "longitude",
                    models.FloatField(
                        blank=True,
                        help_text="Empty: the device's.",
                        null=True,
                        verbose_name="longitude",
                    ),
                ),
                ("altitude_m", models.FloatField(default=0.0, verbose_name="altitude (m)")),
                ("inverter_limit_kw", models.FloatField(verbose_name="inverter limit (kW)")),
                ("loss_percent", models.FloatField(default=14.0, verbose_name="losses (%)")),
                (
                    "power_coefficient_percent_per_c",
                    models.FloatField(default=-0.35, verbose_name="power coefficient (%/°C)"),
                ),
                (
                    "solcast_resource_id",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Empty: the radiation of its cell is asked for.",
                        max_length=32,
                        verbose_name="Solcast resource",
                    ),
                ),
                ("enabled", models.BooleanField(default=True, verbose_name="enabled")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="updated at")),
                (
                    "device",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pv_plant",
                        to="assets.device",
                        verbose_name="device",
                    ),
                ),
            ],
            options={
                "verbose_name": "PV plant",
                "verbose_name_plural": "PV plants",
                "ordering": ["device__code"],
            },
        ),
        migrations.CreateModel(
            name="PvArray",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tilt_degrees", models.FloatField(verbose_name="tilt (degrees)")),
                ("azimuth_degrees", models.FloatField(verbose_name="azimuth (degrees)")),
                ("peak_kwp", models.FloatField(verbose_name="peak power (kWp)")),
                (
                    "plant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="arrays",
                        to="markets.pvplant",
                        verbose_name="PV plant",
                    ),
                ),
            ],
            options={
                "verbose_name": "PV array",
                "verbose_name_plural": "PV arrays",
                "ordering": ["plant", "pk"],
            },
        ),
        migrations.AddConstraint(
            model_name="pvplant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("latitude", None), ("longitude", None)),
                    models.Q(
                        ("latitude__isnull", False),
                        ("longitude__isnull", False),
                        ("latitude__gte", -90),
                        ("latitude__lte", 90),
                        ("longitude__gte", -180),
                        ("longitude__lte", 180),
                    ),
                    _connector="OR",
                ),
                name="markets_pvplant_place",
            ),
        ),
        migrations.AddConstraint(
            model_name="pvplant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("inverter_limit_kw__gt", 0), ("inverter_limit_kw__lte", 100000.0)
                ),
                name="markets_pvplant_inverter_limit",
            ),
        ),
        migrations.AddConstraint(
            model_name="pvplant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("loss_percent__gte", 0),
                    ("loss_percent__lte", 99),
                    ("power_coefficient_percent_per_c__gte", -1),
                    ("power_coefficient_percent_per_c__lte", 0),
                    ("altitude_m__gte", -500),
                    ("altitude_m__lte", 9000),
                ),
                name="markets_pvplant_figures",
            ),
        ),
        migrations.AddConstraint(
            model_name="pvarray",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("tilt_degrees__gte", 0),
                    ("tilt_degrees__lte", 90),
                    ("azimuth_degrees__gte", 0),
                    ("azimuth_degrees__lte", 360),
                    ("peak_kwp__gt", 0),
                    ("peak_kwp__lte", 100000.0),
                ),
                name="markets_pvarray_within",
            ),
        ),
    ]
