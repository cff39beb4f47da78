"""The objects of OCPI 2.2.1. Numbers of sections are of 2.2.1.

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
    CountryCode,
    CredentialsToken,
    Currency,
    DateTime,
    Id36,
    Id39,
    Number,
    PartyId,
    Prose255,
    Some,
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
    SessionStatus,
    TariffType,
    TokenType,
)


class Credentials(Wire, kw_only=True):
    """§7.3.1."""

    token: CredentialsToken
    url: Url
    roles: Annotated[list[CredentialsRole], Some]


class VersionDetails(Wire, kw_only=True):
    """§6.2.1."""

    version: Term
    endpoints: Annotated[list[Endpoint], Some]


class PublishTokenType(PublishTokenTypeBase, kw_only=True):
    """§8.4.20."""

    type: TokenType | None = None


class Connector(ConnectorBase, kw_only=True):
    """§8.3.3."""


class Evse(EvseBase, kw_only=True):
    """§8.3.2."""

    connectors: Annotated[list[Connector], Some]


class Location(LocationBase, kw_only=True):
    """§8.3.1."""

    publish_allowed_to: list[PublishTokenType] | None = None
    evses: list[Evse] | None = None


class Price(Wire, kw_only=True):
    """§17.5."""

    excl_vat: Number
    incl_vat: Number | None = None


class CdrToken(CdrTokenBase, kw_only=True):
    """§10.4.5."""

    type: TokenType


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
    last_updated: DateTime
    type: TariffType | None = None
    tariff_alt_text: list[DisplayText] | None = None
    tariff_alt_url: Url | None = None
    min_price: Price | None = None
    max_price: Price | None = None
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

    type: TokenType


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
    "ExceptionalPeriod",
    "GeoLocation",
    "Hours",
    "Image",
    "Location",
    "LocationReferences",
    "Price",
    "PriceComponent",
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
    "Token",
    "UnlockConnector",
    "Version",
    "VersionDetails",
]
