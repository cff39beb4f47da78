"""The objects of OCPI 2.1.1. Chapters are those of its Markdown files.

What is the same in 2.2.1 is in `apps.ocpi.objects` and is named here once more. Objects of 2.1.1 do
not say whose they are: the address does. Two mends:

- A price of a tariff is read when it is a text of digits, as in the specification's own example of
  a CDR.
- `authorization_id` is an addition of GIREVE; it is the `authorization_reference` of 2.2.

Identifiers of up to 39 characters are allowed; those of more than 36 are refused, since no later
version can say them.
"""

from typing import Annotated, Literal

from apps.ocpi.objects.fields import (
    Ci48,
    CountryCode,
    CredentialsToken,
    Currency,
    DateTime,
    HourMinute,
    Id36,
    Int,
    LocalDate,
    Number,
    NumberOrText,
    PartyId,
    Prose255,
    Some,
    Str2,
    Str3,
    Str4,
    Str10,
    Str16,
    Str45,
    Str64,
    Str255,
    Term,
    Url,
    Wire,
)
from apps.ocpi.objects.places import (
    AdditionalGeoLocation,
    BusinessDetails,
    DisplayText,
    EnergySource,
    ExceptionalPeriod,
    GeoLocation,
    Image,
    RegularHours,
    StatusSchedule,
)
from apps.ocpi.objects.talk import StopSession, UnlockConnector, Version
from apps.ocpi.objects.terms import (
    AllowedType,
    ConnectorFormat,
    DayOfWeek,
    Status,
    TariffDimensionType,
    WhitelistType,
)

AuthMethod = Literal["AUTH_REQUEST", "WHITELIST"]
CdrDimensionType = Literal["ENERGY", "FLAT", "MAX_CURRENT", "MIN_CURRENT", "PARKING_TIME", "TIME"]
CommandResponseType = Literal["NOT_SUPPORTED", "REJECTED", "ACCEPTED", "TIMEOUT", "UNKNOWN_SESSION"]
PowerType = Literal["AC_1_PHASE", "AC_3_PHASE", "DC"]
SessionStatus = Literal["ACTIVE", "COMPLETED", "INVALID", "PENDING"]
TokenType = Literal["OTHER", "RFID"]


class Credentials(Wire, kw_only=True):
    """credentials 2.1."""

    token: CredentialsToken
    url: Url
    business_details: BusinessDetails
    party_id: PartyId
    country_code: CountryCode


class Endpoint(Wire, kw_only=True):
    """version_information_endpoint: one address a module, whatever the role."""

    identifier: Term
    url: Url


class VersionDetails(Wire, kw_only=True):
    """version_information_endpoint."""

    version: Term
    endpoints: Annotated[list[Endpoint], Some]


class EnvironmentalImpact(Wire, kw_only=True):
    """mod_locations 4.8. Grams per kWh."""

    source: Term
    amount: Number


class EnergyMix(Wire, kw_only=True):
    """mod_locations 4.5."""

    is_green_energy: bool
    energy_sources: list[EnergySource] | None = None
    environ_impact: list[EnvironmentalImpact] | None = None
    supplier_name: Str64 | None = None
    energy_product_name: Str64 | None = None


class Hours(Wire, kw_only=True):
    """mod_locations 4.13: one of the first two."""

    twentyfourseven: bool | None = None
    regular_hours: list[RegularHours] | None = None
    exceptional_openings: list[ExceptionalPeriod] | None = None
    exceptional_closings: list[ExceptionalPeriod] | None = None


class Connector(Wire, kw_only=True):
    """mod_locations 3.3. V, A."""

    id: Id36
    standard: Term
    format: ConnectorFormat
    power_type: PowerType
    voltage: Int
    amperage: Int
    last_updated: DateTime
    tariff_id: Id36 | None = None
    terms_and_conditions: Url | None = None


class Evse(Wire, kw_only=True):
    """mod_locations 3.2."""

    uid: Id36
    status: Status
    connectors: Annotated[list[Connector], Some]
    last_updated: DateTime
    evse_id: Ci48 | None = None
    status_schedule: list[StatusSchedule] | None = None
    capabilities: list[Term] | None = None
    floor_level: Str4 | None = None
    coordinates: GeoLocation | None = None
    physical_reference: Str16 | None = None
    directions: list[DisplayText] | None = None
    parking_restrictions: list[Term] | None = None
    images: list[Image] | None = None


class Location(Wire, kw_only=True):
    """mod_locations 3.1."""

    id: Id36
    type: Term
    address: Str45
    city: Str45
    postal_code: Str10
    country: Str3
    coordinates: GeoLocation
    last_updated: DateTime
    name: Str255 | None = None
    related_locations: list[AdditionalGeoLocation] | None = None
    evses: list[Evse] | None = None
    directions: list[DisplayText] | None = None
    operator: BusinessDetails | None = None
    suboperator: BusinessDetails | None = None
    owner: BusinessDetails | None = None
    facilities: list[Term] | None = None
    time_zone: Str255 | None = None
    opening_times: Hours | None = None
    charging_when_closed: bool | None = None
    images: list[Image] | None = None
    energy_mix: EnergyMix | None = None


class CdrDimension(Wire, kw_only=True):
    """mod_cdrs 4.2."""

    type: CdrDimensionType
    volume: Number


class ChargingPeriod(Wire, kw_only=True):
    """mod_cdrs 4.4."""

    start_date_time: DateTime
    dimensions: Annotated[list[CdrDimension], Some]


class Session(Wire, kw_only=True):
    """mod_sessions 3.1. kWh."""

    id: Id36
    start_datetime: DateTime
    kwh: Number
    auth_id: Id36
    auth_method: AuthMethod
    location: Location
    currency: Currency
    status: SessionStatus
    last_updated: DateTime
    end_datetime: DateTime | None = None
    meter_id: Str255 | None = None
    charging_periods: list[ChargingPeriod] | None = None
    total_cost: Number | None = None
    authorization_id: Id36 | None = None


class PriceComponent(Wire, kw_only=True):
    """mod_tariffs 4.2, without VAT."""

    type: TariffDimensionType
    price: NumberOrText
    step_size: Int


class Restrictions(Wire, kw_only=True):
    """mod_tariffs 4.5. kWh, kW, seconds."""

    start_time: HourMinute | None = None
    end_time: HourMinute | None = None
    start_date: LocalDate | None = None
    end_date: LocalDate | None = None
    min_kwh: Number | None = None
    max_kwh: Number | None = None
    min_power: Number | None = None
    max_power: Number | None = None
    min_duration: Int | None = None
    max_duration: Int | None = None
    day_of_week: list[DayOfWeek] | None = None


class TariffElement(Wire, kw_only=True):
    """mod_tariffs 4.3."""

    price_components: Annotated[list[PriceComponent], Some]
    restrictions: Restrictions | None = None


class Tariff(Wire, kw_only=True):
    """mod_tariffs 3.1."""

    id: Id36
    currency: Currency
    elements: Annotated[list[TariffElement], Some]
    last_updated: DateTime
    tariff_alt_text: list[DisplayText] | None = None
    tariff_alt_url: Url | None = None
    energy_mix: EnergyMix | None = None


class Cdr(Wire, kw_only=True):
    """mod_cdrs 3.1. kWh, hours; the cost is without VAT."""

    id: Id36
    start_date_time: DateTime
    stop_date_time: DateTime
    auth_id: Id36
    auth_method: AuthMethod
    location: Location
    currency: Currency
    charging_periods: Annotated[list[ChargingPeriod], Some]
    total_cost: Number
    total_energy: Number
    total_time: Number
    last_updated: DateTime
    meter_id: Str255 | None = None
    tariffs: list[Tariff] | None = None
    total_parking_time: Number | None = None
    remark: Prose255 | None = None
    authorization_id: Id36 | None = None


class Token(Wire, kw_only=True):
    """mod_tokens 3.2."""

    uid: Id36
    type: TokenType
    auth_id: Id36
    issuer: Str64
    valid: bool
    whitelist: WhitelistType
    last_updated: DateTime
    visual_number: Str64 | None = None
    language: Str2 | None = None


class LocationReferences(Wire, kw_only=True):
    """mod_tokens 4.2."""

    location_id: Id36
    evse_uids: list[Id36] | None = None
    connector_ids: list[Id36] | None = None


class AuthorizationInfo(Wire, kw_only=True):
    """mod_tokens 3.1."""

    allowed: AllowedType
    location: LocationReferences | None = None
    info: DisplayText | None = None
    authorization_id: Id36 | None = None


class StartSession(Wire, kw_only=True):
    """mod_commands 3.3."""

    response_url: Url
    token: Token
    location_id: Id36
    evse_uid: Id36 | None = None
    authorization_id: Id36 | None = None


class ReserveNow(Wire, kw_only=True):
    """mod_commands 3.2."""

    response_url: Url
    token: Token
    expiry_date: DateTime
    reservation_id: Int
    location_id: Id36
    evse_uid: Id36 | None = None


class CommandResponse(Wire, kw_only=True):
    """mod_commands 3.1: the CPO's answer at once."""

    result: CommandResponseType


class CommandResult(Wire, kw_only=True):
    """The station's answer: a CommandResponse too in 2.1.1 (mod_commands 2.2)."""

    result: CommandResponseType


__all__ = [
    "AdditionalGeoLocation",
    "AuthorizationInfo",
    "BusinessDetails",
    "Cdr",
    "CdrDimension",
    "ChargingPeriod",
    "CommandResponse",
    "CommandResult",
    "Connector",
    "Credentials",
    "DisplayText",
    "Endpoint",
    "EnergyMix",
    "EnvironmentalImpact",
    "Evse",
    "Hours",
    "Image",
    "Location",
    "LocationReferences",
    "PriceComponent",
    "ReserveNow",
    "Restrictions",
    "Session",
    "StartSession",
    "StopSession",
    "Tariff",
    "TariffElement",
    "Token",
    "UnlockConnector",
    "Version",
    "VersionDetails",
]
