from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chargers", "0005_profiles_of_stations")]

    operations = [
        migrations.AddField(
            model_name="tokengroup",
            name="is_one_at_a_time",
            field=models.BooleanField(
                default=False,
                help_text="A token of this group may charge at one station at a time.",
                verbose_name="one session at a time",
            ),
        ),
    ]
