"""Every operator model lives in the operators' schemas and nowhere else."""

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, models

from apps.assets.services.partitions import partitions_ensure
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.rows import row_make

OPERATOR_APPS = sorted(
    app.rpartition(".")[2] for app in settings.TENANT_APPS if app not in settings.SHARED_APPS
)
OPERATOR_MODELS = [
    model for label in OPERATOR_APPS for model in apps.get_app_config(label).get_models()
]


def names(model: type[models.Model]) -> str:
    return model._meta.label


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
        row = row_make(model)
        assert model._default_manager.filter(pk=row.pk).exists()

    with operator_context("martinique"):
        assert model._default_manager.count() == before
