from django.db import migrations, models
from django.db.models.functions import Upper

from cariflex.common.exact_json import ExactDecoder, ExactEncoder


class Migration(migrations.Migration):
    """Partners' CDRs keep every digit, and are found by their id without case."""

    dependencies = [("billing", "0001_squashed_0018")]

    operations = [
        migrations.AlterField(
            model_name="partnercdr",
            name="content",
            field=models.JSONField(
                blank=True,
                decoder=ExactDecoder,
                default=dict,
                encoder=ExactEncoder,
                verbose_name="as it arrived",
            ),
        ),
        migrations.AddIndex(
            model_name="partnercdr",
            index=models.Index(Upper("partner_reference"), name="partner_cdr_reference"),
        ),
    ]
