"""Certificates of stations: signed (A02), installed, listed, deleted, and watched."""

import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from django.db import connection

from apps.chargers import tasks
from apps.chargers.choices import UpkeepStatus
from apps.chargers.models import (
    CertificateAuthority,
    ChargingStation,
    Command,
    SecurityEvent,
    StationCertificate,
)
from apps.chargers.ocpp import certificates as rules
from apps.chargers.ocpp.certificates import CertificateInvalid
from apps.chargers.services.certificates import (
    authority_create,
    certificate_sign,
    certificates_watch,
)
from apps.chargers.services.intents import order_send
from apps.tenants.context import OperatorMissing, operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.chargers.conformance.client import V16, V21, V201, Checking
from tests.chargers.conftest import STATION_ID
from tests.chargers.server import A, B, Csms, at, eventually
from tests.chargers.test_security_profiles import Keys

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def authority(operator: str = A) -> CertificateAuthority:
    return at(operator, lambda: authority_create(name="Stations", now=utc_now()))


def csr(key: Any, common_name: str = STATION_ID) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, algorithm)
    return request.public_bytes(serialization.Encoding.PEM).decode()


def tampered(request_pem: str) -> str:
    """The request of CS-001 with another name in it and the old signature."""
    der = x509.load_pem_x509_csr(request_pem.encode()).public_bytes(serialization.Encoding.DER)
    other = der.replace(STATION_ID.encode(), b"CS-009")
    assert other != der
    return ssl.DER_cert_to_PEM_cert(other).replace("CERTIFICATE", "CERTIFICATE REQUEST")


def test_the_key_of_an_authority_is_encrypted_at_rest(operator_a: Operator) -> None:
    made = authority_create(name="Stations", now=NOW)

    with connection.cursor() as cursor:
        cursor.execute("SELECT private_key FROM chargers_certificateauthority")
        (stored,) = cursor.fetchone()
    assert "PRIVATE KEY" not in stored
    assert "BEGIN PRIVATE KEY" in CertificateAuthority.objects.get(pk=made.pk).private_key
    assert made.valid_to == NOW + timedelta(days=3650)
    with pytest.raises(DomainError) as twice:
        authority_create(name="Stations", now=NOW)
    assert twice.value.code == "chargers.authority_exists"


def test_a_request_is_signed_for_its_station(station: ChargingStation) -> None:
    made = authority_create(name="Stations", now=NOW)
    key = ec.generate_private_key(ec.SECP256R1())

    signed = certificate_sign(station_pk=station.pk, csr_pem=csr(key), now=NOW)

    leaf, root = rules.certificates_read(signed.pem)
    assert rules.facts(leaf).common_name == STATION_ID
    assert leaf.public_key() == key.public_key()
    assert rules.is_signed_by(leaf, made.certificate)
    assert rules.chain_pem([root]) == made.certificate
    assert signed.valid_to == NOW + timedelta(days=365)
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [x509.ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_no_certificate_outlives_its_authority(station: ChargingStation) -> None:
    made = authority_create(name="Stations", now=NOW, valid_for=timedelta(days=100))
    key = ec.generate_private_key(ec.SECP256R1())

    signed = certificate_sign(station_pk=station.pk, csr_pem=csr(key), now=NOW)

    assert signed.valid_to == made.valid_to


@pytest.mark.parametrize(
    ("request_of", "why"),
    [
        (lambda: csr(ec.generate_private_key(ec.SECP256R1()), "CS-002"), "common name"),
        (lambda: csr(rsa.generate_private_key(65537, 1024)), "too weak"),
        (lambda: csr(ed25519.Ed25519PrivateKey.generate()), "kind that OCPP does not use"),
        (lambda: "hello", "no signing request"),
        (lambda: "", "no signing request"),
        (lambda: tampered(csr(ec.generate_private_key(ec.SECP256R1()))), "not signed by its own"),
    ],
)
def test_a_request_that_may_not_be_signed(
    station: ChargingStation, request_of: Callable[[], str], why: str
) -> None:
    authority_create(name="Stations", now=NOW)

    with pytest.raises(CertificateInvalid, match=why):
        certificate_sign(station_pk=station.pk, csr_pem=request_of(), now=NOW)

    assert StationCertificate.objects.count() == 0


@pytest.mark.parametrize("version", [V21, V201, V16], ids=str)
@pytest.mark.parametrize(
    ("answer", "status"), [("Accepted", UpkeepStatus.DONE), ("Rejected", UpkeepStatus.FAILED)]
)
def test_a_station_renews_its_certificate(
    csms: Csms, version: Any, answer: str, status: str
) -> None:
    """A02: SignCertificate, then CertificateSigned."""
    made = authority()
    station = Checking(csms, version).boot()

    asked = station.tell("SignCertificate", {"csr": csr(ec.generate_private_key(ec.SECP256R1()))})

    assert asked == {"status": "Accepted"}
    message_id, payload = station.asked("CertificateSigned")
    leaf, _root = rules.certificates_read(payload["certificateChain"])
    assert rules.is_signed_by(leaf, made.certificate)
    station.answer(message_id, {"status": answer})
    eventually(lambda: at(A, lambda: StationCertificate.objects.get().status) == status)
    assert at(B, StationCertificate.objects.count) == 0


def test_a_request_without_an_authority_is_rejected_with_the_reason(csms: Csms) -> None:
    authority(B)
    station = Checking(csms, V201).boot()

    answer = station.tell("SignCertificate", {"csr": csr(ec.generate_private_key(ec.SECP256R1()))})

    assert answer["status"] == "Rejected"
    assert "no certificate authority" in answer["statusInfo"]["additionalInfo"]


def test_a_certificate_towards_cars_is_rejected_with_the_reason(csms: Csms) -> None:
    authority()
    station = Checking(csms, V201).boot()
    request = csr(ec.generate_private_key(ec.SECP256R1()))

    answer = station.tell("SignCertificate", {"csr": request, "certificateType": "V2GCertificate"})

    assert answer["status"] == "Rejected"
    assert answer["statusInfo"]["reasonCode"] == "InvalidCSR"


def test_what_we_cannot_do_is_said(csms: Csms) -> None:
    station = Checking(csms, V201).boot()
    ocsp = {
        "hashAlgorithm": "SHA256", "issuerNameHash": "00", "issuerKeyHash": "00",
        "serialNumber": "1", "responderURL": "http://ocsp.example",
    }  # fmt: skip

    status = station.tell("GetCertificateStatus", {"ocspRequestData": ocsp})
    contract = station.tell(
        "Get15118EVCertificate",
        {"iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef", "action": "Install",
         "exiRequest": "AA=="},
    )  # fmt: skip

    for answer in (status, contract):
        assert answer["status"] == "Failed"
        assert answer["statusInfo"]["reasonCode"] == "NotSupported"


def test_roots_are_installed_listed_and_deleted(csms: Csms, tmp_path: Path) -> None:
    """M03 to M05."""
    station = Checking(csms, V201).boot()
    pem = Keys(tmp_path, "root").self_signed("Root")
    root = rules.certificates_read(pem)[0]
    hashes_told = rules.hash_data(root, root)

    def ask(action: str, payload: dict[str, Any], answer: dict[str, Any]) -> None:
        (command,) = at(
            A, lambda: order_send(station_id=STATION_ID, action=action, payload=payload)
        )
        message_id, _payload = station.asked(action)
        station.answer(message_id, answer)
        eventually(lambda: at(A, lambda: Command.objects.get(pk=command.pk).answered_at))

    def held() -> list[tuple[str, str, str]]:
        rows = StationCertificate.objects.order_by("pk")
        return at(A, lambda: list(rows.values_list("use", "serial_number", "status")))

    install = {"certificateType": "CSMSRootCertificate", "certificate": pem}
    ask("InstallCertificate", install, {"status": "Rejected"})
    ask("InstallCertificate", install, {"status": "Accepted"})
    assert held() == [
        ("CSMSRootCertificate", "7", "failed"), ("CSMSRootCertificate", "7", "done"),
    ]  # fmt: skip

    other = {**hashes_told, "serialNumber": "AB12"}
    chains = [
        {"certificateType": "CSMSRootCertificate", "certificateHashData": hashes_told},
        {"certificateType": "V2GRootCertificate", "certificateHashData": other},
    ]
    answer = {"status": "Accepted", "certificateHashDataChain": chains}
    for _ in range(2):
        ask("GetInstalledCertificateIds", {}, answer)
    assert held()[1:] == [
        ("CSMSRootCertificate", "7", "done"), ("V2GRootCertificate", "ab12", "done"),
    ]  # fmt: skip

    ask("DeleteCertificate", {"certificateHashData": hashes_told}, {"status": "Failed"})
    assert held()[1][2] == "done"
    ask("DeleteCertificate", {"certificateHashData": hashes_told}, {"status": "Accepted"})
    assert held()[1][2] == "ended"
    ask("GetInstalledCertificateIds", {}, {"status": "NotFound"})
    assert held()[2][2] == "ended"
    assert at(B, StationCertificate.objects.count) == 0


def test_a_security_event_of_a_station_is_kept_once(csms: Csms) -> None:
    """A04."""
    station = Checking(csms, V201).boot()
    told = {
        "type": "TamperDetectionActivated", "timestamp": "2026-03-10T12:00:00Z",
        "techInfo": "door open",
    }  # fmt: skip

    for _ in range(2):
        assert station.tell("SecurityEventNotification", told) == {}

    event = at(A, lambda: SecurityEvent.objects.get())
    assert (event.type, event.tech_info, event.is_critical) == (
        "TamperDetectionActivated", "door open", True,
    )  # fmt: skip
    assert at(B, SecurityEvent.objects.count) == 0


# --- the watch ---


def in_force(station: ChargingStation, *, days: int, status: str = UpkeepStatus.DONE) -> None:
    StationCertificate.objects.create(
        station=station,
        use="ChargingStationCertificate",
        serial_number=f"{days:x}{status}",
        valid_to=NOW + timedelta(days=days),
        status=status,
        created_at=NOW,
    )


def test_a_certificate_that_ends_soon_raises_one_event(station: ChargingStation) -> None:
    for days in (-1, 29, 30, 31):
        in_force(station, days=days)
    in_force(station, days=5, status=UpkeepStatus.ENDED)

    assert certificates_watch(now=NOW) == 3
    assert certificates_watch(now=NOW + timedelta(hours=1)) == 0

    events = SecurityEvent.objects.order_by("at")
    assert [event.at for event in events] == [NOW + timedelta(days=d) for d in (-1, 29, 30)]
    assert {(event.type, event.is_critical) for event in events} == {("CertificateExpires", True)}
    assert certificates_watch(now=NOW + timedelta(days=1, hours=1)) == 1


def test_each_operators_certificates_are_watched_apart(
    operator_a: Operator, operator_b: Operator
) -> None:
    for operator in (operator_a, operator_b):
        with operator_context(operator.schema_name):
            made = ChargingStation.objects.create(station_id=STATION_ID, rated_power_kw=22.0)
            StationCertificate.objects.create(
                station=made, use="ChargingStationCertificate", serial_number="1",
                valid_to=utc_now() + timedelta(days=3), status=UpkeepStatus.DONE, created_at=NOW,
            )  # fmt: skip

    tasks.certificates_watch.apply(headers={"operator": operator_a.schema_name}).get()

    with operator_context(operator_a.schema_name):
        assert SecurityEvent.objects.count() == 1
    with operator_context(operator_b.schema_name):
        assert SecurityEvent.objects.count() == 0
    with pytest.raises(OperatorMissing):
        tasks.certificates_watch.apply(headers={"operator": "public"}).get()


def test_the_answer_to_a_frame_that_is_no_certificate_is_kept(csms: Csms) -> None:
    station = Checking(csms, V201).boot()
    payload = {"certificateType": "CSMSRootCertificate", "certificate": "hello"}
    (command,) = at(
        A,
        lambda: order_send(station_id=STATION_ID, action="InstallCertificate", payload=payload),
    )
    message_id, _payload = station.asked("InstallCertificate")
    station.send(json.dumps([3, message_id, {"status": "Failed"}]))
    eventually(lambda: at(A, lambda: Command.objects.get(pk=command.pk).answered_at))

    assert at(A, lambda: Command.objects.get(pk=command.pk).answer) == {"status": "Failed"}
    assert at(A, StationCertificate.objects.count) == 0
