"""What stations answer about certificates (A02, M03 to M05), kept as rows of each station."""

from collections.abc import Mapping
from typing import Any

from apps.chargers.choices import CertificateUse, UpkeepStatus
from apps.chargers.models import Command, StationCertificate
from apps.chargers.ocpp import certificates as rules
from apps.chargers.ocpp.certificates import CertificateInvalid
from apps.chargers.services.command_answers import register
from cariflex.common.time import utc_now

# 1.6 security whitepaper: its own word for the root of the CSMS.
_USES_16 = {"CentralSystemRootCertificate": CertificateUse.CSMS_ROOT.value}


def _signed_answered(command: Command, answer: dict[str, Any]) -> None:
    status = UpkeepStatus.DONE if answer["status"] == "Accepted" else UpkeepStatus.FAILED
    _signed_end(command, status)


def _signed_failed(command: Command) -> None:
    # Not delivered, or perhaps taken without a word: a certificate that it holds must work.
    _signed_end(command, UpkeepStatus.FAILED if command.sent_at is None else UpkeepStatus.RUNNING)


def _signed_end(command: Command, status: UpkeepStatus) -> None:
    chain = rules.certificates_read(command.payload["certificateChain"])
    StationCertificate.objects.filter(
        station=command.station_id,
        serial_number=rules.facts(chain[0]).serial_number,
        status__in=(UpkeepStatus.REQUESTED, UpkeepStatus.RUNNING),
    ).update(status=status, ended_at=utc_now() if status == UpkeepStatus.FAILED else None)


def _install_answered(command: Command, answer: dict[str, Any]) -> None:
    pem = command.payload["certificate"]
    try:
        certificate = rules.certificates_read(pem)[0]
    except CertificateInvalid:
        # The station was sent what is no certificate; what it answered stands in the command.
        return
    told = rules.facts(certificate)
    accepted = answer["status"] == "Accepted"
    is_root = rules.is_signed_by(certificate, pem)
    StationCertificate.objects.create(
        station_id=command.station_id,
        use=_use(command.payload["certificateType"]),
        pem=pem,
        serial_number=told.serial_number,
        subject=told.subject[:300],
        issuer=told.issuer[:300],
        valid_from=told.valid_from,
        valid_to=told.valid_to,
        # The issuer's key is known of a root only; of others the station tells it (M03).
        hash_data=rules.hash_data(certificate, certificate) if is_root else {},
        status=UpkeepStatus.DONE if accepted else UpkeepStatus.FAILED,
        created_at=utc_now(),
        ended_at=None if accepted else utc_now(),
    )


def _delete_answered(command: Command, answer: dict[str, Any]) -> None:
    """Gone, or never there (NotFound): either way the station does not hold it."""
    if answer["status"] not in ("Accepted", "NotFound"):
        return
    _held(command.station_id, command.payload["certificateHashData"]).update(
        status=UpkeepStatus.ENDED, ended_at=utc_now()
    )


def _installed_answered(command: Command, answer: dict[str, Any]) -> None:
    """M03: all that the station holds of the kinds that were asked for; other rows have ended."""
    asked = command.payload.get("certificateType") or []
    kinds = {_use(kind) for kind in ([asked] if isinstance(asked, str) else asked)}
    told = [
        (_use(chain["certificateType"]), chain["certificateHashData"])
        for chain in answer.get("certificateHashDataChain", [])
    ]
    # 1.6 names the kind in the request only.
    told += [(use, one) for one in answer.get("certificateHashData", []) for use in kinds]
    now = utc_now()
    held = []
    for use, hashes in told:
        row = _held(command.station_id, hashes).filter(use=use).order_by("pk").first()
        if row is None:
            row = StationCertificate.objects.create(
                station_id=command.station_id,
                use=use,
                serial_number=hashes["serialNumber"].lower()[:64],
                hash_data=hashes,
                status=UpkeepStatus.DONE,
                created_at=now,
            )
        elif row.hash_data != hashes:
            StationCertificate.objects.filter(pk=row.pk).update(hash_data=hashes)
        held.append(row.pk)
    gone = StationCertificate.objects.filter(
        station=command.station_id, status=UpkeepStatus.DONE
    ).exclude(use=CertificateUse.CHARGING_STATION)
    if kinds:
        gone = gone.filter(use__in=kinds)
    gone.exclude(pk__in=held).update(status=UpkeepStatus.ENDED, ended_at=now)


def _held(station_pk: int, hashes: Mapping[str, Any]) -> Any:
    serial_number = str(hashes["serialNumber"]).lower().lstrip("0") or "0"
    return StationCertificate.objects.filter(
        station=station_pk, serial_number__iexact=serial_number, status=UpkeepStatus.DONE
    )


def _use(kind: str) -> str:
    return _USES_16.get(kind, kind)


register("CertificateSigned", _signed_answered, failed=_signed_failed)
register("InstallCertificate", _install_answered)
register("DeleteCertificate", _delete_answered)
register("GetInstalledCertificateIds", _installed_answered)
