"""Reads about operators."""

from django_tenants.utils import schema_context

from apps.tenants.choices import OperatorStatus
from apps.tenants.models import Operator


def active_schemas() -> list[str]:
    """The schemas of the operators that are served, oldest first."""
    with schema_context("public"):
        return list(
            Operator.objects.exclude(schema_name="public")
            .filter(status=OperatorStatus.ACTIVE)
            .order_by("id")
            .values_list("schema_name", flat=True)
        )


def operator_schemas() -> list[str]:
    """The schemas of all operators, suspended ones too, oldest first."""
    with schema_context("public"):
        return list(
            Operator.objects.exclude(schema_name="public")
            .order_by("id")
            .values_list("schema_name", flat=True)
        )
