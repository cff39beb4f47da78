"""What 1.6 stations with security do otherwise: binary keys, serial numbers as names."""

import base64
import ssl
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from apps.chargers.choices import CommandStatus, SecurityProfile, UpkeepStatus
from apps.chargers.csms.native.handshake import basic_password
from apps.chargers.models import ChargingStation, Command, StationCertificate
from apps.chargers.ocpp.certificates import CertificateInvalid
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services import (
    command_claim,
    command_finish,
    connection_open,
    station_register,
)
from apps.chargers.services.certificates import authority_create, certificate_sign
from apps.chargers.services.connections import Refusal, connection_check
from apps.chargers.services.password_rotation import password_rotate
from tests.chargers.conftest import PASSWORD_A, STATION_ID
from tests.chargers.test_certificates import csr

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
BINARY = bytes.fromhex("ff00" * 10)


def header(user: str, secret: bytes) -> str:
    return "Basic " + base64.b64encode(user.encode() + b":" + secret).decode()


@pytest.mark.parametrize(
    ("secret", "password"),
    [
        (BINARY, BINARY.hex()),
        (BINARY.hex().encode(), BINARY.hex()),
        ("clé-de-la-borne".encode(), "clé-de-la-borne"),
        (BINARY + b"\xff", None),
        (b"", ""),
    ],
)
def test_a_key_comes_as_its_digits_or_as_the_bytes_they_stand_for(
    secret: bytes, password: str | None
) -> None:
    assert basic_password(header(STATION_ID, secret), user=STATION_ID) == password
    assert basic_password(header("CS-002", secret), user=STATION_ID) is None


def test_an_authorization_key_is_rotated_and_used_as_bytes(station: ChargingStation) -> None:
    connection_open(station_pk=station.pk, channel="a", now=NOW, version=OcppVersion.V16)
    command = password_rotate(station_id=STATION_ID)
    assert (command.action, command.payload["key"]) == ("ChangeConfiguration", "AuthorizationKey")
    key = command.payload["value"]
    assert len(bytes.fromhex(key)) == 20
    command_claim(command_id=command.pk, station_pk=station.pk, now=NOW)
    command_finish(
        command_id=command.pk, status=CommandStatus.ACCEPTED, now=NOW,
        answer={"status": "Accepted"},
    )  # fmt: skip

    # Bytes that are a text by chance are that text; a key of ours is random.
    shown = basic_password(header(STATION_ID, BINARY), user=STATION_ID)
    assert isinstance(connection_check(station_id=STATION_ID, password=shown, now=NOW), Refusal)
    old = connection_check(station_id=STATION_ID, password=PASSWORD_A, now=NOW)
    new = connection_check(station_id=STATION_ID, password=key, now=NOW)
    late = connection_check(station_id=STATION_ID, password=PASSWORD_A, now=NOW)

    assert (old, new) == (station.pk, station.pk)
    assert isinstance(late, Refusal)
    assert key not in str(Command.objects.get(pk=command.pk).payload)


def test_a_certificate_may_carry_the_serial_number_and_opens_its_own_station_only(
    station: ChargingStation,
) -> None:
    authority_create(name="Stations", now=NOW)
    # The other station's identity is this one's serial number.
    other = station_register(station_id="SN-4711", rated_power_kw=22.0)
    ChargingStation.objects.update(security_profile=SecurityProfile.MUTUAL_TLS)
    request = csr(ec.generate_private_key(ec.SECP256R1()), "SN-4711")
    with pytest.raises(CertificateInvalid, match="serial number"):
        certificate_sign(station_pk=station.pk, csr_pem=request, now=NOW)

    ChargingStation.objects.filter(pk=station.pk).update(serial_number="SN-4711")
    signed = certificate_sign(station_pk=station.pk, csr_pem=request, now=NOW)
    StationCertificate.objects.update(status=UpkeepStatus.DONE)
    der = ssl.PEM_cert_to_DER_cert(signed.pem[: signed.pem.index("-----END") + 26])

    def shows(station_id: str) -> int | Refusal:
        return connection_check(
            station_id=station_id, password=None, now=NOW, is_tls=True, certificate=der
        )

    assert "SN-4711" in signed.subject
    assert shows(STATION_ID) == station.pk
    refused = shows(other.station_id)
    assert isinstance(refused, Refusal)
    assert refused.status == 403
