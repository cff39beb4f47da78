import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chargers", "0002_csms")]

    operations = [
        migrations.AddField(
            model_name="reportrun",
            name="parts",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.PositiveIntegerField(),
                blank=True,
                default=list,
                editable=False,
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="reportrun",
            name="last_part",
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name="last part"),
        ),
        migrations.AddField(
            model_name="commandbatch",
            name="waiting",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                blank=True,
                default=list,
                editable=False,
                size=None,
            ),
        ),
    ]
