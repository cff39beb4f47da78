from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chargers", "0011_citrineos")]

    operations = [
        migrations.AddField(
            model_name="commandbatch",
            name="next_slice_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
