from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("assets", "0008_device_import_header")]

    operations = [
        migrations.AddField(
            model_name="retention",
            name="readings_dropped_until",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="readings deleted before"
            ),
        ),
    ]
