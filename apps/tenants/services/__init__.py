from apps.tenants.services.operator_create import domain_add, operator_create, operator_status_set
from apps.tenants.services.operators_migrate import MigrationResult, operators_migrate

__all__ = [
    "MigrationResult",
    "domain_add",
    "operator_create",
    "operator_status_set",
    "operators_migrate",
]
