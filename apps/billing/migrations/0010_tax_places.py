"""Sites with taxes of their own, partners' CDRs on statements, one draft of credits a month."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("assets", "0014_alarm_of_a_source"),
        ("billing", "0009_tariff_versions_issued"),
    ]

    operations = [
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
        migrations.AddField(
            model_name="partnercdr",
            name="settlement",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="partner_cdrs",
                to="billing.settlement",
                verbose_name="settlement",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "credit_note"), ("state", "draft")),
                fields=("credits", "month"),
                name="invoice_one_draft_of_credits",
            ),
        ),
    ]
