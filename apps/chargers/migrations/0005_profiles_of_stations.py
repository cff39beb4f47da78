"""Profiles that a station reports beside those that were set there."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chargers", "0004_security_profiles_and_doubts")]

    operations = [
        migrations.AlterField(
            model_name="chargingprofile",
            name="source",
            field=models.CharField(
                choices=[
                    ("operator", "Operator"),
                    ("load_group", "Load group"),
                    ("plan", "Plan"),
                    ("partner", "Partner"),
                    ("station", "Station"),
                ],
                max_length=10,
                verbose_name="source",
            ),
        ),
    ]
