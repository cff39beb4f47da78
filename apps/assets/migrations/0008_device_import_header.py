from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("assets", "0007_setpoint_before")]

    operations = [
        migrations.AddField(
            model_name="deviceimport",
            name="header",
            field=models.TextField(blank=True, verbose_name="header"),
        ),
    ]
