"""Prices become series of any kind, their sources become feeds: names and new columns."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("markets", "0001_initial"), ("billing", "0001_squashed_0018")]

    operations = [
        migrations.RemoveConstraint("priceseries", "markets_priceseries_area_source"),
        migrations.RemoveConstraint("pricevalue", "markets_pricevalue_revision"),
        migrations.RemoveConstraint("deliveryday", "markets_deliveryday_series_day"),
        migrations.RemoveConstraint("importeddocument", "markets_importeddocument_once"),
        migrations.RenameModel("PriceSeries", "Series"),
        migrations.RenameModel("PriceValue", "SeriesValue"),
        migrations.RenameModel("MarketCredentials", "FeedAccess"),
        migrations.RenameModel("DeliveryDay", "FeedRequest"),
        migrations.RenameField("SeriesValue", "price_eur_per_mwh", "value"),
        migrations.RenameField("ImportedDocument", "prices_new", "values_new"),
        *(
            migrations.AddField("series", name, field)
            for name, field in (
                ("kind", models.CharField(default="price", max_length=24)),
                ("variant", models.CharField(blank=True, default="", max_length=24)),
                ("unit", models.CharField(default="EUR/MWh", max_length=12)),
                ("resolution_s", models.PositiveIntegerField(default=900)),
                ("is_leading", models.BooleanField(default=False)),
            )
        ),
        migrations.AddField(
            "seriesvalue", "quality", models.CharField(default="actual", max_length=12)
        ),
        migrations.AddField(
            "seriesvalue", "origin", models.CharField(blank=True, default="", max_length=24)
        ),
        *(
            migrations.AddField("feedaccess", name, field)
            for name, field in (
                ("feed", models.CharField(default="entsoe", max_length=16)),
                ("area", models.CharField(blank=True, default="", max_length=40)),
                ("settings", models.JSONField(blank=True, default=dict)),
                ("quota_per_day", models.PositiveIntegerField(blank=True, null=True)),
                ("state", models.CharField(default="new", max_length=16)),
                ("state_since", models.DateTimeField(blank=True, null=True)),
                ("last_error", models.CharField(blank=True, default="", max_length=300)),
                ("last_call_at", models.DateTimeField(blank=True, null=True)),
                ("last_success_at", models.DateTimeField(blank=True, null=True)),
                ("paused_until", models.DateTimeField(blank=True, null=True)),
            )
        ),
        migrations.AlterField(
            "feedaccess",
            "series",
            models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.CASCADE, to="markets.series"
            ),
        ),
        *(
            migrations.AddField(
                model,
                "access",
                models.ForeignKey(
                    null=True, on_delete=django.db.models.deletion.CASCADE, to="markets.feedaccess"
                ),
            )
            for model in ("feedrequest", "importeddocument")
        ),
        *(
            migrations.AddField(
                model, "request", models.CharField(default="prices", max_length=40)
            )
            for model in ("feedrequest", "importeddocument")
        ),
        migrations.AddField("feedrequest", "failures", models.PositiveIntegerField(default=0)),
        migrations.AddField(
            "importeddocument", "name", models.CharField(blank=True, default="", max_length=200)
        ),
        migrations.AddField(
            "importeddocument",
            "received_by",
            models.CharField(blank=True, default="", max_length=150),
        ),
        migrations.AddField(
            "importeddocument", "faults", models.JSONField(blank=True, default=list)
        ),
    ]
