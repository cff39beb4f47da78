"""Our stations under the ids that partners know them by; ids compare without case (§16.1)."""

from dataclasses import dataclass

from apps.billing.ocpi_words import evse_uid, location_id
from apps.chargers.choices import ConnectorStatus, SessionState
from apps.chargers.models import ChargingStation, Connector, Evse, Session
from apps.ocpi.models import StationDetails

_OUT_OF_USE = frozenset({ConnectorStatus.UNAVAILABLE, ConnectorStatus.FAULTED})


@dataclass(frozen=True, slots=True)
class Place:
    """A location, with its EVSE and connector where they were named."""

    station: ChargingStation
    evse: Evse | None = None
    connector: Connector | None = None

    @property
    def location_id(self) -> str:
        return location_id(self.station.station_id)

    @property
    def evse_uid(self) -> str:
        """Empty when no EVSE is named."""
        return "" if self.evse is None else evse_uid(self.station.station_id, self.evse.evse_id)


def place_find(location: str, evse: str | None, connector: str | None) -> Place | None:
    """The place of these ids; None when one of them is unknown, or not told to partners."""
    stations = ChargingStation.objects.filter(station_id__istartswith=location).order_by("pk")
    found = next((one for one in stations if _same(location_id(one.station_id), location)), None)
    hidden = StationDetails.objects.filter(station=found, is_published=False)
    if found is None or hidden.exists():
        return None
    if not evse:
        return None if connector else Place(found)
    evses = found.evses.filter(evse_id__gt=0)
    meant = next(
        (one for one in evses if _same(evse_uid(found.station_id, one.evse_id), evse)), None
    )
    if meant is None:
        return None
    if not connector:
        return Place(found, meant)
    plugs = meant.connectors.all()
    plug = next((one for one in plugs if _same(str(one.connector_id), connector)), None)
    return None if plug is None else Place(found, meant, plug)


def session_at(evse: Evse) -> Session | None:
    """The session that goes on at an EVSE."""
    return Session.objects.filter(evse=evse, state=SessionState.ACTIVE).order_by("-pk").first()


def is_inoperative(evse: Evse) -> bool:
    """True when every connector of an EVSE is out of use, as far as the station told."""
    statuses = list(evse.connectors.values_list("status", flat=True))
    return bool(statuses) and all(one in _OUT_OF_USE for one in statuses)


def _same(one: str, other: str) -> bool:
    return one.upper() == other.upper()
