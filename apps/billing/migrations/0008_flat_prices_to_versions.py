from datetime import UTC
from typing import Any

from django.db import migrations
from django.utils.text import slugify


def versions_of_flat_prices(apps: Any, _editor: Any) -> None:
    """Each flat row becomes an issued version; one tariff for each name, valid for all as before.

    One assignment for each row: which row holds at an instant stays as it was.
    """
    Tariff = apps.get_model("billing", "Tariff")  # noqa: N806
    TariffAssignment = apps.get_model("billing", "TariffAssignment")  # noqa: N806
    TariffVersion = apps.get_model("billing", "TariffVersion")  # noqa: N806
    tariffs: dict[str, Any] = {}
    for row in TariffVersion.objects.filter(tariff=None).order_by("valid_from"):
        code = (slugify(row.name) or "tariff")[:36].upper()
        tariff = tariffs.get(code)
        if tariff is None:
            tariff = Tariff.objects.create(code=code, name=row.name)
            tariff.numbers = 0
            tariffs[code] = tariff
        tariff.numbers += 1
        row.tariff = tariff
        row.number = tariff.numbers
        row.state = "issued"
        row.issued_at = row.created_at
        row.content = {
            "id": code,
            "currency": row.currency,
            "elements": [
                {
                    "price_components": [
                        {
                            "type": "ENERGY",
                            "price": row.price_per_kwh_excl_vat.normalize(),
                            "vat": row.vat_percent.normalize(),
                            "step_size": 1,
                        }
                    ]
                }
            ],
            "last_updated": row.valid_from.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        row.save()
        TariffAssignment.objects.create(tariff=tariff, scope="operator", valid_from=row.valid_from)


class Migration(migrations.Migration):
    dependencies = [("billing", "0007_tariff_versions")]

    operations = [migrations.RunPython(versions_of_flat_prices, migrations.RunPython.noop)]
