import pytest
from django.db import connection
from django_tenants.utils import schema_context, schema_exists

from apps.tenants.models import Operator
from apps.tenants.services import operators_migrate

pytestmark = pytest.mark.django_db


def test_nothing_behind_means_nothing_done() -> None:
    results = operators_migrate()

    assert [(r.schema_name, r.changed, r.error) for r in results] == [
        ("public", False, ""),
        ("guadeloupe", False, ""),
        ("martinique", False, ""),
    ]


def test_a_creation_killed_after_its_row_is_completed() -> None:
    with schema_context("public"):
        Operator.objects.create(schema_name="dominica", name="Dominica")
    assert not schema_exists("dominica")

    results = {result.schema_name: result for result in operators_migrate()}

    assert results["dominica"].changed
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM dominica.auth_permission")
        assert cursor.fetchone()[0] > 0
