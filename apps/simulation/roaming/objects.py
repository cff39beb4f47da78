"""What the partners own: tokens, locations, a tariff, sessions and CDRs (OCPI 2.2.1)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Object = dict[str, Any]
ENERGY_PRICE = Decimal("0.42")
VAT_PERCENT = Decimal("8.5")
TARIFF_ID = "KRB-AC-1"
CURRENCY = "EUR"
POWER_KW = Decimal(11)
_CENT, _WH = Decimal("0.0001"), Decimal("0.001")


def time_text(at: datetime) -> str:
    """A DateTime as OCPI writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Party:
    """Who a platform is."""

    role: str
    country_code: str
    party_id: str
    name: str

    @property
    def owner(self) -> Object:
        return {"country_code": self.country_code, "party_id": self.party_id}


def tokens(party: Party, count: int, now: datetime) -> list[Object]:
    """Cards and apps of the provider's customers, by turns."""
    return [
        {
            **party.owner,
            "uid": f"{party.party_id}-{'CARD' if nth % 2 else 'APP'}-{nth:02d}",
            "type": "RFID" if nth % 2 else "APP_USER",
            "contract_id": f"{party.country_code}-{party.party_id}-C{nth:08d}-X",
            "issuer": party.name,
            "valid": True,
            "whitelist": "ALLOWED",
            "last_updated": time_text(now),
        }
        for nth in range(1, count + 1)
    ]


def locations(party: Party, place: tuple[float, float], now: datetime) -> list[Object]:
    """Three places of the operator with two EVSEs each, around a point."""
    latitude, longitude = place
    return [
        {
            **party.owner,
            "id": f"{party.party_id}-{nth}",
            "publish": True,
            "name": f"{party.name} {nth}",
            "address": f"{nth} rue du Port",
            "city": "Le Port",
            "country": "FRA",
            "coordinates": {
                "latitude": f"{latitude + nth / 100:.5f}",
                "longitude": f"{longitude - nth / 100:.5f}",
            },
            "time_zone": "America/Martinique",
            "evses": [_evse(party, nth, number, now) for number in (1, 2)],
            "last_updated": time_text(now),
        }
        for nth in range(1, 4)
    ]


def _evse(party: Party, location: int, number: int, now: datetime) -> Object:
    return {
        "uid": f"{party.party_id}-{location}-{number}",
        "evse_id": f"{party.country_code}*{party.party_id}*E{location:03d}*{number}",
        "status": "AVAILABLE",
        "capabilities": ["REMOTE_START_STOP_CAPABLE", "RFID_READER"],
        "connectors": [
            {
                "id": "1",
                "standard": "IEC_62196_T2",
                "format": "SOCKET",
                "power_type": "AC_3_PHASE",
                "max_voltage": 230,
                "max_amperage": 16,
                "tariff_ids": [TARIFF_ID],
                "last_updated": time_text(now),
            }
        ],
        "last_updated": time_text(now),
    }


def location_part(location: Object | None, path: list[str]) -> Object | None:
    """A location, its EVSE `path[0]` or the connector `path[1]` of it; None when it is not there.

    Ids are the same in upper and lower case (CiString).
    """
    found = location
    for name, (children, key) in zip(path, (("evses", "uid"), ("connectors", "id")), strict=False):
        rows: list[Object] = [] if found is None else found.get(children, [])
        found = next((one for one in rows if one[key].upper() == name.upper()), None)
    return found


def tariff(party: Party, now: datetime) -> Object:
    """0.42 EUR a kWh, plus VAT."""
    component = {
        "type": "ENERGY",
        "price": float(ENERGY_PRICE),
        "vat": float(VAT_PERCENT),
        "step_size": 1,
    }
    return {
        **party.owner,
        "id": TARIFF_ID,
        "currency": CURRENCY,
        "type": "REGULAR",
        "elements": [{"price_components": [component]}],
        "last_updated": time_text(now),
    }


@dataclass
class Charge:
    """A car of somebody else's customer at one of the operator's EVSEs."""

    id: str
    token: Object
    location: Object
    evse: Object
    started_at: datetime
    ends_at: datetime
    auth_method: str
    reference: str = ""
    told_at: datetime | None = None
    stops: bool = field(default=False)

    def energy_kwh(self, now: datetime) -> Decimal:
        """11 kW from the start to now, or to the end; its meter counts whole Wh."""
        seconds = Decimal(str((min(now, self.ends_at) - self.started_at).total_seconds()))
        return (POWER_KW * seconds / 3600).quantize(_WH, ROUND_HALF_UP)

    def _dimensions(self, now: datetime) -> list[Object]:
        period = {
            "start_date_time": time_text(self.started_at),
            "dimensions": [{"type": "ENERGY", "volume": float(self.energy_kwh(now))}],
            "tariff_id": TARIFF_ID,
        }
        return [period]

    def _token(self) -> Object:
        names = ("country_code", "party_id", "uid", "type", "contract_id")
        return {name: self.token[name] for name in names}

    def cost(self, now: datetime) -> Object:
        """What it costs so far."""
        excl = _rounded(self.energy_kwh(now) * ENERGY_PRICE)
        return {
            "excl_vat": float(excl),
            "incl_vat": float(_rounded(excl * (1 + VAT_PERCENT / 100))),
        }

    def session(self, party: Party, now: datetime) -> Object:
        """The Session (§9.3.1)."""
        is_over = now >= self.ends_at
        told = {
            **party.owner,
            "id": self.id,
            "start_date_time": time_text(self.started_at),
            "kwh": float(self.energy_kwh(now)),
            "cdr_token": self._token(),
            "auth_method": self.auth_method,
            "location_id": self.location["id"],
            "evse_uid": self.evse["uid"],
            "connector_id": "1",
            "currency": CURRENCY,
            "charging_periods": self._dimensions(now),
            "total_cost": self.cost(now),
            "status": "COMPLETED" if is_over else "ACTIVE",
            "last_updated": time_text(now),
        }
        if is_over:
            told["end_date_time"] = time_text(self.ends_at)
        if self.reference:
            told["authorization_reference"] = self.reference
        return told

    def cdr(self, party: Party, price: Object, now: datetime) -> Object:
        """The CDR (§10.3.1)."""
        hours = Decimal(str((self.ends_at - self.started_at).total_seconds())) / 3600
        place, cost = self.location, self.cost(now)
        told = {
            **party.owner,
            "id": f"CDR-{self.id}",
            "session_id": self.id,
            "start_date_time": time_text(self.started_at),
            "end_date_time": time_text(self.ends_at),
            "cdr_token": self._token(),
            "auth_method": self.auth_method,
            "cdr_location": {
                "id": place["id"],
                "name": place["name"],
                "address": place["address"],
                "city": place["city"],
                "country": place["country"],
                "coordinates": place["coordinates"],
                "evse_uid": self.evse["uid"],
                "evse_id": self.evse["evse_id"],
                "connector_id": "1",
                "connector_standard": "IEC_62196_T2",
                "connector_format": "SOCKET",
                "connector_power_type": "AC_3_PHASE",
            },
            "currency": CURRENCY,
            "tariffs": [price],
            "charging_periods": self._dimensions(now),
            "total_cost": cost,
            "total_energy_cost": cost,
            "total_energy": float(self.energy_kwh(now)),
            "total_time": float(_rounded(hours)),
            "last_updated": time_text(now),
        }
        if self.reference:
            told["authorization_reference"] = self.reference
        return told


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_CENT, ROUND_HALF_UP)
