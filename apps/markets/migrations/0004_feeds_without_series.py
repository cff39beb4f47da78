"""Feeds no longer hang on one price series: the old columns go, the new rules come."""

import django.db.models.deletion
from django.db import migrations, models

import apps.tenants.fields


class Migration(migrations.Migration):
    dependencies = [("markets", "0003_access_of_each_document")]

    operations = [
        migrations.RemoveField("feedaccess", "series"),
        migrations.RemoveField("feedrequest", "series"),
        migrations.RemoveField("importeddocument", "series"),
        migrations.CreateModel(
            name="FallbackStep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(verbose_name="position")),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("series", "From another series"),
                            ("earlier_days", "Same time of an earlier day"),
                        ],
                        max_length=16,
                        verbose_name="method",
                    ),
                ),
            ],
            options={
                "verbose_name": "fallback step",
                "verbose_name_plural": "fallback steps",
                "ordering": ["series", "position"],
            },
        ),
        migrations.CreateModel(
            name="FeedCall",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("request", models.CharField(max_length=40, verbose_name="request")),
                ("day", models.DateField(blank=True, null=True, verbose_name="day")),
                ("at", models.DateTimeField(verbose_name="at")),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("answered", "Answered"),
                            ("nothing", "Nothing published yet"),
                            ("refused", "Document refused"),
                            ("failed", "Failed"),
                            ("quota", "Quota used up"),
                        ],
                        default="running",
                        max_length=12,
                        verbose_name="outcome",
                    ),
                ),
                (
                    "http_status",
                    models.PositiveSmallIntegerField(
                        blank=True, null=True, verbose_name="HTTP status"
                    ),
                ),
                (
                    "error",
                    models.CharField(blank=True, default="", max_length=300, verbose_name="error"),
                ),
                (
                    "values_new",
                    models.PositiveIntegerField(default=0, verbose_name="new or changed values"),
                ),
            ],
            options={
                "verbose_name": "call",
                "verbose_name_plural": "calls",
                "ordering": ["-at", "-pk"],
            },
        ),
        migrations.AlterModelOptions(
            name="feedaccess",
            options={
                "ordering": ["feed", "area"],
                "verbose_name": "feed access",
                "verbose_name_plural": "feed accesses",
            },
        ),
        migrations.AlterModelOptions(
            name="feedrequest",
            options={
                "ordering": ["-day", "access", "request"],
                "verbose_name": "feed request",
                "verbose_name_plural": "feed requests",
            },
        ),
        migrations.AlterModelOptions(
            name="importeddocument",
            options={
                "ordering": ["-received_at", "-pk"],
                "verbose_name": "imported document",
                "verbose_name_plural": "imported documents",
            },
        ),
        migrations.AlterModelOptions(
            name="series",
            options={
                "ordering": ["kind", "area", "source", "variant"],
                "verbose_name": "series",
                "verbose_name_plural": "series",
            },
        ),
        migrations.AlterModelOptions(
            name="seriesvalue",
            options={"verbose_name": "value", "verbose_name_plural": "values"},
        ),
        migrations.AlterField(
            model_name="feedaccess",
            name="area",
            field=models.CharField(blank=True, default="", max_length=40, verbose_name="area"),
        ),
        migrations.AlterField(
            model_name="feedaccess",
            name="base_url",
            field=models.CharField(blank=True, default="", max_length=300, verbose_name="address"),
        ),
        migrations.AlterField(
            model_name="feedaccess",
            name="feed",
            field=models.CharField(
                choices=[
                    ("entsoe", "ENTSO-E"),
                    ("energy_charts", "Energy-Charts"),
                    ("epex", "EPEX SPOT"),
                    ("edf_sei", "EDF SEI"),
                    ("solcast", "Solcast"),
                    ("open_meteo", "Open-Meteo"),
                    ("meteo_france", "Météo-France"),
                    ("upload", "Uploaded by hand"),
                    ("island", "Computed here"),
                ],
                max_length=16,
                verbose_name="feed",
            ),
        ),
        migrations.AlterField(
            model_name="feedaccess",
            name="last_call_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="last call at"),
        ),
        migrations.AlterField(
            model_name="feedaccess",
            name="last_error",
            field=models.CharField(
                blank=True, default="", max_length=300, verbose_name="last error"
            ),
        ),
        migrations.AlterField(
            model_name="feedaccess",
            name="last_success_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="last success at"),
        ),
        migrations.AlterField(
            model_name="feedaccess",
            name="paused_until",
            field=models.DateTimeField(blank=True, null=True, verbose_name="paused until"),
        ),
        migrations.AlterField(
            model_name="feedaccess",
            name="quota_per_day",
            field=models.PositiveIntegerField(
                blank=True, null=True, verbose_name="calls a day at most"
            ),
        ),
        migrations.AlterField(
            model_name="feedaccess",
            name="settings",
            field=models.JSONField(blank=True, default=dict, verbose_name="settings"),
        ),
        migrations.AlterField(
            model_name="feedaccess",
            name="state",
            field=models.CharField(
                choices=[
                    ("new", "Not asked yet"),
                    ("working", "Working"),
                    ("not_published", "Nothing published yet"),
                    ("refused", "Document refused"),
                    ("unreachable", "Source cannot be reached"),
                    ("unauthorised", "Access refused by the source"),
                    ("quota", "Waiting: quota used up"),
                ],
                default="new",
                max_length=16,
                verbose_name="state",
            ),
        ),
        migrations.AlterField(
            model_name="feedaccess",
            name="state_since",
            field=models.DateTimeField(blank=True, null=True, verbose_name="state since"),
        ),
        migrations.AlterField(
            model_name="feedaccess",
            name="token",
            field=apps.tenants.fields.EncryptedTextField(
                blank=True, default="", verbose_name="token"
            ),
        ),
        migrations.AlterField(
            model_name="feedrequest",
            name="access",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="requests",
                to="markets.feedaccess",
                verbose_name="access",
            ),
        ),
        migrations.AlterField(
            model_name="feedrequest",
            name="day",
            field=models.DateField(verbose_name="day"),
        ),
        migrations.AlterField(
            model_name="feedrequest",
            name="failures",
            field=models.PositiveIntegerField(default=0, verbose_name="failures in a row"),
        ),
        migrations.AlterField(
            model_name="feedrequest",
            name="next_attempt_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="next attempt at"),
        ),
        migrations.AlterField(
            model_name="feedrequest",
            name="request",
            field=models.CharField(default="prices", max_length=40, verbose_name="request"),
        ),
        migrations.AlterField(
            model_name="importeddocument",
            name="access",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="documents",
                to="markets.feedaccess",
                verbose_name="access",
            ),
        ),
        migrations.AlterField(
            model_name="importeddocument",
            name="day",
            field=models.DateField(blank=True, null=True, verbose_name="day"),
        ),
        migrations.AlterField(
            model_name="importeddocument",
            name="faults",
            field=models.JSONField(blank=True, default=list, verbose_name="refused rows"),
        ),
        migrations.AlterField(
            model_name="importeddocument",
            name="name",
            field=models.CharField(blank=True, default="", max_length=200, verbose_name="file"),
        ),
        migrations.AlterField(
            model_name="importeddocument",
            name="received_by",
            field=models.CharField(
                blank=True, default="", max_length=150, verbose_name="received by"
            ),
        ),
        migrations.AlterField(
            model_name="importeddocument",
            name="request",
            field=models.CharField(default="prices", max_length=40, verbose_name="request"),
        ),
        migrations.AlterField(
            model_name="importeddocument",
            name="status",
            field=models.CharField(
                choices=[
                    ("imported", "Imported"),
                    ("partly", "Imported, some rows refused"),
                    ("not_published", "Nothing published yet"),
                    ("refused", "Refused"),
                ],
                max_length=16,
                verbose_name="status",
            ),
        ),
        migrations.AlterField(
            model_name="importeddocument",
            name="values_new",
            field=models.PositiveIntegerField(default=0, verbose_name="new or changed values"),
        ),
        migrations.AlterField(
            model_name="series",
            name="area",
            field=models.CharField(
                help_text="EIC code, island, weather cell or plant",
                max_length=40,
                verbose_name="area",
            ),
        ),
        migrations.AlterField(
            model_name="series",
            name="currency",
            field=models.CharField(
                blank=True, default="EUR", max_length=3, verbose_name="currency"
            ),
        ),
        migrations.AlterField(
            model_name="series",
            name="is_leading",
            field=models.BooleanField(
                default=False,
                help_text="the one of its kind that plans, tariffs and pages use",
                verbose_name="leading",
            ),
        ),
        migrations.AlterField(
            model_name="series",
            name="kind",
            field=models.CharField(
                choices=[
                    ("price", "Price"),
                    ("price_base", "Price: base"),
                    ("price_carbon", "Price: carbon"),
                    ("price_scarcity", "Price: scarcity"),
                    ("price_curtailment", "Price: curtailment discount"),
                    ("production_cost", "Average production cost"),
                    ("generation", "Generation"),
                    ("consumption", "Consumption of storage"),
                    ("load", "Load"),
                    ("wind_solar", "Wind and solar forecast"),
                    ("co2_lifecycle", "CO2 intensity, life cycle"),
                    ("co2_direct", "CO2 intensity, direct"),
                    ("ghi", "Global irradiance"),
                    ("temperature", "Air temperature"),
                    ("wind_speed", "Wind speed"),
                    ("pv_production", "PV production"),
                ],
                default="price",
                max_length=24,
                verbose_name="kind",
            ),
        ),
        migrations.AlterField(
            model_name="series",
            name="market_time_zone",
            field=models.CharField(
                default="Europe/Paris", max_length=40, verbose_name="time zone of the delivery day"
            ),
        ),
        migrations.AlterField(
            model_name="series",
            name="resolution_s",
            field=models.PositiveIntegerField(default=900, verbose_name="resolution (s)"),
        ),
        migrations.AlterField(
            model_name="series",
            name="unit",
            field=models.CharField(default="EUR/MWh", max_length=12, verbose_name="unit"),
        ),
        migrations.AlterField(
            model_name="series",
            name="variant",
            field=models.CharField(
                blank=True,
                default="",
                help_text="fuel, percentile or nothing",
                max_length=24,
                verbose_name="variant",
            ),
        ),
        migrations.AlterField(
            model_name="seriesvalue",
            name="document",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="values",
                to="markets.importeddocument",
                verbose_name="document",
            ),
        ),
        migrations.AlterField(
            model_name="seriesvalue",
            name="origin",
            field=models.CharField(blank=True, default="", max_length=24, verbose_name="origin"),
        ),
        migrations.AlterField(
            model_name="seriesvalue",
            name="quality",
            field=models.CharField(
                choices=[
                    ("actual", "Published"),
                    ("estimated", "Estimated"),
                    ("forecast", "Forecast"),
                    ("fallback", "Fallback"),
                ],
                default="actual",
                max_length=12,
                verbose_name="quality",
            ),
        ),
        migrations.AlterField(
            model_name="seriesvalue",
            name="series",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="values",
                to="markets.series",
                verbose_name="series",
            ),
        ),
        migrations.AlterField(
            model_name="seriesvalue",
            name="value",
            field=models.DecimalField(decimal_places=5, max_digits=14, verbose_name="value"),
        ),
        migrations.AddConstraint(
            model_name="feedaccess",
            constraint=models.UniqueConstraint(
                fields=("feed", "area"), name="markets_feedaccess_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="feedrequest",
            constraint=models.UniqueConstraint(
                fields=("access", "request", "day"), name="markets_feedrequest_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="importeddocument",
            constraint=models.UniqueConstraint(
                fields=("access", "request", "day", "sha256"),
                name="markets_importeddocument_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=models.UniqueConstraint(
                fields=("kind", "area", "source", "variant"), name="markets_series_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_leading", True)),
                fields=("kind",),
                name="markets_series_one_leads",
            ),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=models.CheckConstraint(
                condition=models.Q(("resolution_s__gte", 900)), name="markets_series_resolution"
            ),
        ),
        migrations.AddConstraint(
            model_name="seriesvalue",
            constraint=models.UniqueConstraint(
                fields=("series", "start", "published_at"), name="markets_seriesvalue_revision"
            ),
        ),
        migrations.AddField(
            model_name="fallbackstep",
            name="other",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="markets.series",
                verbose_name="other series",
            ),
        ),
        migrations.AddField(
            model_name="fallbackstep",
            name="series",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="fallback_steps",
                to="markets.series",
                verbose_name="series",
            ),
        ),
        migrations.AddField(
            model_name="feedcall",
            name="access",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="calls",
                to="markets.feedaccess",
                verbose_name="access",
            ),
        ),
        migrations.AddConstraint(
            model_name="fallbackstep",
            constraint=models.UniqueConstraint(
                fields=("series", "position"), name="markets_fallbackstep_position"
            ),
        ),
        migrations.AddConstraint(
            model_name="fallbackstep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("method", "series"), ("other__isnull", False)),
                    models.Q(("method", "earlier_days"), ("other__isnull", True)),
                    _connector="OR",
                ),
                name="markets_fallbackstep_other",
            ),
        ),
        migrations.AddConstraint(
            model_name="fallbackstep",
            constraint=models.CheckConstraint(
                condition=models.Q(("other", models.F("series")), _negated=True),
                name="markets_fallbackstep_not_itself",
            ),
        ),
        migrations.AddIndex(
            model_name="feedcall",
            index=models.Index(fields=["access", "at"], name="markets_feedcall_access_at"),
        ),
    ]
