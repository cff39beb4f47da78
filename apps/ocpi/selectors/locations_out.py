"""Our charging stations as locations (2.2.1 §8.3): one station is one location."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, Q, QuerySet

from apps.billing import ocpi_words
from apps.billing.selectors.tariffs import PriceQuestion, TariffBook
from apps.chargers.choices import (
    ConnectorStatus,
    RegistrationStatus,
    ReservationStatus,
    SessionState,
)
from apps.chargers.models import (
    ChargingStation,
    Connector,
    DeviceVariable,
    Evse,
    Reservation,
    Session,
)
from apps.ocpi.models import Party, StationDetails
from apps.tenants.context import current_operator
from cariflex.common.exact_json import exact_loads

_AC_VOLTS = 230  # line to neutral (2.2.1 §8.3.3: max_voltage)
_DC_VOLTS = {"CHADEMO": 500}
_DC_VOLTS_CCS = 920
# Battery voltages at which a DC charger gives its rated power.
_DC_NOMINAL_VOLTS, _DC_MOST_AMPS = 400, 500
_LONGEST_NAME, _LONGEST_ADDRESS = 255, 45
# (component, variable) of 2.x that say what a station can do (2.0.1 Part 2 appendix).
_RESERVES = ("ReservationCtrlr", "Enabled")
_PROFILES = ("SmartChargingCtrlr", "Enabled")
_FEATURES_16 = ("Configuration", "SupportedFeatureProfiles")
_TOLD = (_RESERVES, _PROFILES, _FEATURES_16)
_BY_CONNECTORS = (
    (ConnectorStatus.RESERVED, "RESERVED"),
    # A car stands there that is not being charged.
    (ConnectorStatus.OCCUPIED, "BLOCKED"),
    (ConnectorStatus.AVAILABLE, "AVAILABLE"),
    (ConnectorStatus.FAULTED, "OUTOFORDER"),
    (ConnectorStatus.UNAVAILABLE, "INOPERATIVE"),
)


@dataclass(frozen=True, slots=True)
class StationNow:
    """A location as it now is; no `last_updated` anywhere, which depends on what was before."""

    station_pk: int
    object_id: str
    is_published: bool
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is read for all stations together."""

    charging: frozenset[int]
    """Keys of EVSEs with a session in progress."""
    reserved: frozenset[tuple[int, int]]
    """(station, EVSE number) that are kept for somebody now."""
    features: Mapping[int, frozenset[str]]
    tariff_ids: Mapping[int, tuple[str, ...]]
    """By connector."""


def stations_now(
    *, party: Party, now: datetime, station_pks: Collection[int] | None = None
) -> list[StationNow]:
    """The stations asked for, or all, as locations of a party; 2.3.0 shape.

    At most ten queries, however many there are.
    """
    stations = list(_stations(station_pks))
    if not stations:
        return []
    facts = _facts(stations, now)
    return [_station_now(station, party, facts) for station in stations]


def evse_status(station: ChargingStation, evse: Evse, *, is_charging: bool, is_kept: bool) -> str:
    """Status of an EVSE (2.2.1 §8.4.22), from its connectors and its station's connection.

    Nothing is known of what is not connected. Of several connectors the one in use decides: an
    EVSE charges one car at a time.
    """
    if station.registration_status == RegistrationStatus.REJECTED:
        return "INOPERATIVE"
    if not station.is_online:
        return "UNKNOWN"
    if is_charging:
        return "CHARGING"
    found = {connector.status for connector in evse.connectors.all()}
    if is_kept and found & {ConnectorStatus.AVAILABLE, ConnectorStatus.RESERVED}:
        return "RESERVED"
    return next((word for status, word in _BY_CONNECTORS if status in found), "UNKNOWN")


def _stations(station_pks: Collection[int] | None) -> QuerySet[ChargingStation]:
    stations = ChargingStation.objects.select_related("site", "ocpi_details").prefetch_related(
        Prefetch("evses", Evse.objects.order_by("evse_id")),
        Prefetch("evses__connectors", Connector.objects.order_by("connector_id")),
    )
    if station_pks is not None:
        stations = stations.filter(pk__in=station_pks)
    return stations.order_by("pk")


def _facts(stations: Sequence[ChargingStation], now: datetime) -> _Facts:
    keys = [station.pk for station in stations]
    charging = Session.objects.filter(
        station_id__in=keys, state=SessionState.ACTIVE, evse__isnull=False
    ).values_list("evse_id", flat=True)
    reserved = Reservation.objects.filter(
        Q(station_id__in=keys, status=ReservationStatus.ACCEPTED, evse_number__isnull=False)
        & Q(starts_at__lte=now, expires_at__gt=now)
    ).values_list("station_id", "evse_number")
    return _Facts(
        charging=frozenset(pk for pk in charging if pk is not None),
        reserved=frozenset((station, evse) for station, evse in reserved if evse is not None),
        features=_features(keys),
        tariff_ids=_tariff_ids(stations, now),
    )


def _features(station_pks: Sequence[int]) -> dict[int, frozenset[str]]:
    """Capabilities that stations told, by station."""
    wanted = Q()
    for component, variable in _TOLD:
        wanted |= Q(component=component, variable=variable)
    found: dict[int, set[str]] = {}
    rows = DeviceVariable.objects.filter(
        wanted, station_id__in=station_pks, attribute="Actual"
    ).values_list("station_id", "component", "variable", "value")
    for station, component, variable, value in rows:
        has = found.setdefault(station, set())
        if (component, variable) == _FEATURES_16:
            profiles = {part.strip() for part in value.split(",")}
            has |= {"RESERVABLE"} if "Reservation" in profiles else set()
            has |= {"CHARGING_PROFILE_CAPABLE"} if "SmartCharging" in profiles else set()
        elif value.lower() == "true":
            has.add(
                "RESERVABLE" if (component, variable) == _RESERVES else "CHARGING_PROFILE_CAPABLE"
            )
    return {station: frozenset(has) for station, has in found.items()}


def _tariff_ids(stations: Iterable[ChargingStation], now: datetime) -> dict[int, tuple[str, ...]]:
    """Ids of the tariffs that hold for anybody at each connector: with a contract, and without."""
    questions = {
        connector.pk: PriceQuestion(
            connector=connector.pk, evse=evse.pk, station=station.pk, site=station.site_id
        )
        for station in stations
        for evse in station.evses.all()
        for connector in evse.connectors.all()
    }
    if not questions:
        return {}
    book = TariffBook(list(questions.values()), earliest=now, latest=now)
    found = {}
    for pk, asked in questions.items():
        ad_hoc = PriceQuestion(
            asked.connector, asked.evse, asked.station, asked.site, is_ad_hoc=True
        )
        choices = (book.choose(asked, at=now), book.choose(ad_hoc, at=now))
        codes = [one.version.tariff.code for one in choices if one.version is not None]
        found[pk] = tuple(dict.fromkeys(codes))
    return found


def _station_now(station: ChargingStation, party: Party, facts: _Facts) -> StationNow:
    details = _details(station)
    operator = current_operator()
    site = station.site
    name = station.name or station.station_id
    content: dict[str, Any] = {
        "country_code": party.country_code,
        "party_id": party.party_id,
        "id": ocpi_words.location_id(station.station_id),
        "publish": details.is_published,
        "name": name[:_LONGEST_NAME],
        "address": (details.address or name)[:_LONGEST_ADDRESS],
        "city": (details.city or station.commune or ocpi_words.NOT_AVAILABLE)[:_LONGEST_ADDRESS],
        "country": ocpi_words.country(operator.country_code),
        "coordinates": _coordinates(station),
        # An EVSE has at least one connector (2.2.1 §8.3.2): until it is told there is none.
        "evses": [
            _evse(station, evse, party, facts)
            for evse in station.evses.all()
            if evse.connectors.all()
        ],
        "operator": {"name": party.name},
        "time_zone": site.time_zone if site is not None else operator.time_zone,
    }
    if party.website:
        content["operator"]["website"] = party.website
    given = {
        "postal_code": details.postal_code,
        "parking_type": details.parking_type,
        "directions": details.directions,
        "suboperator": _named(details.suboperator_name),
        "owner": _named(details.owner_name),
        "facilities": details.facilities,
        "opening_times": details.opening_times,
        "images": details.images,
        # Shares are Decimals inside.
        "energy_mix": exact_loads(json.dumps(details.energy_mix)),
        "help_phone": details.help_phone,
    }
    content |= {field: value for field, value in given.items() if value}
    return StationNow(station.pk, content["id"], details.is_published, content)


def _details(station: ChargingStation) -> StationDetails:
    """Those of the station; those of one that nobody described."""
    found = getattr(station, "ocpi_details", None)
    return found if isinstance(found, StationDetails) else StationDetails(station=station)


def _named(name: str) -> dict[str, str]:
    return {"name": name} if name else {}


def _coordinates(station: ChargingStation) -> dict[str, str]:
    """Of the station, else of its site; 6 decimals are 11 cm (2.2.1 §8.4.13)."""
    site = station.site
    places = [(station.latitude, station.longitude)]
    if site is not None:
        places.append((site.latitude, site.longitude))
    latitude, longitude = next(
        ((lat, lon) for lat, lon in places if lat is not None and lon is not None), (0.0, 0.0)
    )
    return {"latitude": f"{latitude:.6f}", "longitude": f"{longitude:.6f}"}


def _evse(station: ChargingStation, evse: Evse, party: Party, facts: _Facts) -> dict[str, Any]:
    connectors = list(evse.connectors.all())
    has = {"REMOTE_START_STOP_CAPABLE", "RFID_READER", *facts.features.get(station.pk, ())}
    if any(ocpi_words.connector_format(one.type) == "SOCKET" for one in connectors):
        has.add("UNLOCK_CAPABLE")
    return {
        "uid": ocpi_words.evse_uid(station.station_id, evse.evse_id),
        "evse_id": ocpi_words.evse_id(
            party.country_code, party.party_id, station.station_id, evse.evse_id
        ),
        "status": evse_status(
            station,
            evse,
            is_charging=evse.pk in facts.charging,
            is_kept=(station.pk, evse.evse_id) in facts.reserved,
        ),
        "capabilities": sorted(has),
        "connectors": [_connector(station, one, facts) for one in connectors],
        "physical_reference": str(evse.evse_id),
    }


def _connector(station: ChargingStation, connector: Connector, facts: _Facts) -> dict[str, Any]:
    standard = ocpi_words.connector_standard(connector.type)
    power_type = ocpi_words.power_type(connector.type, station.rated_power_kw)
    power_w = round(station.rated_power_kw * 1000)
    if power_type == "DC":
        volts = _DC_VOLTS.get(standard, _DC_VOLTS_CCS)
        amps = min(_DC_MOST_AMPS, round(power_w / _DC_NOMINAL_VOLTS))
    else:
        phases = 3 if power_type == "AC_3_PHASE" else 1
        volts, amps = _AC_VOLTS, round(power_w / (_AC_VOLTS * phases))
    content: dict[str, Any] = {
        "id": str(connector.connector_id),
        "standard": standard,
        "format": ocpi_words.connector_format(connector.type),
        "power_type": power_type,
        "max_voltage": volts,
        "max_amperage": max(amps, 1),
        "max_electric_power": power_w,
    }
    if tariff_ids := facts.tariff_ids.get(connector.pk):
        content["tariff_ids"] = list(tariff_ids)
    return content
