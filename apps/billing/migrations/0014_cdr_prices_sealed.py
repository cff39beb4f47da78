from django.db import migrations, models

import cariflex.common.exact_json


class Migration(migrations.Migration):
    """What 0013 filled is required; a CDR need not have one price of a kWh."""

    dependencies = [
        ("billing", "0013_cdrs_sealed"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="cdr",
            name="cdr_energy_not_negative",
        ),
        migrations.AlterField(
            model_name="cdr",
            name="price_per_kwh_excl_vat",
            field=models.DecimalField(
                blank=True,
                decimal_places=6,
                max_digits=12,
                null=True,
                verbose_name="price of a kWh, excl. VAT",
            ),
        ),
        migrations.AlterField(
            model_name="cdr",
            name="vat_percent",
            field=models.DecimalField(
                blank=True, decimal_places=2, max_digits=5, null=True, verbose_name="VAT (%)"
            ),
        ),
        migrations.AlterField(
            model_name="cdr",
            name="billing_month",
            field=models.DateField(verbose_name="month"),
        ),
        migrations.AlterField(
            model_name="cdr",
            name="charged_kwh",
            field=models.DecimalField(
                decimal_places=9, max_digits=24, verbose_name="charged (kWh)"
            ),
        ),
        migrations.AlterField(
            model_name="cdr",
            name="charging_periods",
            field=models.JSONField(
                decoder=cariflex.common.exact_json.ExactDecoder,
                encoder=cariflex.common.exact_json.ExactEncoder,
                verbose_name="charging periods",
            ),
        ),
        migrations.AlterField(
            model_name="cdr",
            name="rating",
            field=models.JSONField(
                decoder=cariflex.common.exact_json.ExactDecoder,
                encoder=cariflex.common.exact_json.ExactEncoder,
                verbose_name="how it was priced",
            ),
        ),
        migrations.AlterField(
            model_name="cdr",
            name="tariff_content",
            field=models.JSONField(
                decoder=cariflex.common.exact_json.ExactDecoder,
                encoder=cariflex.common.exact_json.ExactEncoder,
                verbose_name="sealed tariff",
            ),
        ),
        migrations.AlterField(
            model_name="cdr",
            name="time_zone",
            field=models.CharField(max_length=64, verbose_name="time zone"),
        ),
        migrations.AlterField(
            model_name="cdr",
            name="total_time_h",
            field=models.DecimalField(decimal_places=9, max_digits=18, verbose_name="duration (h)"),
        ),
        migrations.AddIndex(
            model_name="cdr",
            index=models.Index(fields=["billing_month", "account"], name="cdr_booked"),
        ),
        migrations.AddConstraint(
            model_name="cdr",
            constraint=models.UniqueConstraint(
                fields=("session", "revision", "credit"), name="cdr_once_a_revision"
            ),
        ),
        migrations.AddConstraint(
            model_name="cdr",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("charged_kwh__gte", 0), ("discharged_kwh__gte", 0), ("energy_kwh__gte", 0)
                ),
                name="cdr_energy_not_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="cdr",
            constraint=models.CheckConstraint(
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
        ),
        migrations.AddConstraint(
            model_name="cdr",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("credit", True),
                    models.Q(("replaces__isnull", True), ("revision", 1)),
                    models.Q(("replaces__isnull", False), ("revision__gt", 1)),
                    _connector="OR",
                ),
                name="cdr_revision_replaces",
            ),
        ),
    ]
