"""From inside to 2.1.1; what is lost: see `mapping`."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from apps.ocpi.objects import charging, places, talk
from apps.ocpi.objects.context import Context
from apps.ocpi.objects.errors import WireError
from apps.ocpi.objects.recast import each, known, opt, recast
from apps.ocpi.objects.words import (
    CAPABILITIES_2_1_1,
    FACILITIES_2_1_1,
    PARKING_TYPES_2_1_1,
    RESTRICTIONS_2_2_1,
)
from apps.ocpi.v2_1_1 import schemas as old
from apps.ocpi.v2_1_1.mapping_up import NA, interface_roles
from apps.ocpi.v2_2_1.mapping import business_down, energy_mix_down, image_down, net_elements
from apps.ocpi.v2_3_0 import schemas as new

_LONGEST_ADDRESS = 45
_LONGEST_REMARK = 255
_MODULES = frozenset(
    {"cdrs", "commands", "credentials", "locations", "sessions", "tariffs", "tokens"}
)
_POWER = {"AC_2_PHASE": "AC_1_PHASE", "AC_2_PHASE_SPLIT": "AC_1_PHASE"}
_DIMENSIONS = frozenset({"ENERGY", "MAX_CURRENT", "MIN_CURRENT", "PARKING_TIME", "TIME"})
_RESULTS = frozenset({"ACCEPTED", "NOT_SUPPORTED", "REJECTED", "TIMEOUT"})
_OURS = {"CPO": "EMSP", "EMSP": "CPO"}
"""Our role, by the partner's."""


def _power(word: str) -> Any:
    return _POWER.get(word, word)


def _connector(connector: new.Connector, context: Context) -> old.Connector:
    return recast(
        connector,
        old.Connector,
        power_type=_power(connector.power_type),
        voltage=connector.max_voltage,
        amperage=connector.max_amperage,
        tariff_id=connector.tariff_ids[0] if connector.tariff_ids else None,
    )


def _evse(evse: new.Evse, context: Context) -> old.Evse:
    return recast(
        evse,
        old.Evse,
        connectors=[_connector(one, context) for one in evse.connectors],
        capabilities=known(evse.capabilities, CAPABILITIES_2_1_1),
        parking_restrictions=known(evse.parking_restrictions, RESTRICTIONS_2_2_1),
        images=each(image_down, evse.images),
    )


def _energy_mix(mix: places.EnergyMix) -> old.EnergyMix:
    mix = energy_mix_down(mix)
    return recast(
        mix,
        old.EnergyMix,
        environ_impact=each(
            lambda one: old.EnvironmentalImpact(source=one.category, amount=one.amount),
            mix.environ_impact,
        ),
    )


def _hours(hours: places.Hours) -> old.Hours:
    return recast(hours, old.Hours)


def _parking(word: str | None) -> str:
    if word is None:
        return "UNKNOWN"
    return word if word in PARKING_TYPES_2_1_1 else "OTHER"


def _location(location: new.Location, context: Context) -> old.Location:
    return recast(
        location,
        old.Location,
        type=_parking(location.parking_type),
        address=location.address[:_LONGEST_ADDRESS],
        postal_code=location.postal_code or "",
        evses=each(lambda evse: _evse(evse, context), location.evses),
        facilities=known(location.facilities, FACILITIES_2_1_1),
        images=each(image_down, location.images),
        operator=opt(business_down, location.operator),
        suboperator=opt(business_down, location.suboperator),
        owner=opt(business_down, location.owner),
        opening_times=opt(_hours, location.opening_times),
        energy_mix=opt(_energy_mix, location.energy_mix),
    )


def _period(period: charging.ChargingPeriod) -> old.ChargingPeriod:
    dimensions: list[old.CdrDimension] = [
        recast(one, old.CdrDimension) for one in period.dimensions if one.type in _DIMENSIONS
    ]
    nothing = [old.CdrDimension(type="TIME", volume=Decimal(0))]
    return old.ChargingPeriod(
        start_date_time=period.start_date_time, dimensions=dimensions or nothing
    )


def _auth_method(word: str) -> Any:
    return "AUTH_REQUEST" if word == "COMMAND" else word


def _one_evse(
    context: Context, location_id: str, evse_uid: str, connector_id: str
) -> old.Location | None:
    """The known location with the EVSE and connector of a session alone."""
    location = context.location
    if location is None or location.id.upper() != location_id.upper():
        return None
    for evse in location.evses or ():
        if evse.uid.upper() == evse_uid.upper():
            connectors = [one for one in evse.connectors if one.id.upper() == connector_id.upper()]
            whole = _location(location, context)
            whole.evses = [_evse(evse, context)]
            whole.evses[0].connectors = [
                _connector(one, context) for one in connectors or evse.connectors
            ]
            return whole
    return _location(location, context)


def _session_location(session: new.Session, context: Context) -> old.Location:
    found = _one_evse(context, session.location_id, session.evse_uid, session.connector_id)
    return found or old.Location(
        id=session.location_id,
        type="UNKNOWN",
        address=NA,
        city=NA,
        postal_code="",
        country=NA,
        coordinates=places.GeoLocation(latitude="0.00000", longitude="0.00000"),
        last_updated=session.last_updated,
    )


def _cdr_location(cdr: new.Cdr, context: Context) -> old.Location:
    place = cdr.cdr_location
    found = _one_evse(context, place.id, place.evse_uid, place.connector_id)
    if found is not None:
        return found
    connector = old.Connector(
        id=place.connector_id,
        standard=place.connector_standard,
        format=place.connector_format,
        power_type=_power(place.connector_power_type),
        voltage=0,
        amperage=0,
        last_updated=cdr.last_updated,
    )
    evse = old.Evse(
        uid=place.evse_uid,
        evse_id=place.evse_id,
        status="UNKNOWN",
        connectors=[connector],
        last_updated=cdr.last_updated,
    )
    return recast(
        place,
        old.Location,
        type="UNKNOWN",
        postal_code=place.postal_code or "",
        evses=[evse],
        last_updated=cdr.last_updated,
    )


def _session(session: new.Session, context: Context) -> old.Session:
    status: Any = "PENDING" if session.status == "RESERVATION" else session.status
    return recast(
        session,
        old.Session,
        start_datetime=session.start_date_time,
        end_datetime=session.end_date_time,
        auth_id=session.cdr_token.contract_id,
        auth_method=_auth_method(session.auth_method),
        location=_session_location(session, context),
        status=status,
        charging_periods=each(_period, session.charging_periods),
        total_cost=opt(lambda cost: cost.before_taxes, session.total_cost),
        authorization_id=session.authorization_reference,
    )


def _remark(cdr: new.Cdr) -> str | None:
    if not cdr.credit:
        return cdr.remark
    words = [f"Credit of CDR {cdr.credit_reference_id}.", cdr.remark or ""]
    return " ".join(words).strip()[:_LONGEST_REMARK]


def _cdr(cdr: new.Cdr, context: Context) -> old.Cdr:
    return recast(
        cdr,
        old.Cdr,
        stop_date_time=cdr.end_date_time,
        auth_id=cdr.cdr_token.contract_id,
        auth_method=_auth_method(cdr.auth_method),
        location=_cdr_location(cdr, context),
        charging_periods=[_period(one) for one in cdr.charging_periods],
        tariffs=each(lambda tariff: _tariff(tariff, context), cdr.tariffs),
        total_cost=cdr.total_cost.before_taxes,
        remark=_remark(cdr),
        authorization_id=cdr.authorization_reference,
    )


def _can_say(element: charging.TariffElement) -> bool:
    limits = element.restrictions
    return limits is None or (
        limits.reservation is None and limits.min_current is None and limits.max_current is None
    )


def _element(element: charging.TariffElement) -> old.TariffElement:
    return old.TariffElement(
        price_components=[recast(one, old.PriceComponent) for one in element.price_components],
        restrictions=opt(lambda limits: recast(limits, old.Restrictions), element.restrictions),
    )


def _tariff(tariff: new.Tariff, context: Context) -> old.Tariff:
    elements = [_element(element) for element in net_elements(tariff) if _can_say(element)]
    if not elements:
        raise WireError("elements", "2.1.1 has no tariffs for reservations or by current")
    return recast(
        tariff, old.Tariff, elements=elements, energy_mix=opt(_energy_mix, tariff.energy_mix)
    )


def _token(token: new.Token, context: Context) -> old.Token:
    kind: Any = "RFID" if token.type == "RFID" else "OTHER"
    return recast(token, old.Token, type=kind, auth_id=token.contract_id)


def _references(references: places.LocationReferences, context: Context) -> old.LocationReferences:
    return recast(references, old.LocationReferences)


def _authorization(info: new.AuthorizationInfo, context: Context) -> old.AuthorizationInfo:
    return recast(
        info,
        old.AuthorizationInfo,
        location=opt(lambda one: _references(one, context), info.location),
        authorization_id=info.authorization_reference,
    )


def _start(start: new.StartSession, context: Context) -> old.StartSession:
    return recast(
        start,
        old.StartSession,
        token=_token(start.token, context),
        authorization_id=start.authorization_reference,
    )


def _reserve(reserve: new.ReserveNow, context: Context) -> old.ReserveNow:
    text = reserve.reservation_id
    if not (text.isascii() and text.isdigit() and int(text) < 2**31):
        raise WireError("reservation_id", "a number of 32 bits in 2.1.1")
    return recast(
        reserve, old.ReserveNow, token=_token(reserve.token, context), reservation_id=int(text)
    )


def _response(response: talk.CommandResponse, context: Context) -> old.CommandResponse:
    return old.CommandResponse(result=response.result)


def _result(result: talk.CommandResult, context: Context) -> old.CommandResult:
    word: Any = result.result if result.result in _RESULTS else "REJECTED"
    return old.CommandResult(result=word)


def _credentials(credentials: new.Credentials, context: Context) -> old.Credentials:
    ours = _OURS.get(context.role)
    role = next((one for one in credentials.roles if one.role == ours), credentials.roles[0])
    return recast(
        credentials,
        old.Credentials,
        business_details=business_down(role.business_details),
        party_id=role.party_id,
        country_code=role.country_code,
    )


def _details(details: new.VersionDetails, context: Context) -> old.VersionDetails:
    """One address a module: that of our role towards the partner, else the first."""
    found: dict[str, str] = {}
    for one in details.endpoints:
        wanted = interface_roles(one.identifier, _OURS.get(context.role, "OTHER"))
        if one.identifier in _MODULES and one.role in wanted:
            found.setdefault(one.identifier, one.url)
    if not found:
        raise WireError("endpoints", "none of these modules is there in 2.1.1")
    endpoints = [old.Endpoint(identifier=name, url=url) for name, url in found.items()]
    return old.VersionDetails(version=details.version, endpoints=endpoints)


def _cancel(cancel: talk.CancelReservation, context: Context) -> Any:
    raise WireError("", "2.1.1 cannot cancel a reservation")


DOWN: dict[type, Callable[[Any, Context], Any]] = {
    new.AuthorizationInfo: _authorization,
    new.Cdr: _cdr,
    talk.CancelReservation: _cancel,
    talk.CommandResponse: _response,
    talk.CommandResult: _result,
    new.Connector: _connector,
    new.Credentials: _credentials,
    places.EnergyMix: lambda mix, context: _energy_mix(mix),
    new.Evse: _evse,
    places.Hours: lambda hours, context: _hours(hours),
    new.Location: _location,
    places.LocationReferences: _references,
    new.ReserveNow: _reserve,
    new.Session: _session,
    new.StartSession: _start,
    new.Tariff: _tariff,
    new.Token: _token,
    new.VersionDetails: _details,
}
