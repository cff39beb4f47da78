"""A row of any model, with values that its own constraints let pass."""

import itertools
from decimal import Decimal
from typing import Any

from django.db import models
from model_bakery import baker

from apps.assets.choices import DeviceKind
from apps.assets.models import Alarm, Device

# No negative rating, no unknown field type.
baker.generators.add("django.db.models.FloatField", lambda: 50.0)
baker.generators.add("django.db.models.DecimalField", lambda: Decimal(0))
baker.generators.add("apps.tenants.fields.EncryptedTextField", lambda: "secret")


_numbers = itertools.count(1)
"""One open alarm of a kind is allowed for each of its sources."""


def row_make(model: type[models.Model]) -> Any:
    """A stored row of the model, with the rows it needs."""
    return baker.make(model, **_chosen(model))


def _chosen(model: type[models.Model], path: str = "") -> dict[str, str | int]:
    """What must not be left to chance: a battery would need a capacity too."""
    if model is Alarm:
        return {f"{path}source": "station", f"{path}source_id": next(_numbers)}
    if model is Device:
        return {f"{path}kind": DeviceKind.PV}
    found: dict[str, str | int] = {}
    for field in model._meta.fields:
        if isinstance(field, models.ForeignKey) and not field.null:
            inner = field.related_model
            assert isinstance(inner, type)
            if inner is not model:
                found |= _chosen(inner, f"{path}{field.name}__")
    return found
