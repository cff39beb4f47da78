"""The objects of OCPI 2.3.0 (core): also the model inside. Numbers of sections are of 2.3.0.

What versions share is in `apps.ocpi.objects` and is named here once more.
"""

from typing import Annotated

from apps.ocpi.objects.charging import (
    ActiveChargingProfile,
    ActiveChargingProfileResult,
    CdrDimension,
    CdrLocation,
    CdrTokenBase,
    ChargingPeriod,
    ChargingPreferences,
    ChargingProfile,
    ChargingProfilePeriod,
    ChargingProfileResponse,
    ChargingProfileResult,
    ClearProfileResult,
    EnergyContract,
    PriceComponent,
    SetChargingProfile,
    SignedData,
    SignedValue,
    TariffElement,
    TariffRestrictions,
)
from apps.ocpi.objects.fields import (
    Ci25,
    Ci36,
    Ci255,
    CountryCode,
    CredentialsToken,
    Currency,
    DateTime,
    HubPartyId,
    Id36,
    Id39,
    Number,
    PartyId,
    Prose255,
    Some,
    Str12,
    Str50,
    Str255,
    Term,
    Url,
    Wire,
)
from apps.ocpi.objects.places import (
    AdditionalGeoLocation,
    BusinessDetails,
    ConnectorBase,
    DisplayText,
    EnergyMix,
    EnergySource,
    EnvironmentalImpact,
    EvseBase,
    ExceptionalPeriod,
    GeoLocation,
    Hours,
    Image,
    LocationBase,
    LocationReferences,
    RegularHours,
    StatusSchedule,
)
from apps.ocpi.objects.talk import (
    AuthorizationInfoBase,
    CancelReservation,
    ClientInfo,
    CommandResponse,
    CommandResult,
    CredentialsRole,
    Endpoint,
    PublishTokenTypeBase,
    ReserveNowBase,
    StartSessionBase,
    StopSession,
    TokenBase,
    UnlockConnector,
    Version,
)
from apps.ocpi.objects.terms import (
    AuthMethod,
    EvsePosition,
    ParkingDirection,
    SessionStatus,
    TariffType,
    TaxIncluded,
)


class Credentials(Wire, kw_only=True):
    """§7.3.1. `hub_party_id` is country code and party id in one, such as FR007."""

    token: CredentialsToken
    url: Url
    roles: Annotated[list[CredentialsRole], Some]
    hub_party_id: HubPartyId | None = None


class VersionDetails(Wire, kw_only=True):
    """§6.2.1."""

    version: Term
    endpoints: Annotated[list[Endpoint], Some]


class PublishTokenType(PublishTokenTypeBase, kw_only=True):
    """§8.4.24."""

    type: Term | None = None


class Connector(ConnectorBase, kw_only=True):
    """§8.3.3."""

    capabilities: list[Term] | None = None


class EvseParking(Wire, kw_only=True):
    """§8.4.10."""

    parking_id: Id36
    evse_position: EvsePosition | None = None


class Evse(EvseBase, kw_only=True):
    """§8.3.2."""

    connectors: Annotated[list[Connector], Some]
    parking: list[EvseParking] | None = None
    accepted_service_providers: list[Str50] | None = None


class Parking(Wire, kw_only=True):
    """A parking place: kg, cm, minutes (§8.3.4)."""

    id: Id36
    vehicle_types: Annotated[list[Term], Some]
    restricted_to_type: bool
    reservation_required: bool
    physical_reference: Str12 | None = None
    max_vehicle_weight: Number | None = None
    max_vehicle_height: Number | None = None
    max_vehicle_length: Number | None = None
    max_vehicle_width: Number | None = None
    parking_space_length: Number | None = None
    parking_space_width: Number | None = None
    dangerous_goods_allowed: bool | None = None
    direction: ParkingDirection | None = None
    drive_through: bool | None = None
    time_limit: Number | None = None
    roofed: bool | None = None
    images: list[Image] | None = None
    lighting: bool | None = None
    refrigeration_outlet: bool | None = None
    standards: list[Ci36] | None = None
    apds_reference: Ci255 | None = None


class Location(LocationBase, kw_only=True):
    """§8.3.1."""

    publish_allowed_to: list[PublishTokenType] | None = None
    evses: list[Evse] | None = None
    parking_places: list[Parking] | None = None
    help_phone: Ci25 | None = None


class TaxAmount(Wire, kw_only=True):
    """`percentage` in percent, `amount` in the currency of the object (§17.7)."""

    name: Str255
    amount: Number
    account_number: Str255 | None = None
    percentage: Number | None = None


class Price(Wire, kw_only=True):
    """`taxes` None: nothing is said about taxes; []: there are none (§17.6)."""

    before_taxes: Number
    taxes: list[TaxAmount] | None = None


class PriceLimit(Wire, kw_only=True):
    """§11.4.3."""

    before_taxes: Number
    after_taxes: Number | None = None


class CdrToken(CdrTokenBase, kw_only=True):
    """§10.4.5."""

    type: Term


class Session(Wire, kw_only=True):
    """§9.3.1."""

    country_code: CountryCode
    party_id: PartyId
    id: Id36
    start_date_time: DateTime
    kwh: Number
    cdr_token: CdrToken
    auth_method: AuthMethod
    location_id: Id36
    evse_uid: Id36
    connector_id: Id36
    currency: Currency
    status: SessionStatus
    last_updated: DateTime
    end_date_time: DateTime | None = None
    authorization_reference: Id36 | None = None
    meter_id: Str255 | None = None
    charging_periods: list[ChargingPeriod] | None = None
    total_cost: Price | None = None


class Tariff(Wire, kw_only=True):
    """§11.3.1."""

    country_code: CountryCode
    party_id: PartyId
    id: Id36
    currency: Currency
    elements: Annotated[list[TariffElement], Some]
    tax_included: TaxIncluded
    last_updated: DateTime
    type: TariffType | None = None
    tariff_alt_text: list[DisplayText] | None = None
    tariff_alt_url: Url | None = None
    min_price: PriceLimit | None = None
    max_price: PriceLimit | None = None
    start_date_time: DateTime | None = None
    end_date_time: DateTime | None = None
    energy_mix: EnergyMix | None = None


class Cdr(Wire, kw_only=True):
    """kWh and hours (§10.3.1)."""

    country_code: CountryCode
    party_id: PartyId
    id: Id39
    start_date_time: DateTime
    end_date_time: DateTime
    cdr_token: CdrToken
    auth_method: AuthMethod
    cdr_location: CdrLocation
    currency: Currency
    charging_periods: Annotated[list[ChargingPeriod], Some]
    total_cost: Price
    total_energy: Number
    total_time: Number
    last_updated: DateTime
    session_id: Id36 | None = None
    authorization_reference: Id36 | None = None
    meter_id: Str255 | None = None
    tariffs: list[Tariff] | None = None
    signed_data: SignedData | None = None
    total_fixed_cost: Price | None = None
    total_energy_cost: Price | None = None
    total_time_cost: Price | None = None
    total_parking_time: Number | None = None
    total_parking_cost: Price | None = None
    total_reservation_cost: Price | None = None
    remark: Prose255 | None = None
    invoice_reference_id: Id39 | None = None
    credit: bool | None = None
    credit_reference_id: Id39 | None = None
    home_charging_compensation: bool | None = None


class Token(TokenBase, kw_only=True):
    """§12.3.2."""

    type: Term


class AuthorizationInfo(AuthorizationInfoBase, kw_only=True):
    """§12.3.1."""

    token: Token


class StartSession(StartSessionBase, kw_only=True):
    """§13.3.5."""

    token: Token


class ReserveNow(ReserveNowBase, kw_only=True):
    """§13.3.4."""

    token: Token


__all__ = [
    "ActiveChargingProfile",
    "ActiveChargingProfileResult",
    "AdditionalGeoLocation",
    "AuthorizationInfo",
    "BusinessDetails",
    "CancelReservation",
    "Cdr",
    "CdrDimension",
    "CdrLocation",
    "CdrToken",
    "ChargingPeriod",
    "ChargingPreferences",
    "ChargingProfile",
    "ChargingProfilePeriod",
    "ChargingProfileResponse",
    "ChargingProfileResult",
    "ClearProfileResult",
    "ClientInfo",
    "CommandResponse",
    "CommandResult",
    "Connector",
    "Credentials",
    "CredentialsRole",
    "DisplayText",
    "Endpoint",
    "EnergyContract",
    "EnergyMix",
    "EnergySource",
    "EnvironmentalImpact",
    "Evse",
    "EvseParking",
    "ExceptionalPeriod",
    "GeoLocation",
    "Hours",
    "Image",
    "Location",
    "LocationReferences",
    "Parking",
    "Price",
    "PriceComponent",
    "PriceLimit",
    "PublishTokenType",
    "RegularHours",
    "ReserveNow",
    "Session",
    "SetChargingProfile",
    "SignedData",
    "SignedValue",
    "StartSession",
    "StatusSchedule",
    "StopSession",
    "Tariff",
    "TariffElement",
    "TariffRestrictions",
    "TaxAmount",
    "Token",
    "UnlockConnector",
    "Version",
    "VersionDetails",
]
