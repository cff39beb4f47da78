"""What stands on the two demo islands: devices, charging stations and cars with their places.

Standard library only and cheap to import: the demo seed and the tests read it too.
"""

import hashlib
import hmac
import json
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "island"
_OPERATORS = ("guadeloupe", "martinique")
ROAMING_COUNTRY = "FR"
ROAMING_PARTIES = {
    "emsp": ("EMSP", "KRB", "Karib Mobility"),
    "cpo": ("CPO", "RAN", "Réseau Antilles"),
}
"""The roaming partners of each island: kind -> role, party id and name."""


@dataclass(frozen=True)
class IslandDevice:
    """One simulated device on its own Modbus TCP port; `port_offset` is 0-19."""

    code: str
    kind: str
    name: str
    commune: str
    latitude: float
    longitude: float
    port_offset: int
    rated_power_kw: float
    unit_id: int = 1
    capacity_kwh: float | None = None
    initial_soc_percent: float | None = None
    soc_min_percent: float | None = None
    soc_max_percent: float | None = None
    charging_efficiency: float | None = None
    discharging_efficiency: float | None = None


@dataclass(frozen=True)
class IslandStation:
    """One simulated charging station with a fixed Type 2 cable on each EVSE."""

    station_id: str
    name: str
    commune: str
    latitude: float
    longitude: float
    rated_power_kw: float = 22.0
    evses: int = 1
    connector_type: str = "cType2"


@dataclass(frozen=True)
class IslandCar:
    """One simulated electric car; its driver holds the RFID card `id_token`."""

    id_token: str
    capacity_kwh: float
    max_power_kw: float


@dataclass(frozen=True)
class Island:
    """The demo assets of one operator; `index` places its devices in the port range."""

    operator: str
    name: str
    time_zone: str
    country_code: str
    index: int
    latitude: float
    longitude: float
    devices: tuple[IslandDevice, ...]
    stations: tuple[IslandStation, ...]
    cars: tuple[IslandCar, ...]


def operators() -> tuple[str, ...]:
    """The schema names of the demo operators, in the order of their ports."""
    return _OPERATORS


@cache
def load_island(operator: str) -> Island:
    """The island of one operator; ValueError when there is none of that name."""
    if operator not in _OPERATORS:
        raise ValueError(f"no demo island named {operator!r}")
    document: dict[str, Any] = json.loads((_FOLDER / f"{operator}.json").read_text("utf-8"))
    document["devices"] = tuple(IslandDevice(**entry) for entry in document["devices"])
    document["stations"] = tuple(IslandStation(**entry) for entry in document["stations"])
    document["cars"] = tuple(IslandCar(**entry) for entry in document["cars"])
    return Island(**document)


def device_seed(operator: str, code: str) -> int:
    """What makes one device differ from the next: its clouds, its counters, its noise."""
    return zlib.crc32(f"{operator}/{code}".encode())


def station_password(secret: str, operator: str, station_id: str) -> str:
    """The HTTP Basic password of a demo station, derived from CARIFLEX_DEMO_SECRET."""
    return _derived(secret, f"station/{operator}/{station_id}")[:24]


def roaming_invitation(secret: str, operator: str, kind: str) -> str:
    """The token with which a demo partner (ROAMING_PARTIES) registers at an operator."""
    return _derived(secret, f"roaming/{operator}/{kind}")[:48]


def user_password(secret: str) -> str:
    """The password that all demo users share, derived from CARIFLEX_DEMO_SECRET."""
    return _derived(secret, "demo-user")[:12]


def _derived(secret: str, purpose: str) -> str:
    return hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()
