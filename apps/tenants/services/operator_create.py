"""A new operator: its row, its schema, its hosts."""

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django_tenants.utils import schema_context, schema_exists

from apps.tenants.choices import OperatorStatus
from apps.tenants.directory import forget_operators, hostname
from apps.tenants.migrations_state import is_behind
from apps.tenants.models import Domain, Operator
from apps.tenants.services.empty_schema import schema_migrate
from cariflex.common.errors import DomainError


def operator_create(
    *,
    schema_name: str,
    name: str,
    domains: Sequence[str],
    time_zone: str = "America/Guadeloupe",
    country_code: str = "GP",
    party_id: str = "",
    currency: str = "EUR",
) -> Operator:
    """The operator with its schema migrated and its hosts; safe to repeat after a kill.

    Raises DomainError with the field that breaks a rule, or when a host belongs to another.
    """
    with schema_context("public"):
        operator = Operator.objects.filter(schema_name=schema_name).first() or Operator(
            schema_name=schema_name
        )
        operator.name = name
        operator.time_zone = time_zone
        operator.country_code = country_code
        operator.party_id = party_id
        operator.currency = currency
        _validated(operator)
        with transaction.atomic():
            operator.save()
            for index, domain in enumerate(domains):
                domain_add(operator=operator, domain=domain, is_primary=index == 0)
        if is_behind(schema_name):
            schema_ensure(schema_name)
    forget_operators()
    return operator


def schema_ensure(schema_name: str) -> None:
    """The schema exists and holds every migration; does nothing for public."""
    if schema_name == "public":
        return
    if not schema_exists(schema_name):
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {connection.ops.quote_name(schema_name)}")
    schema_migrate(schema_name)


def domain_add(*, operator: Operator, domain: str, is_primary: bool = False) -> Domain:
    """The host as one of the operator's; DomainError when another operator has it."""
    found: Domain
    with schema_context("public"):
        found, _created = Domain.objects.get_or_create(
            domain=hostname(domain), defaults={"tenant": operator, "is_primary": is_primary}
        )
    if found.tenant_id != operator.pk:
        raise DomainError("domain.taken", f"{domain} belongs to another operator", field="domain")
    forget_operators()
    return found


def operator_status_set(*, operator: Operator, status: OperatorStatus) -> Operator:
    """Suspend or serve an operator; every process follows within directory.TTL_S."""
    with schema_context("public"):
        operator.status = status
        operator.save(update_fields=["status"])
    forget_operators()
    return operator


def _validated(operator: Operator) -> None:
    try:
        operator.full_clean(exclude=["id"])
    except ValidationError as err:
        field, messages = next(iter(err.message_dict.items()))
        raise DomainError("operator.invalid", messages[0], field=field) from err
