"""Security profiles 1 to 3 (A00): real TLS on loopback, certificates, passwords changed."""

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from channels.routing import URLRouter
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect

from apps.chargers.choices import RefusalReason, SecurityProfile, UpkeepStatus
from apps.chargers.csms.native.tls import TrustedAuthorities, station_tls, tls_server
from apps.chargers.models import (
    ChargingStation,
    Command,
    RefusedConnection,
    SecurityEvent,
    StationCertificate,
    StationMessage,
)
from apps.chargers.routing import websocket_urlpatterns
from apps.chargers.selectors.certificates import trusted_authorities
from apps.chargers.services.certificates import (
    authority_create,
    authority_retire,
    certificate_end,
    certificate_sign,
)
from apps.chargers.services.password_rotation import password_rotate
from cariflex.common.time import utc_now
from tests.chargers.conformance.client import V16, V201, Checking
from tests.chargers.conftest import PASSWORD_A, STATION_ID
from tests.chargers.server import (
    LIMIT_S,
    A,
    B,
    Csms,
    at,
    basic,
    close_live_connections,
    eventually,
)


class Keys:
    """A private key, and requests and certificates for it, in files and as PEM."""

    def __init__(self, folder: Path, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.key_file, self.certificate_file = folder / f"{name}.key", folder / f"{name}.pem"
        self.key_file.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    def request(self, common_name: str) -> str:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        request = x509.CertificateSigningRequestBuilder().subject_name(subject)
        return request.sign(self.key, hashes.SHA256()).public_bytes(
            serialization.Encoding.PEM
        ).decode()  # fmt: skip

    def self_signed(self, common_name: str) -> str:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(self.key.public_key()).serial_number(7)
            .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(
                [x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .sign(self.key, hashes.SHA256())
        )  # fmt: skip
        pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
        self.certificate_file.write_text(pem)
        return pem


class TlsDoor:
    """The port that speaks TLS."""

    def __init__(self, port: int, server_pem: str, authorities: TrustedAuthorities) -> None:
        self.port = port
        self.server_pem = server_pem
        self.authorities = authorities

    def heartbeat(
        self, operator: str, *, password: str | None = None, keys: Keys | None = None,
        station_id: str = STATION_ID,
    ) -> str:  # fmt: skip
        """Connect and ask for the time."""
        context = ssl.create_default_context(cadata=self.server_pem)
        if keys is not None:
            context.load_cert_chain(keys.certificate_file, keys.key_file)

        async def ask() -> str:
            async with asyncio.timeout(LIMIT_S), connect_async(
                f"wss://127.0.0.1:{self.port}/ocpp/{operator}/{station_id}",
                ssl=context, subprotocols=["ocpp2.0.1"],  # type: ignore[list-item]
                additional_headers=basic(station_id, password) if password else {}, proxy=None,
            ) as socket:  # fmt: skip
                await socket.send('[2,"1","Heartbeat",{}]')
                return str(json.loads(await socket.recv())[2]["currentTime"])

        # The client without asyncio may wait for ever for the end of a refused TLS connection.
        return asyncio.run(ask())


@contextmanager
def serving_tls(folder: Path) -> Iterator[TlsDoor]:
    """The product's TLS server on a free port."""
    server_keys = Keys(folder, "server")
    server_pem = server_keys.self_signed("127.0.0.1")
    context = station_tls(server_keys.certificate_file, server_keys.key_file)
    authorities = TrustedAuthorities(context, trusted_authorities)
    authorities.refresh()
    server = tls_server(
        URLRouter(websocket_urlpatterns), context, host="127.0.0.1", port=0,
        log_level="critical", timeout_graceful_shutdown=5,
    )  # fmt: skip
    thread = threading.Thread(target=server.run, name="tls")
    thread.start()
    eventually(lambda: server.started)
    try:
        yield TlsDoor(server.servers[0].sockets[0].getsockname()[1], server_pem, authorities)
    finally:
        server.should_exit = True
        thread.join(LIMIT_S)
        close_live_connections()
        assert not thread.is_alive()


@pytest.fixture
def door(csms: Csms, tmp_path: Path) -> Iterator[TlsDoor]:
    """Both operators have an authority; CS-001 exists at both."""
    for operator in (A, B):
        at(operator, lambda: authority_create(name="Stations", now=utc_now()))
    with serving_tls(tmp_path) as door:
        yield door


def profile(number: int, *, operator: str = A) -> None:
    at(operator, lambda: ChargingStation.objects.update(security_profile=number))


def certificate(
    folder: Path, *, operator: str = A, station_id: str = STATION_ID, **options: Any
) -> tuple[Keys, StationCertificate]:
    """A key with a certificate of the operator's authority, in force."""
    keys = Keys(folder, f"{operator}-{station_id}")

    def sign() -> StationCertificate:
        pk = ChargingStation.objects.get(station_id=station_id).pk
        signed = certificate_sign(
            station_pk=pk, csr_pem=keys.request(station_id), now=utc_now(), **options
        )
        StationCertificate.objects.filter(pk=signed.pk).update(status=UpkeepStatus.DONE)
        return signed

    signed = at(operator, sign)
    keys.certificate_file.write_text(signed.pem)
    return keys, signed


def reasons(operator: str = A) -> list[str]:
    return at(
        operator,
        lambda: list(RefusedConnection.objects.order_by("pk").values_list("reason", flat=True)),
    )


def test_profile_2_needs_tls_and_the_password(door: TlsDoor, csms: Csms) -> None:
    profile(SecurityProfile.TLS)

    assert door.heartbeat(A, password=PASSWORD_A).endswith("Z")
    with pytest.raises(InvalidStatus) as wrong:
        door.heartbeat(A, password="wrong-wrong-wrong-wrong")
    with pytest.raises(InvalidStatus) as plain:
        csms.connect(A, STATION_ID, PASSWORD_A)

    assert wrong.value.response.status_code == 401
    assert plain.value.response.status_code == 403
    assert reasons() == [RefusalReason.BAD_PASSWORD, RefusalReason.TLS_REQUIRED]


def test_profile_1_may_come_by_tls(door: TlsDoor) -> None:
    assert door.heartbeat(A, password=PASSWORD_A)


def test_a_header_of_a_stranger_is_no_tls(csms: Csms, door: TlsDoor) -> None:
    """uvicorn believes X-Forwarded-Proto of 127.0.0.1 by default; the plain test server too."""
    profile(SecurityProfile.MUTUAL_TLS)
    headers = {
        **basic(STATION_ID, PASSWORD_A), "X-Forwarded-Proto": "https",
        "X-SSL-Client-S-DN-CN": STATION_ID, "X-Client-Cert": "x",
    }  # fmt: skip

    with pytest.raises(InvalidStatus) as refused:
        connect(
            csms.address(A, STATION_ID), subprotocols=["ocpp2.0.1"],  # type: ignore[list-item]
            additional_headers=headers, proxy=None,
        )  # fmt: skip

    assert refused.value.response.status_code == 403


def test_profile_3_needs_the_stations_own_certificate(door: TlsDoor, tmp_path: Path) -> None:
    profile(SecurityProfile.MUTUAL_TLS)
    keys, _signed = certificate(tmp_path)

    assert door.heartbeat(A, keys=keys).endswith("Z")
    with pytest.raises(InvalidStatus) as without:
        door.heartbeat(A, password=PASSWORD_A)

    assert without.value.response.status_code == 403
    assert reasons() == [RefusalReason.MISSING_CERTIFICATE]


def test_a_certificate_opens_its_own_station_only(door: TlsDoor, tmp_path: Path) -> None:
    profile(SecurityProfile.MUTUAL_TLS)
    at(A, lambda: ChargingStation.objects.create(station_id="CS-002", rated_power_kw=22.0))
    keys, _signed = certificate(tmp_path, station_id="CS-002")

    with pytest.raises(InvalidStatus) as refused:
        door.heartbeat(A, keys=keys)

    assert refused.value.response.status_code == 403
    assert reasons() == [RefusalReason.BAD_CERTIFICATE]
    event = at(A, lambda: SecurityEvent.objects.get())
    assert event.type == "InvalidChargingStationCertificate"
    assert "its common name is another" in event.tech_info


def test_a_certificate_opens_nothing_at_another_operator(door: TlsDoor, tmp_path: Path) -> None:
    """Same station id, and both authorities are trusted by OpenSSL."""
    profile(SecurityProfile.MUTUAL_TLS)
    profile(SecurityProfile.MUTUAL_TLS, operator=B)
    keys, _signed = certificate(tmp_path, operator=A)

    assert door.heartbeat(A, keys=keys)
    with pytest.raises(InvalidStatus) as refused:
        door.heartbeat(B, keys=keys)

    assert refused.value.response.status_code == 403
    assert (reasons(A), reasons(B)) == ([], [RefusalReason.BAD_CERTIFICATE])


def test_a_certificate_of_no_authority_of_ours_ends_the_handshake(
    door: TlsDoor, tmp_path: Path
) -> None:
    profile(SecurityProfile.MUTUAL_TLS)
    keys = Keys(tmp_path, "stranger")
    keys.self_signed(STATION_ID)

    # TLS 1.3: the server's refusal comes after the client took the handshake for done.
    with pytest.raises((ssl.SSLError, OSError, EOFError, WebSocketException)) as ended:
        door.heartbeat(A, keys=keys)
    assert not isinstance(ended.value, InvalidStatus)
    assert at(A, lambda: ChargingStation.objects.get().connection_state) == "offline"


def test_a_certificate_taken_back_opens_nothing(door: TlsDoor, tmp_path: Path) -> None:
    profile(SecurityProfile.MUTUAL_TLS)
    keys, signed = certificate(tmp_path)

    at(A, lambda: certificate_end(certificate_id=signed.pk, now=utc_now()))

    with pytest.raises(InvalidStatus):
        door.heartbeat(A, keys=keys)


def test_the_certificates_of_a_retired_authority_open_nothing(
    door: TlsDoor, tmp_path: Path
) -> None:
    profile(SecurityProfile.MUTUAL_TLS)
    old, _signed = certificate(tmp_path)
    first = at(A, lambda: authority_create(name="Second", now=utc_now())).pk - 1
    assert door.authorities.refresh() == 1
    assert door.heartbeat(A, keys=old)

    at(A, lambda: authority_retire(authority_id=first))

    with pytest.raises(InvalidStatus):
        door.heartbeat(A, keys=old)
    new, _signed = certificate(tmp_path)
    assert door.heartbeat(A, keys=new)


# --- passwords ---


def rotate(station: Checking, *, accepted: str = "Accepted") -> str:
    """Ask for a new password and answer; the password that the station was told."""
    command = at(A, lambda: password_rotate(station_id=STATION_ID))
    if station.version.is_16:
        message_id, payload = station.asked("ChangeConfiguration")
        password = payload["value"]
        station.answer(message_id, {"status": accepted})
    else:
        message_id, payload = station.asked("SetVariables")
        (one,) = payload["setVariableData"]
        password = one.pop("attributeValue")
        result = {"setVariableResult": [{**one, "attributeStatus": accepted}]}
        station.answer(message_id, result)
    eventually(lambda: at(A, lambda: Command.objects.get(pk=command.pk).answered_at))
    return str(password)


def opens(csms: Csms, password: str) -> bool:
    try:
        csms.connect(A, STATION_ID, password).close()
    except InvalidStatus:
        return False
    return True


@pytest.mark.parametrize("version", [V201, V16], ids=str)
def test_a_new_password_holds_once_accepted_and_the_old_one_until_it_is_used(
    csms: Csms, version: Any
) -> None:
    new = rotate(Checking(csms, version).boot())

    assert len(new) == 40
    assert opens(csms, PASSWORD_A)
    assert opens(csms, PASSWORD_A)
    assert opens(csms, new)
    assert not opens(csms, PASSWORD_A)
    assert opens(csms, new)


def test_a_password_that_the_station_rejected_opens_nothing(csms: Csms) -> None:
    new = rotate(Checking(csms).boot(), accepted="Rejected")

    assert not opens(csms, new)
    assert opens(csms, PASSWORD_A)


def test_a_password_on_its_way_opens_nothing_yet(csms: Csms) -> None:
    station = Checking(csms).boot()
    at(A, lambda: password_rotate(station_id=STATION_ID))
    _message_id, payload = station.asked("SetVariables")

    assert not opens(csms, payload["setVariableData"][0]["attributeValue"])


def test_a_station_that_broke_off_without_an_answer_is_not_locked_out(csms: Csms) -> None:
    station = Checking(csms).boot()
    at(A, lambda: password_rotate(station_id=STATION_ID))
    _message_id, payload = station.asked("SetVariables")
    station.station.close()
    eventually(lambda: at(A, lambda: Command.objects.get().answered_at))

    assert opens(csms, PASSWORD_A)
    assert opens(csms, payload["setVariableData"][0]["attributeValue"])


def test_a_password_stands_nowhere_in_clear(csms: Csms) -> None:
    new = rotate(Checking(csms).boot())

    eventually(lambda: at(A, lambda: StationMessage.objects.filter(action="SetVariables").exists()))
    assert not at(A, lambda: StationMessage.objects.filter(payload__contains=new).exists())
    assert new not in json.dumps(at(A, lambda: Command.objects.get().payload))
    row = at(A, lambda: ChargingStation.objects.values().get())
    assert new not in str(row)


def test_the_other_operators_password_is_left_alone(csms: Csms) -> None:
    before = at(B, lambda: ChargingStation.objects.values().get())

    rotate(Checking(csms).boot())

    assert at(B, lambda: ChargingStation.objects.values().get()) == before
