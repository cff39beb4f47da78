from django.db import migrations, models
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    """Ids of CDRs compare without case, and partners' copies are found by them."""

    dependencies = [("billing", "0016_books_sepa")]

    operations = [
        migrations.AddConstraint(
            model_name="cdr",
            constraint=models.UniqueConstraint(
                Upper("reference"), name="cdr_reference_without_case"
            ),
        ),
    ]
