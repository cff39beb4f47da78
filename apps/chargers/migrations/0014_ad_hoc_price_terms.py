from django.db import migrations, models

import cariflex.common.exact_json


class Migration(migrations.Migration):
    """All of a told price is kept with the stay: by the minute, by the session, by the clock."""

    dependencies = [("chargers", "0013_citrineos_off_at_first")]

    operations = [
        migrations.AddField(
            model_name="adhoccharge",
            name="price_terms",
            field=models.JSONField(
                blank=True,
                decoder=cariflex.common.exact_json.ExactDecoder,
                default=dict,
                editable=False,
                encoder=cariflex.common.exact_json.ExactEncoder,
            ),
        ),
    ]
