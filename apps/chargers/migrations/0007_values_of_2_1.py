from django.db import migrations, models


class Migration(migrations.Migration):
    """OCPP 2.1 has longer tokens, stop reasons and measurands."""

    dependencies = [("chargers", "0006_token_group_one_at_a_time")]

    operations = [
        migrations.AlterField(
            model_name="session",
            name="id_token",
            field=models.CharField(blank=True, max_length=255, verbose_name="token"),
        ),
        migrations.AlterField(
            model_name="session",
            name="stopped_reason",
            field=models.CharField(blank=True, max_length=30, verbose_name="stopped because"),
        ),
        migrations.AlterField(
            model_name="metervalue",
            name="measurand",
            field=models.CharField(max_length=50, verbose_name="measurand"),
        ),
    ]
