"""Every operator model lives in the operators' schemas and nowhere else."""

from decimal import Decimal

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, models
from model_bakery import baker

from apps.assets.choices import DeviceKind
from apps.assets.models import Device
from apps.assets.services.partitions import partitions_ensure
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now

OPERATOR_APPS = sorted(
    app.rpartition(".")[2] for app in settings.TENANT_APPS if app not in settings.SHARED_APPS
)
OPERATOR_MODELS = [
    model for label in OPERATOR_APPS for model in apps.get_app_config(label).get_models()
]
# Random rows must pass the models' own constraints: no negative rating, no unknown field type.
baker.generators.add("django.db.models.FloatField", lambda: 50.0)
baker.generators.add("django.db.models.DecimalField", lambda: Decimal(0))
baker.generators.add("apps.tenants.fields.EncryptedTextField", lambda: "secret")


def names(model: type[models.Model]) -> str:
    return model._meta.label


def chosen(model: type[models.Model], path: str = "") -> dict[str, str]:
    """What must not be left to chance: a battery would need a capacity too."""
    if model is Device:
        return {f"{path}kind": DeviceKind.PV}
    found: dict[str, str] = {}
    for field in model._meta.fields:
        if isinstance(field, models.ForeignKey) and not field.null:
            inner = field.related_model
            assert isinstance(inner, type)
            if inner is not model:
                found |= chosen(inner, f"{path}{field.name}__")
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("model", OPERATOR_MODELS, ids=names)
def test_an_operator_table_is_in_each_schema_and_not_in_public(model: type[models.Model]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relname = %s AND n.nspname IN ('public', 'guadeloupe', 'martinique')",
            [model._meta.db_table],
        )
        schemas = {row[0] for row in cursor.fetchall()}

    assert schemas == {"guadeloupe", "martinique"}


@pytest.mark.parametrize("model", OPERATOR_MODELS, ids=names)
def test_a_row_of_one_operator_is_not_seen_by_another(
    model: type[models.Model], operator_a: Operator, operator_b: Operator
) -> None:
    with operator_context("martinique"):
        before = model._default_manager.count()

    with operator_context("guadeloupe"):
        partitions_ensure(now=utc_now())
        row = baker.make(model, **chosen(model))
        assert model._default_manager.filter(pk=row.pk).exists()

    with operator_context("martinique"):
        assert model._default_manager.count() == before
