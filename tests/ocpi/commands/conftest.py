"""A provider that commands, and real stations of 2.0.1 and 1.6 on sockets."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from apps.chargers.models import ChargingStation
from apps.chargers.services import station_register, token_register
from apps.ocpi.choices import PartyRole
from apps.ocpi.models import Partner, PartnerLocation, PartnerSession, Party, RemoteCommand
from apps.ocpi.services.remote_commands_out import Sender
from apps.ocpi.services.remote_results import DESTINATION
from apps.outbox.services import outbox_deliver_due
from apps.tenants.context import operator_context
from cariflex.common.time import format_rfc3339, utc_now
from tests.chargers.conftest import PASSWORD_A, STATION_ID, csms, csms_server  # noqa: F401
from tests.chargers.server import BOOT, A, B, Csms, Station, at, eventually
from tests.chargers.v16.messages import BOOT_16
from tests.contracts.ocpi_partner import OcpiPartner, Reply, ocpi_partner
from tests.ocpi.commands.objects import location_object, session_object
from tests.ocpi.server import Site, connect, partner_of

UID = "04AABBCCDD"
OUR_UID = "04CAFE01"
OLD_STATION = "CS-016"
PASSWORD_16 = "guadeloupe-secret-000016"


@dataclass
class Provider:
    """An eMSP that is registered with Guadeloupe: FR*ABC."""

    platform: OcpiPartner
    partner: Partner

    def token(self, uid: str = UID, **fields: Any) -> dict[str, Any]:
        country_code, party_id = self.platform.party
        return {
            "country_code": country_code, "party_id": party_id, "uid": uid, "type": "APP_USER",
            "contract_id": "FR-ABC-C12345678-V", "issuer": "ABC", "valid": True,
            "whitelist": "NEVER", "last_updated": "2026-03-10T12:00:00Z", **fields,
        }  # fmt: skip

    def response_url(self, kind: str, key: str = "") -> str:
        return f"{self.platform.address('commands', 'SENDER')}/{kind}/{key or uuid.uuid4().hex}"

    def command(self, kind: str, headers: dict[str, str] | None = None, **body: Any) -> Reply:
        """POST a command; a response_url of its own unless one is given."""
        body.setdefault("response_url", self.response_url(kind))
        url = f"{self.platform.ours('commands', 'RECEIVER')}/{kind}"
        return self.platform.call("POST", url, body, headers=headers)

    def start(self, uid: str = UID, **body: Any) -> Reply:
        values = {"token": self.token(uid), "location_id": STATION_ID, "evse_uid": "CS-001-1"}
        told = {name: value for name, value in {**values, **body}.items() if value is not None}
        return self.command("START_SESSION", **told)

    def reserve(self, reservation_id: str, **body: Any) -> Reply:
        values = {
            "token": self.token(), "location_id": STATION_ID, "evse_uid": "CS-001-1",
            "reservation_id": reservation_id,
            "expiry_date": format_rfc3339(utc_now() + timedelta(hours=1)),
        }  # fmt: skip
        return self.command("RESERVE_NOW", **{**values, **body})

    def deliver(self) -> int:
        """Send what waits in the outbox for this partner."""
        name = f"{DESTINATION}:{self.partner.pk}"
        return at(A, lambda: outbox_deliver_due(destination_name=name))

    def results(self) -> list[tuple[str, str]]:
        """Every CommandResult that arrived: (command, result)."""
        self.deliver()
        return [(kind, body["result"]) for kind, body in self.platform.commands]


def answer(station: Station, action: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Take the call that the station waits for and answer it; its payload."""
    frame = station.receive()
    assert frame[:1] == [2], frame
    assert frame[2] == action, frame
    station.send(json.dumps([3, frame[1], payload]))
    request: dict[str, Any] = frame[3]
    return request


def ended(kind: str) -> RemoteCommand:
    """The newest command of a kind at Guadeloupe, once it has ended."""

    def read() -> RemoteCommand | None:
        newest = RemoteCommand.objects.filter(kind=kind).order_by("-pk").first()
        return None if newest is None or newest.ended_at is None else newest

    found = eventually(lambda: at(A, read))
    assert found is not None
    return found


@pytest.fixture
def parties(csms: Csms) -> None:  # noqa: F811
    """Both operators are a CPO and a provider."""
    for schema_name, country in ((A, "GP"), (B, "MQ")):
        with operator_context(schema_name):
            Party.objects.create(
                role=PartyRole.CPO, country_code=country, party_id="CFX", name="Cariflex"
            )
            Party.objects.create(
                role=PartyRole.EMSP, country_code=country, party_id="CFE", name="Cariflex Go"
            )


@pytest.fixture
def station(parties: None, csms: Csms) -> Station:  # noqa: F811
    """CS-001 of Guadeloupe, 2.0.1, with two EVSEs, booted."""
    with operator_context(A):
        row = ChargingStation.objects.get(station_id=STATION_ID)
        for number in (1, 2):
            evse, _made = row.evses.get_or_create(evse_id=number)
            evse.connectors.get_or_create(connector_id=1)
    station = csms.connect(A, STATION_ID, PASSWORD_A)
    assert station.tell("BootNotification", BOOT)["status"] == "Accepted"
    return station


@pytest.fixture
def old_station(parties: None, csms: Csms) -> Station:  # noqa: F811
    """CS-016 of Guadeloupe, 1.6, with one connector, booted."""
    with operator_context(A):
        row = station_register(station_id=OLD_STATION, password=PASSWORD_16, rated_power_kw=22.0)
        evse, _made = row.evses.get_or_create(evse_id=1)
        evse.connectors.get_or_create(connector_id=1)
    station = csms.connect(A, OLD_STATION, PASSWORD_16, subprotocols=["ocpp1.6"])
    assert station.tell("BootNotification", BOOT_16)["status"] == "Accepted"
    return station


@pytest.fixture
def provider(parties: None, site: Site) -> Iterator[Provider]:
    """FR*ABC, registered with Guadeloupe."""
    with ocpi_partner(role="EMSP", party=("FR", "ABC")) as platform:
        with operator_context(A):
            partner = partner_of(platform)
        connect(platform, site, A)
        yield Provider(platform, partner)


@pytest.fixture
def stranger(parties: None, site: Site) -> Iterator[Provider]:
    """DE*XYZ, another provider of Guadeloupe."""
    with ocpi_partner(role="EMSP", party=("DE", "XYZ")) as platform:
        with operator_context(A):
            partner = partner_of(platform)
        connect(platform, site, A)
        yield Provider(platform, partner)


@pytest.fixture
def network(parties: None, site: Site) -> Iterator[OcpiPartner]:
    """FR*CPO, a charge point operator that is registered with Guadeloupe, with one location."""
    with ocpi_partner(role="CPO", party=("FR", "CPO")) as platform:
        with operator_context(A):
            partner = partner_of(platform)
            owned = {
                "partner": partner, "country_code": "FR", "party_id": "CPO",
                "last_updated": utc_now(), "received_at": utc_now(),
            }  # fmt: skip
            PartnerLocation.objects.create(object_id="LOC1", content=location_object(), **owned)
            PartnerSession.objects.create(
                object_id="SES1", content=session_object(), status="ACTIVE", started_at=utc_now(),
                **owned,
            )  # fmt: skip
            token_register(id_token=OUR_UID)
        connect(platform, site, A)
        yield platform


@pytest.fixture
def sender(site: Site) -> Sender:
    return Sender(root_url=site.root_url(A), now=utc_now())
