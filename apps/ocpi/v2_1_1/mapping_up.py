"""From 2.1.1 inside; what is unsaid: see `mapping`."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from apps.ocpi.objects import charging, places, talk
from apps.ocpi.objects.context import Context
from apps.ocpi.objects.errors import WireError
from apps.ocpi.objects.recast import each, opt, recast
from apps.ocpi.v2_1_1 import schemas as old
from apps.ocpi.v2_3_0 import schemas as new

NA = "#NA"
_EMA_ID = re.compile(r"([A-Za-z]{2})-?([A-Za-z0-9]{3})-?[A-Za-z0-9]")
_OWNED_BY_CPO = frozenset({"locations", "sessions", "cdrs", "tariffs"})
_NO_PARKING = frozenset({"OTHER", "UNKNOWN"})
_RESPONSES = {"TIMEOUT": "REJECTED"}
_RESULTS = {"UNKNOWN_SESSION": "FAILED"}


def _owner(context: Context) -> dict[str, str]:
    country_code, party_id = context.owner or ("", "")
    return {"country_code": country_code, "party_id": party_id}


def _cdr_token(auth_id: str, context: Context) -> new.CdrToken:
    found = _EMA_ID.match(auth_id)
    named = (found[1].upper(), found[2].upper()) if found else None
    country_code, party_id = context.emsp or named or context.owner or ("", "")
    return new.CdrToken(
        country_code=country_code, party_id=party_id, uid=NA, type="OTHER", contract_id=auth_id
    )


def _parking_type(word: str, context: Context) -> str | None:
    return None if word in _NO_PARKING else word


def _tariff_ids(tariff_id: str | None, context: Context) -> list[str] | None:
    return None if tariff_id is None else [tariff_id]


def _connector(connector: old.Connector, context: Context) -> new.Connector:
    return recast(
        connector,
        new.Connector,
        max_voltage=connector.voltage,
        max_amperage=connector.amperage,
        tariff_ids=_tariff_ids(connector.tariff_id, context),
    )


def _evse(evse: old.Evse, context: Context) -> new.Evse:
    return recast(evse, new.Evse, connectors=[_connector(one, context) for one in evse.connectors])


def _hours(hours: old.Hours, context: Context) -> places.Hours:
    return recast(hours, places.Hours, twentyfourseven=bool(hours.twentyfourseven))


def _energy_mix(mix: old.EnergyMix, context: Context) -> places.EnergyMix:
    return recast(
        mix,
        places.EnergyMix,
        environ_impact=each(
            lambda one: places.EnvironmentalImpact(category=one.source, amount=one.amount),
            mix.environ_impact,
        ),
    )


def _location(location: old.Location, context: Context) -> new.Location:
    return recast(
        location,
        new.Location,
        **_owner(context),
        publish=True,
        parking_type=_parking_type(location.type, context),
        time_zone=location.time_zone or context.time_zone,
        evses=each(lambda evse: _evse(evse, context), location.evses),
        opening_times=opt(lambda hours: _hours(hours, context), location.opening_times),
        energy_mix=opt(lambda mix: _energy_mix(mix, context), location.energy_mix),
    )


def _period(period: old.ChargingPeriod, context: Context) -> charging.ChargingPeriod:
    dimensions: list[charging.CdrDimension] = [
        recast(one, charging.CdrDimension) for one in period.dimensions if one.type != "FLAT"
    ]
    # A period has at least one dimension, and one of none says that nothing was used.
    nothing = [charging.CdrDimension(type="TIME", volume=Decimal(0))]
    return charging.ChargingPeriod(
        start_date_time=period.start_date_time, dimensions=dimensions or nothing
    )


def _place(location: old.Location) -> dict[str, str]:
    """The location, EVSE and connector of a session."""
    evse = location.evses[0] if location.evses else None
    return {
        "location_id": location.id,
        "evse_uid": evse.uid if evse else NA,
        "connector_id": evse.connectors[0].id if evse else NA,
    }


def _session(session: old.Session, context: Context) -> new.Session:
    return recast(
        session,
        new.Session,
        **_owner(context),
        **_place(session.location),
        start_date_time=session.start_datetime,
        end_date_time=session.end_datetime,
        cdr_token=_cdr_token(session.auth_id, context),
        charging_periods=each(lambda one: _period(one, context), session.charging_periods),
        total_cost=opt(lambda cost: new.Price(before_taxes=cost), session.total_cost),
        authorization_reference=session.authorization_id,
    )


def _cdr_location(location: old.Location) -> charging.CdrLocation:
    if not location.evses:
        raise WireError("location.evses", "required: the EVSE of the session", is_missing=True)
    evse = location.evses[0]
    connector = evse.connectors[0]
    return recast(
        location,
        charging.CdrLocation,
        evse_uid=evse.uid,
        evse_id=evse.evse_id or NA,
        connector_id=connector.id,
        connector_standard=connector.standard,
        connector_format=connector.format,
        connector_power_type=connector.power_type,
    )


def _cdr(cdr: old.Cdr, context: Context) -> new.Cdr:
    return recast(
        cdr,
        new.Cdr,
        **_owner(context),
        end_date_time=cdr.stop_date_time,
        cdr_token=_cdr_token(cdr.auth_id, context),
        cdr_location=_cdr_location(cdr.location),
        charging_periods=[_period(one, context) for one in cdr.charging_periods],
        tariffs=each(lambda tariff: _tariff(tariff, context), cdr.tariffs),
        total_cost=new.Price(before_taxes=cdr.total_cost),
        authorization_reference=cdr.authorization_id,
    )


def _element(element: old.TariffElement) -> charging.TariffElement:
    return charging.TariffElement(
        price_components=[recast(one, charging.PriceComponent) for one in element.price_components],
        restrictions=opt(
            lambda limits: recast(limits, charging.TariffRestrictions), element.restrictions
        ),
    )


def _tariff(tariff: old.Tariff, context: Context) -> new.Tariff:
    return recast(
        tariff,
        new.Tariff,
        **_owner(context),
        tax_included="NO",
        elements=[_element(element) for element in tariff.elements],
        energy_mix=opt(lambda mix: _energy_mix(mix, context), tariff.energy_mix),
    )


def _token(token: old.Token, context: Context) -> new.Token:
    return recast(token, new.Token, **_owner(context), contract_id=token.auth_id)


def _references(references: old.LocationReferences, context: Context) -> places.LocationReferences:
    return recast(references, places.LocationReferences)


def _authorization(info: old.AuthorizationInfo, context: Context) -> new.AuthorizationInfo:
    if context.token is None:
        raise WireError("token", "the token that was asked about is wanted", is_missing=True)
    return recast(
        info,
        new.AuthorizationInfo,
        token=context.token,
        location=opt(lambda one: _references(one, context), info.location),
        authorization_reference=info.authorization_id,
    )


def _start(start: old.StartSession, context: Context) -> new.StartSession:
    return recast(
        start,
        new.StartSession,
        token=_token(start.token, context),
        authorization_reference=start.authorization_id,
    )


def _reserve(reserve: old.ReserveNow, context: Context) -> new.ReserveNow:
    return recast(
        reserve,
        new.ReserveNow,
        token=_token(reserve.token, context),
        reservation_id=str(reserve.reservation_id),
    )


def _response(response: old.CommandResponse, context: Context) -> talk.CommandResponse:
    word: Any = _RESPONSES.get(response.result, response.result)
    return talk.CommandResponse(result=word, timeout=context.timeout_s)


def _result(result: old.CommandResult, context: Context) -> talk.CommandResult:
    word: Any = _RESULTS.get(result.result, result.result)
    return talk.CommandResult(result=word)


def _credentials(credentials: old.Credentials, context: Context) -> new.Credentials:
    role: Any = context.role
    party = talk.CredentialsRole(
        role=role,
        business_details=credentials.business_details,
        party_id=credentials.party_id,
        country_code=credentials.country_code,
    )
    return new.Credentials(token=credentials.token, url=credentials.url, roles=[party])


def interface_roles(identifier: str, role: str) -> tuple[Any, ...]:
    """Which interfaces of a module a party of the role has."""
    if identifier == "credentials":
        return ("SENDER",)
    if role == "CPO":
        return ("SENDER",) if identifier in _OWNED_BY_CPO else ("RECEIVER",)
    if role == "EMSP":
        return ("RECEIVER",) if identifier in _OWNED_BY_CPO else ("SENDER",)
    return ("SENDER", "RECEIVER")


def _details(details: old.VersionDetails, context: Context) -> new.VersionDetails:
    endpoints = [
        talk.Endpoint(identifier=one.identifier, role=role, url=one.url)
        for one in details.endpoints
        for role in interface_roles(one.identifier, context.role)
    ]
    return new.VersionDetails(version=details.version, endpoints=endpoints)


def _amount(value: Decimal | None, context: Context) -> new.Price | None:
    return opt(lambda cost: new.Price(before_taxes=cost), value)


def _as_it_is(value: Any, context: Context) -> Any:
    return value


def _place_of(location: old.Location, context: Context) -> dict[str, str]:
    return _place(location)


UP: dict[type, Callable[[Any, Context], Any]] = {
    old.AuthorizationInfo: _authorization,
    old.Cdr: _cdr,
    old.ChargingPeriod: _period,
    old.CommandResponse: _response,
    old.CommandResult: _result,
    old.Connector: _connector,
    old.Credentials: _credentials,
    old.EnergyMix: _energy_mix,
    old.Evse: _evse,
    old.Hours: _hours,
    old.Location: _location,
    old.LocationReferences: _references,
    old.ReserveNow: _reserve,
    old.Session: _session,
    old.StartSession: _start,
    old.Tariff: _tariff,
    old.TariffElement: lambda element, context: _element(element),
    old.Token: _token,
    old.VersionDetails: _details,
}

# The inside name, and the change of the value (None: by its type). An empty name: the value is a
# dict of inside fields.
FIELDS_UP: dict[str, dict[str, tuple[str, Callable[[Any, Context], Any] | None]]] = {
    "Connector": {
        "voltage": ("max_voltage", None),
        "amperage": ("max_amperage", None),
        "tariff_id": ("tariff_ids", _tariff_ids),
    },
    "Location": {
        "type": ("parking_type", _parking_type),
    },
    "Session": {
        "start_datetime": ("start_date_time", None),
        "end_datetime": ("end_date_time", None),
        "auth_id": ("cdr_token", _cdr_token),
        "location": ("", _place_of),
        "total_cost": ("total_cost", _amount),
        "authorization_id": ("authorization_reference", None),
    },
    "Token": {"auth_id": ("contract_id", _as_it_is)},
}
