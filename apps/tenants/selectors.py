"""Reads about operators."""

from django.conf import settings
from django_tenants.utils import schema_context

from apps.tenants.choices import OperatorStatus
from apps.tenants.models import Domain, Operator


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


def operator_address(operator: Operator) -> str:
    """The address of an operator's pages, for a link in a mail; empty when it has no domain."""
    with schema_context("public"):
        domain = (
            Domain.objects.filter(tenant=operator)
            .order_by("-is_primary", "id")
            .values_list("domain", flat=True)
            .first()
        )
    if domain is None:
        return ""
    # Without https it is the default of one command, which serves at its own port.
    return f"https://{domain}" if settings.SECURE else f"http://{domain}:{settings.PORTS.web}"
