"""Certificates and those who sign them."""

from django.db.models import OuterRef, QuerySet, Subquery

from apps.chargers.choices import CertificateUse, UpkeepStatus
from apps.chargers.models import CertificateAuthority, ChargingStation, StationCertificate
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


def with_certificate_end(stations: QuerySet[ChargingStation]) -> QuerySet[ChargingStation]:
    """Stations with `certificate_ends_at`: when their own newest certificate ends, or None.

    An older one may end before: the station has taken the new one in its place (A02).
    """
    own = StationCertificate.objects.filter(
        station=OuterRef("pk"), use=CertificateUse.CHARGING_STATION, status=UpkeepStatus.DONE
    ).order_by("-valid_to")
    return stations.annotate(certificate_ends_at=Subquery(own.values("valid_to")[:1]))
