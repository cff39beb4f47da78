"""Blocks A and M: certificates of stations, and those of cars, for which we have no authority."""

from functools import partial
from typing import Any

from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import ALL, handles
from apps.chargers.ocpp.certificates import CertificateInvalid
from apps.chargers.ocpp.frames import Frame
from apps.chargers.services import certificate_answers  # noqa: F401 - it registers itself
from apps.chargers.services.certificates import certificate_send, certificate_sign
from cariflex.common.time import utc_now

_NO_OCSP = "No OCSP responder is asked by this CSMS."
_NO_CONTRACTS = "No provisioning service of contract certificates is connected."


@handles("SignCertificate", *ALL)
async def sign(link: StationLink, frame: Frame) -> dict[str, Any]:
    """A02: the signed certificate follows in a call of ours."""
    use = frame.payload.get("certificateType", "ChargingStationCertificate")
    csr = frame.payload["csr"]
    try:
        certificate = await link.store(
            certificate_sign, station_pk=link.station_pk, csr_pem=csr, use=use, now=utc_now()
        )
    except CertificateInvalid as refused:
        answer: dict[str, Any] = {"status": "Rejected"}
        if not link.version.is_16:
            answer["statusInfo"] = _why("InvalidCSR", str(refused))
        return answer
    send = partial(link.store, certificate_send, certificate_id=certificate.pk)
    link.afterwards(send)
    return {"status": "Accepted"}


@handles("GetCertificateStatus")
async def certificate_status(link: StationLink, _frame: Frame) -> dict[str, Any]:
    """M06: said honestly, so that the station asks by itself or decides without."""
    await link.seen()
    return {"status": "Failed", "statusInfo": _why("NotSupported", _NO_OCSP)}


@handles("Get15118EVCertificate")
async def contract_certificate(link: StationLink, _frame: Frame) -> dict[str, Any]:
    """M01, M02: there is nobody to hand the request on to."""
    await link.seen()
    return {
        "status": "Failed",
        "exiResponse": "",
        "statusInfo": _why("NotSupported", _NO_CONTRACTS),
    }


def _why(code: str, words: str) -> dict[str, str]:
    return {"reasonCode": code, "additionalInfo": words}
