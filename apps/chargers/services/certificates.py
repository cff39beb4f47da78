"""Certificates of stations: signed by the operator's own authority, and those they trust."""

import logging
from datetime import datetime, timedelta

from cryptography import x509
from django.db import transaction
from django.db.models import Exists, OuterRef

from apps.assets.choices import AlarmKind, Severity
from apps.assets.services.source_alarms import SourceAlarm, SourceChanges, source_alarms_keep
from apps.chargers.choices import CertificateUse, UpkeepStatus
from apps.chargers.models import CertificateAuthority, ChargingStation, Command, StationCertificate
from apps.chargers.ocpp import certificates as rules
from apps.chargers.ocpp.certificates import CertificateInvalid
from apps.chargers.services.intents import order_send
from apps.chargers.services.security_events import CERTIFICATE_EXPIRES, security_event_store
from apps.tenants.context import current_operator
from cariflex.common.errors import DomainError
from cariflex.common.time import format_rfc3339

logger = logging.getLogger(__name__)

AUTHORITY_VALID_FOR = timedelta(days=3650)
STATION_VALID_FOR = timedelta(days=365)
EXPIRY_NOTICE = timedelta(days=30)
AUTHORITY_NOTICE = timedelta(days=90)
STATION_SOURCE, AUTHORITY_SOURCE = "station", "authority"
_ONE_OF_EACH = (CertificateUse.CHARGING_STATION, CertificateUse.V2G_STATION)
_ALARM_KINDS = (AlarmKind.CERTIFICATE_ENDS, AlarmKind.CERTIFICATE_ENDED)
IN_FORCE = (UpkeepStatus.RUNNING, UpkeepStatus.DONE)


@transaction.atomic
def authority_create(
    *, name: str, now: datetime, valid_for: timedelta = AUTHORITY_VALID_FOR
) -> CertificateAuthority:
    """A new authority of the operator, which signs from now on; older ones are still trusted.

    DomainError when one of that name exists.
    """
    name = name.strip()
    if not 0 < len(name) <= 64 or not name.isprintable():
        raise DomainError(
            "chargers.authority_name", "The name has 1 to 64 printable characters.", field="name"
        )
    if CertificateAuthority.objects.filter(name=name).exists():
        raise DomainError(
            "chargers.authority_exists", f"There is an authority {name} already.", field="name"
        )
    valid_to = now + valid_for
    made = rules.authority_make(
        name=name, organization=current_operator().name, now=now, valid_to=valid_to
    )
    return CertificateAuthority.objects.create(
        name=name,
        certificate=made.certificate_pem,
        private_key=made.private_key_pem,
        valid_to=valid_to,
        created_at=now,
    )


def authority_retire(*, authority_id: int) -> None:
    """Trust an authority no more: stations with its certificates are refused from now on."""
    if not CertificateAuthority.objects.filter(pk=authority_id).update(is_active=False):
        raise DomainError("chargers.authority_unknown", "There is no such authority.")


@transaction.atomic
def certificate_sign(
    *,
    station_pk: int,
    csr_pem: str,
    now: datetime,
    use: str = CertificateUse.CHARGING_STATION,
    valid_for: timedelta = STATION_VALID_FOR,
) -> StationCertificate:
    """Sign a station's request (A02); CertificateInvalid, kept as failed, when it may not be."""
    station = ChargingStation.objects.get(pk=station_pk)
    try:
        signed, chain = _signed(station, csr_pem, use, now=now, valid_to=now + valid_for)
    except CertificateInvalid as refused:
        logger.warning("certificate not signed station=%s reason=%s", station, refused)
        raise
    told = rules.facts(signed)
    return StationCertificate.objects.create(
        station=station,
        use=use,
        csr=csr_pem,
        pem=chain,
        serial_number=told.serial_number,
        subject=told.subject[:300],
        issuer=told.issuer[:300],
        valid_from=told.valid_from,
        valid_to=told.valid_to,
        hash_data=rules.hash_data(signed, rules.certificates_read(chain)[1]),
        created_at=now,
    )


def _signed(
    station: ChargingStation, csr_pem: str, use: str, *, now: datetime, valid_to: datetime
) -> tuple[x509.Certificate, str]:
    if use != CertificateUse.CHARGING_STATION:
        raise CertificateInvalid("This operator signs no certificates towards cars.")
    request = rules.request_read(csr_pem)
    common_name = rules.request_common_name(request)
    if common_name not in _common_names(station):
        raise CertificateInvalid(
            "The common name is neither the station's identity nor its serial number."
        )
    authorities = CertificateAuthority.objects.filter(is_active=True, valid_to__gt=now)
    authority = authorities.order_by("-created_at", "-pk").first()
    if authority is None:
        raise CertificateInvalid("The operator has no certificate authority.")
    signed = rules.request_sign(
        request,
        rules.Authority(authority.certificate, authority.private_key),
        common_name=common_name,
        organization=current_operator().name,
        now=now,
        valid_to=valid_to,
    )
    return signed, rules.chain_pem([signed, *rules.certificates_read(authority.certificate)])


def _common_names(station: ChargingStation) -> frozenset[str]:
    """Names by which a station may ask: its identity, or the serial number that it booted with.

    A00.FR.511 and the 1.6 whitepaper want the serial number; most stations write their identity.
    A certificate opens its own station only, whatever its name: it is looked up by station.
    """
    return frozenset({station.station_id, station.serial_number} - {""})


def certificate_send(*, certificate_id: int) -> Command:
    """Send a signed certificate to its station (CertificateSigned); its answer ends the job."""
    certificate = StationCertificate.objects.select_related("station").get(pk=certificate_id)
    StationCertificate.objects.filter(pk=certificate_id).update(status=UpkeepStatus.RUNNING)
    (command,) = order_send(
        station_id=certificate.station.station_id,
        action="CertificateSigned",
        payload={"certificateChain": certificate.pem, "certificateType": certificate.use},
        reason="SignCertificate",
    )
    return command


def certificate_end(*, certificate_id: int, now: datetime) -> None:
    """Take a station's certificate back: it opens no connection any more."""
    ended = StationCertificate.objects.filter(pk=certificate_id).update(
        status=UpkeepStatus.ENDED, ended_at=now
    )
    if not ended:
        raise DomainError("chargers.certificate_unknown", "There is no such certificate.")


def certificate_opens(*, station: ChargingStation, der: bytes, now: datetime) -> str:
    """Why a client certificate does not open a connection of this station; empty when it does.

    Its key was proven in the TLS handshake. Here it is bound to this operator and this station.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        told = rules.facts(certificate)
    except ValueError:
        return "it cannot be read"
    if told.common_name not in _common_names(station):
        return "its common name is another"
    if not told.valid_from <= now < told.valid_to:
        return "it is not valid now"
    trusted = CertificateAuthority.objects.filter(is_active=True, valid_to__gt=now)
    authorities = trusted.values_list("certificate", flat=True)
    if not any(rules.is_signed_by(certificate, pem) for pem in authorities):
        return "no authority of the operator signed it"
    known = StationCertificate.objects.filter(
        station=station, serial_number=told.serial_number, status__in=IN_FORCE
    )
    return "" if known.exists() else "it was taken back"


def certificates_watch(*, now: datetime) -> int:
    """Raise one security event for each certificate in force that ends within 30 days; how many."""
    ending = StationCertificate.objects.filter(
        status=UpkeepStatus.DONE, valid_to__isnull=False, valid_to__lte=now + EXPIRY_NOTICE
    ).order_by("pk")
    return sum(
        security_event_store(
            station_pk=certificate.station_id,
            event_type=CERTIFICATE_EXPIRES,
            # Not the time of the watch: one event for one certificate, however often it is seen.
            at=certificate.valid_to,
            tech_info=f"{certificate.use} {certificate.serial_number}",
        )
        for certificate in ending
        if certificate.valid_to is not None
    )


def certificate_alarms_keep(*, now: datetime) -> SourceChanges:
    """Keep the operator's alarm book to the certificates that end soon or have ended.

    An alarm goes when the certificate was taken back or a newer one took its place. An authority
    warns earlier: what it signs never lives longer than itself.
    """
    signing = CertificateAuthority.objects.filter(is_active=True).order_by("-created_at", "-pk")[:1]
    authorities = [
        _alarm(authority.pk, authority.name, "CertificateAuthority", "", authority.valid_to, now)
        for authority in signing
        if authority.valid_to <= now + AUTHORITY_NOTICE
    ]
    newer = StationCertificate.objects.filter(
        station=OuterRef("station"),
        use=OuterRef("use"),
        status=UpkeepStatus.DONE,
        valid_to__gt=OuterRef("valid_to"),
    )
    ending = (
        StationCertificate.objects.select_related("station")
        .filter(status=UpkeepStatus.DONE, valid_to__lte=now + EXPIRY_NOTICE)
        # Of roots a station holds several, and each one counts.
        .exclude(Exists(newer), use__in=_ONE_OF_EACH)
        .order_by("pk")
    )
    stations = [
        _alarm(one.station_id, str(one.station), one.use, one.serial_number, one.valid_to, now)
        for one in ending
        if one.valid_to is not None
    ]
    changes = [
        source_alarms_keep(source=source, kinds=_ALARM_KINDS, wrong=wrong, now=now)
        for source, wrong in ((AUTHORITY_SOURCE, authorities), (STATION_SOURCE, stations))
    ]
    return SourceChanges(sum(c.raised for c in changes), sum(c.cleared for c in changes))


def _alarm(
    source_id: int, name: str, use: str, serial_number: str, valid_to: datetime, now: datetime
) -> SourceAlarm:
    is_over = valid_to <= now
    return SourceAlarm(
        source_id=source_id,
        source_name=name,
        kind=AlarmKind.CERTIFICATE_ENDED if is_over else AlarmKind.CERTIFICATE_ENDS,
        severity=Severity.CRITICAL if is_over else Severity.WARNING,
        code=serial_number,
        figures={"certificate": use, "valid_to": format_rfc3339(valid_to)},
    )
