from django.db import migrations, models


class Migration(migrations.Migration):
    """OCPP 2.1 has tokens of up to 255 characters."""

    dependencies = [("billing", "0002_cdr_immutable")]

    operations = [
        migrations.AlterField(
            model_name="cdr",
            name="id_token",
            field=models.CharField(blank=True, max_length=255, verbose_name="token"),
        ),
    ]
