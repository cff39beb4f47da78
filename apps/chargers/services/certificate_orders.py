"""The certificates that stations trust: putting one there, asking which, taking one off (M03-M05).

What a station answers is kept by `certificate_answers`.
"""

from collections.abc import Sequence
from typing import Any, Unpack

from apps.chargers.choices import CertificateUse, UpkeepStatus
from apps.chargers.models import Command, StationCertificate
from apps.chargers.ocpp.certificates import CertificateInvalid, certificates_read
from apps.chargers.services.intents import Asker, order_send
from cariflex.common.errors import DomainError

INSTALLABLE = (
    CertificateUse.CSMS_ROOT,
    CertificateUse.MANUFACTURER_ROOT,
    CertificateUse.MO_ROOT,
    CertificateUse.V2G_ROOT,
    CertificateUse.OEM_ROOT,
)
"""What a station may be given to trust; OEM roots are of 2.1."""
LISTED = (
    CertificateUse.CSMS_ROOT,
    CertificateUse.MANUFACTURER_ROOT,
    CertificateUse.MO_ROOT,
    CertificateUse.V2G_ROOT,
    CertificateUse.V2G_CHAIN,
)
"""What a station may be asked for (GetCertificateIdUseEnumType of 2.0.1)."""


def certificate_install(*, station_id: str, use: str, pem: str, **asker: Unpack[Asker]) -> Command:
    """Give a station a root to trust (M05); DomainError for what is no certificate in PEM."""
    try:
        certificates_read(pem)
    except CertificateInvalid as err:
        raise DomainError("chargers.certificate_unreadable", str(err), field="pem") from err
    return order_send(
        station_id=station_id,
        action="InstallCertificate",
        payload={"certificateType": use, "certificate": pem.strip()},
        **asker,
    )[0]


def certificates_ask(
    *, station_id: str, uses: Sequence[str] = (), **asker: Unpack[Asker]
) -> tuple[Command, ...]:
    """Ask which certificates a station holds (M03), of these uses or of all.

    A 1.6 station is asked for one use after the other.
    """
    payload: dict[str, Any] = {"certificateType": list(uses)} if uses else {}
    return order_send(
        station_id=station_id, action="GetInstalledCertificateIds", payload=payload, **asker
    )


def certificate_delete(*, certificate_id: int, **asker: Unpack[Asker]) -> Command:
    """Make a station forget a certificate that it trusts (M04).

    DomainError when it holds it no more, for its own certificate (a new one takes its place), and
    while the hash that names it is not known: the station tells it when it is asked which it has.
    """
    certificate = (
        StationCertificate.objects.select_related("station").filter(pk=certificate_id).first()
    )
    if certificate is None or certificate.status != UpkeepStatus.DONE:
        raise DomainError("chargers.certificate_not_held", "The station does not hold it.")
    if certificate.use == CertificateUse.CHARGING_STATION:
        raise DomainError(
            "chargers.certificate_own", "A station's own certificate is taken back, not deleted."
        )
    if not certificate.hash_data:
        raise DomainError(
            "chargers.certificate_hash_unknown", "Ask the station first which certificates it has."
        )
    return order_send(
        station_id=certificate.station.station_id,
        action="DeleteCertificate",
        payload={"certificateHashData": certificate.hash_data},
        **asker,
    )[0]
