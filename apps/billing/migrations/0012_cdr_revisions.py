from decimal import Decimal

import django.db.models.deletion
from django.db import migrations, models

import cariflex.common.exact_json


class Migration(migrations.Migration):
    """CDRs can be credited and corrected, and keep all that priced them; 0013 fills what is new."""

    dependencies = [
        ("billing", "0011_papers_immutable"),
        ("chargers", "0013_citrineos_off_at_first"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="cdr",
            options={
                "ordering": ["-issued_at", "-id"],
                "permissions": [
                    ("export_cdr", "Can export charge detail records"),
                    ("credit_cdr", "Can credit charge detail records"),
                ],
                "verbose_name": "charge detail record",
                "verbose_name_plural": "charge detail records",
            },
        ),
        migrations.AddField(
            model_name="cdr",
            name="account",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cdrs",
                to="billing.billingaccount",
                verbose_name="account",
            ),
        ),
        migrations.AddField(
            model_name="cdr",
            name="auth_method",
            field=models.CharField(
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
        migrations.AddField(
            model_name="cdr",
            name="billing_month",
            field=models.DateField(null=True, verbose_name="month"),
        ),
        migrations.AddField(
            model_name="cdr",
            name="charged_kwh",
            field=models.DecimalField(
                null=True, decimal_places=9, max_digits=24, verbose_name="charged (kWh)"
            ),
        ),
        migrations.AddField(
            model_name="cdr",
            name="charging_periods",
            field=models.JSONField(
                null=True,
                decoder=cariflex.common.exact_json.ExactDecoder,
                encoder=cariflex.common.exact_json.ExactEncoder,
                verbose_name="charging periods",
            ),
        ),
        migrations.AddField(
            model_name="cdr",
            name="credit",
            field=models.BooleanField(default=False, verbose_name="credit"),
        ),
        migrations.AddField(
            model_name="cdr",
            name="credit_reference",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="credited_by",
                to="billing.cdr",
                verbose_name="takes back",
            ),
        ),
        migrations.AddField(
            model_name="cdr",
            name="discharged_kwh",
            field=models.DecimalField(
                decimal_places=9,
                default=Decimal("0"),
                max_digits=24,
                verbose_name="discharged (kWh)",
            ),
        ),
        migrations.AddField(
            model_name="cdr",
            name="issued_by",
            field=models.CharField(blank=True, max_length=150, verbose_name="issued by"),
        ),
        migrations.AddField(
            model_name="cdr",
            name="location",
            field=models.JSONField(blank=True, default=dict, verbose_name="place"),
        ),
        migrations.AddField(
            model_name="cdr",
            name="parking_time_h",
            field=models.DecimalField(
                decimal_places=9, default=Decimal("0"), max_digits=18, verbose_name="parked (h)"
            ),
        ),
        migrations.AddField(
            model_name="cdr",
            name="rating",
            field=models.JSONField(
                null=True,
                decoder=cariflex.common.exact_json.ExactDecoder,
                encoder=cariflex.common.exact_json.ExactEncoder,
                verbose_name="how it was priced",
            ),
        ),
        migrations.AddField(
            model_name="cdr",
            name="reason",
            field=models.CharField(blank=True, max_length=300, verbose_name="reason"),
        ),
        migrations.AddField(
            model_name="cdr",
            name="replaces",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="replaced_by",
                to="billing.cdr",
                verbose_name="replaces",
            ),
        ),
        migrations.AddField(
            model_name="cdr",
            name="revision",
            field=models.PositiveSmallIntegerField(default=1, verbose_name="revision"),
        ),
        migrations.AddField(
            model_name="cdr",
            name="signed_data",
            field=models.JSONField(blank=True, default=list, verbose_name="signed meter values"),
        ),
        migrations.AddField(
            model_name="cdr",
            name="tariff_content",
            field=models.JSONField(
                null=True,
                decoder=cariflex.common.exact_json.ExactDecoder,
                encoder=cariflex.common.exact_json.ExactEncoder,
                verbose_name="sealed tariff",
            ),
        ),
        migrations.AddField(
            model_name="cdr",
            name="time_zone",
            field=models.CharField(null=True, max_length=64, verbose_name="time zone"),
        ),
        migrations.AddField(
            model_name="cdr",
            name="total_time_h",
            field=models.DecimalField(
                null=True, decimal_places=9, max_digits=18, verbose_name="duration (h)"
            ),
        ),
        migrations.AlterField(
            model_name="cdr",
            name="explanation",
            field=models.CharField(max_length=400, verbose_name="in words"),
        ),
        migrations.AlterField(
            model_name="cdr",
            name="session",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cdrs",
                to="chargers.session",
                verbose_name="session",
            ),
        ),
    ]
