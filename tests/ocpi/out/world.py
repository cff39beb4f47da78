"""An operator with a station, a tariff and a partner whose customers charge there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from apps.assets.models import Site
from apps.billing.models import Cdr
from apps.billing.services import cdr_issue, tariff_register
from apps.chargers.choices import ConnectionState, ConnectorStatus, SessionState
from apps.chargers.models import ChargingStation, Connector, Session
from apps.chargers.services import station_register
from apps.ocpi.choices import PartyRole
from apps.ocpi.models import Partner, Party, RoamingSession
from apps.ocpi.services.roaming_sessions import roaming_session_begin
from apps.outbox.models import OutboxMessage
from cariflex.common.exact_json import exact_loads
from tests.billing.conftest import session_make
from tests.contracts.ocpi_partner import OcpiPartner
from tests.ocpi.server import partner_of

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
EVERYTHING = ["locations", "sessions", "cdrs", "tariffs", "tokens"]
TOKEN = {
    "country_code": "FR",
    "party_id": "ABC",
    "uid": "04A2B3C4",
    "type": "RFID",
    "contract_id": "FR-ABC-C12345678-V",
}


def party_make(role: str = PartyRole.CPO, party_id: str = "CFG") -> Party:
    """A role of ours."""
    return Party.objects.create(
        role=role, country_code="FR", party_id=party_id, name="Cariflex Guadeloupe"
    )


def partner_make(platform: OcpiPartner, **fields: Any) -> Partner:
    """A registered partner that wants everything pushed."""
    return partner_of(platform, **{"pushed_kinds": EVERYTHING, **fields})


def partner_without_http(code: str, role: str = "EMSP", **fields: Any) -> Partner:
    """One that nothing is delivered to."""
    return partner_of(OcpiPartner(role=role), **{"code": code, "pushed_kinds": [], **fields})


def tariff_everywhere() -> None:
    """0.3012 EUR/kWh and 8.5 % VAT since 2020."""
    tariff_register(
        name="Standard",
        price_per_kwh_excl_vat=Decimal("0.3012"),
        vat_percent=Decimal("8.5"),
        valid_from=datetime(2020, 1, 1, tzinfo=UTC),
    )


def station_make(station_id: str = "CS-001", evses: int = 2, **fields: Any) -> ChargingStation:
    """A station of 22 kW at the marina, online, whose sockets are free."""
    site, _new = Site.objects.get_or_create(
        code="marina", defaults={"name": "Marina", "time_zone": "America/Guadeloupe"}
    )
    values = {
        "name": "Marina",
        "commune": "Le Gosier",
        "rated_power_kw": 22.0,
        "latitude": 16.2045,
        "longitude": -61.4923,
        **fields,
    }
    station = station_register(
        station_id=station_id, evses=evses, site_id=site.pk, connector_type="sType2", **values
    )
    ChargingStation.objects.filter(pk=station.pk).update(connection_state=ConnectionState.ONLINE)
    Connector.objects.filter(evse__station=station).update(status=ConnectorStatus.AVAILABLE)
    station.refresh_from_db()
    return station


def connector_set(station: ChargingStation, number: int, status: str) -> None:
    """As a StatusNotification would."""
    Connector.objects.filter(evse__station=station, evse__evse_id=number).update(status=status)


def session_of(
    station: ChargingStation,
    partner: Partner,
    transaction_id: str = "tx-1",
    *,
    ended: bool = True,
    token: dict[str, Any] | None = None,
) -> Session:
    """A session of an hour and 9.00055 kWh by a partner's customer."""
    session = session_make(station, transaction_id, ended=ended)
    told = token or TOKEN
    roaming_session_begin(session.pk, partner, told, "WHITELIST", f"REF-{transaction_id}")
    return session


def session_moved(session: Session, **values: Any) -> None:
    """The session as its station's messages would have changed it."""
    Session.objects.filter(pk=session.pk).update(**values)


def session_end(session: Session, at: datetime, energy_kwh: Decimal) -> None:
    session_moved(
        session, state=SessionState.ENDED, ended_at=at, energy_kwh=energy_kwh, updated_at=at
    )


def cdr_of(session: Session) -> Cdr:
    """The CDR of an ended session."""
    cdr = cdr_issue(session_id=session.pk)
    assert cdr is not None
    return cdr


@dataclass(frozen=True)
class Pushed:
    """A message in the outbox, opened."""

    destination: str
    method: str
    path: str
    body: Any


def queue(kind: str = "", partner: Partner | None = None) -> list[Pushed]:
    """What waits or was sent, in the order in which it was written."""
    messages = OutboxMessage.objects.filter(destination__startswith="ocpi:").order_by("pk")
    if kind:
        messages = messages.filter(kind=kind)
    if partner is not None:
        messages = messages.filter(destination=partner.destination)
    return [
        Pushed(
            one.destination,
            one.payload["method"],
            "/".join(one.payload["segments"]),
            None if one.payload["body"] is None else exact_loads(one.payload["body"]),
        )
        for one in messages
    ]


def queue_empty() -> None:
    OutboxMessage.objects.all().delete()


def roaming_of(session: Session) -> RoamingSession:
    return RoamingSession.objects.get(session=session)


def paths(pushed: Sequence[Pushed]) -> list[str]:
    return [f"{one.method} {one.path}" for one in pushed]
