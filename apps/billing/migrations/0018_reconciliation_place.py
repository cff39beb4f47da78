from django.db import migrations, models


class Migration(migrations.Migration):
    """A time and a UUID fit."""

    dependencies = [("billing", "0017_cdr_reference_without_case")]

    operations = [
        migrations.AlterField(
            model_name="reconciliationrun",
            name="place",
            field=models.CharField(blank=True, editable=False, max_length=80),
        ),
    ]
