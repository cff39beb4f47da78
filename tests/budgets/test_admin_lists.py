"""No admin list asks more queries when it has more rows, and none asks more than the budget."""

import pytest
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.services import user_ensure
from apps.assets.models import Retention
from apps.assets.services.partitions import partitions_ensure
from apps.billing.models import BookSettings, Issuer
from apps.ocpi.models import OcpiSettings
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.rows import row_make

BUDGET = 16
"""SELECTs per page: session, user, permissions, count, rows, filters."""
LISTS = sorted(
    # A model of one row has no list to grow.
    (
        m
        for m in admin.site._registry
        if m not in (BookSettings, Issuer, OcpiSettings, Retention)
        and "singleton" not in {f.name for f in m._meta.fields}
    ),
    key=lambda model: model._meta.label,
)


def selects(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        reply = client.get(address)
    assert reply.status_code == 200
    return sum(1 for query in queries if query["sql"].lstrip().upper().startswith("SELECT"))


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model._meta.label)
def test_an_admin_list_has_a_query_budget(model: type[models.Model], operator_a: Operator) -> None:
    client = Client(headers={"host": "guadeloupe.localhost"})
    with operator_context("guadeloupe"):
        partitions_ensure(now=utc_now())
        client.force_login(user_ensure(username="admin", password="x", is_superuser=True))
        if model is not User:
            row_make(model)
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    # Content types are looked up once.
    ContentType.objects.get_for_models(*admin.site._registry)

    few = selects(client, address)
    with operator_context("guadeloupe"):
        for _row in range(6):
            row_make(model)
    many = selects(client, address)

    assert many <= few + 1, "one more query is the date hierarchy or a filter that appears"
    assert many <= BUDGET
