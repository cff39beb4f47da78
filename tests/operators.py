"""The two operators that exist for a whole test run."""

from apps.accounts.services import roles_ensure
from apps.tenants.context import operator_context
from apps.tenants.models import Domain, Operator
from apps.tenants.services import operator_create, operators_migrate

OPERATOR_A = "guadeloupe"
OPERATOR_B = "martinique"


def operators_make() -> None:
    """The public schema and both operators, migrated, with their roles; again changes nothing."""
    public, _created = Operator.objects.get_or_create(
        schema_name="public", defaults={"name": "Cariflex"}
    )
    Domain.objects.get_or_create(domain="platform.localhost", defaults={"tenant": public})
    operator_create(
        schema_name=OPERATOR_A,
        name="Guadeloupe",
        domains=["guadeloupe.localhost", "testserver"],
        time_zone="America/Guadeloupe",
        country_code="GP",
        party_id="CFG",
    )
    operator_create(
        schema_name=OPERATOR_B,
        name="Martinique",
        domains=["martinique.localhost"],
        time_zone="America/Martinique",
        country_code="MQ",
        party_id="CFM",
    )
    operators_migrate()
    for schema_name in (OPERATOR_A, OPERATOR_B):
        with operator_context(schema_name):
            roles_ensure()
