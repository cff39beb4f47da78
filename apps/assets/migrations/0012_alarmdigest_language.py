from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("assets", "0011_push_grants")]

    operations = [
        migrations.AddField(
            model_name="alarmdigest",
            name="language",
            field=models.CharField(
                choices=[("fr", "Français"), ("en", "English"), ("es", "Español")],
                default="fr",
                max_length=8,
                verbose_name="language",
            ),
        )
    ]
