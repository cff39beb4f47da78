"""Certificates and those who sign them."""

from apps.chargers.models import CertificateAuthority
from apps.tenants.choices import OperatorStatus
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from apps.tenants.schema import PUBLIC


def trusted_authorities() -> list[str]:
    """The certificates (PEM) of the active authorities of all active operators."""
    operators = Operator.objects.filter(status=OperatorStatus.ACTIVE).exclude(schema_name=PUBLIC)
    found: list[str] = []
    for schema_name in operators.values_list("schema_name", flat=True):
        with operator_context(schema_name):
            active = CertificateAuthority.objects.filter(is_active=True)
            found += active.values_list("certificate", flat=True)
    return found
