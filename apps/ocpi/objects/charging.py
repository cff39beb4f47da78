"""Parts of sessions, CDRs, tariffs and charging profiles that versions share."""

from typing import Annotated

from apps.ocpi.objects.fields import (
    Ci32,
    Ci36,
    Ci48,
    CountryCode,
    DateTime,
    HourMinute,
    Id36,
    Int,
    LocalDate,
    Number,
    PartyId,
    Prose512,
    Prose5000,
    Some,
    Str3,
    Str10,
    Str20,
    Str45,
    Str64,
    Str255,
    Str512,
    Term,
    Url,
    Wire,
)
from apps.ocpi.objects.places import GeoLocation
from apps.ocpi.objects.terms import (
    CdrDimensionType,
    ChargingProfileResponseType,
    ChargingProfileResultType,
    ChargingRateUnit,
    ConnectorFormat,
    DayOfWeek,
    PowerType,
    ProfileType,
    ReservationRestrictionType,
    TariffDimensionType,
)


class CdrDimension(Wire, kw_only=True):
    """A volume in the unit of its type (2.2.1 §10.4.2)."""

    type: CdrDimensionType
    volume: Number


class ChargingPeriod(Wire, kw_only=True):
    """Lasts until the next one starts (2.2.1 §10.4.6)."""

    start_date_time: DateTime
    dimensions: Annotated[list[CdrDimension], Some]
    tariff_id: Id36 | None = None


class SignedValue(Wire, kw_only=True):
    """2.2.1 §10.4.8."""

    nature: Ci32
    plain_data: Prose5000
    signed_data: Prose5000


class SignedData(Wire, kw_only=True):
    """2.2.1 §10.4.7."""

    encoding_method: Ci36
    signed_values: Annotated[list[SignedValue], Some]
    encoding_method_version: Int | None = None
    public_key: Prose512 | None = None
    url: Str512 | None = None


class CdrLocation(Wire, kw_only=True):
    """The place as it was at the start (2.2.1 §10.4.4); `#NA` where there never was one."""

    id: Id36
    address: Str45
    city: Str45
    country: Str3
    coordinates: GeoLocation
    evse_uid: Id36
    evse_id: Ci48
    connector_id: Id36
    connector_standard: Term
    connector_format: ConnectorFormat
    connector_power_type: PowerType
    name: Str255 | None = None
    postal_code: Str10 | None = None
    state: Str20 | None = None


class EnergyContract(Wire, kw_only=True):
    """2.2.1 §12.4.2."""

    supplier_name: Str64
    contract_id: Str64 | None = None


class PriceComponent(Wire, kw_only=True):
    """Price per unit; `vat` in percent (2.2.1 §11.4.2)."""

    type: TariffDimensionType
    price: Number
    step_size: Int
    vat: Number | None = None


class TariffRestrictions(Wire, kw_only=True):
    """Local time and dates, kWh, A, kW, seconds (2.2.1 §11.4.6)."""

    start_time: HourMinute | None = None
    end_time: HourMinute | None = None
    start_date: LocalDate | None = None
    end_date: LocalDate | None = None
    min_kwh: Number | None = None
    max_kwh: Number | None = None
    min_current: Number | None = None
    max_current: Number | None = None
    min_power: Number | None = None
    max_power: Number | None = None
    min_duration: Int | None = None
    max_duration: Int | None = None
    day_of_week: list[DayOfWeek] | None = None
    reservation: ReservationRestrictionType | None = None


class TariffElement(Wire, kw_only=True):
    """2.2.1 §11.4.4."""

    price_components: Annotated[list[PriceComponent], Some]
    restrictions: TariffRestrictions | None = None


class ChargingPreferences(Wire, kw_only=True):
    """kWh (2.2.1 §9.3.2)."""

    profile_type: ProfileType
    departure_time: DateTime | None = None
    energy_need: Number | None = None
    discharge_allowed: bool | None = None


class ChargingProfilePeriod(Wire, kw_only=True):
    """Seconds since the start of the profile; W or A (2.2.1 §14.4.4)."""

    start_period: Int
    limit: Number


class ChargingProfile(Wire, kw_only=True):
    """2.2.1 §14.4.3."""

    charging_rate_unit: ChargingRateUnit
    start_date_time: DateTime | None = None
    duration: Int | None = None
    min_charging_rate: Number | None = None
    charging_profile_period: list[ChargingProfilePeriod] | None = None


class ActiveChargingProfile(Wire, kw_only=True):
    """2.2.1 §14.4.1."""

    start_date_time: DateTime
    charging_profile: ChargingProfile


class SetChargingProfile(Wire, kw_only=True):
    """2.2.1 §14.3.5."""

    charging_profile: ChargingProfile
    response_url: Url


class ChargingProfileResponse(Wire, kw_only=True):
    """`timeout` in seconds (2.2.1 §14.3.1)."""

    result: ChargingProfileResponseType
    timeout: Int


class ActiveChargingProfileResult(Wire, kw_only=True):
    """2.2.1 §14.3.2."""

    result: ChargingProfileResultType
    profile: ActiveChargingProfile | None = None


class ChargingProfileResult(Wire, kw_only=True):
    """2.2.1 §14.3.3."""

    result: ChargingProfileResultType


class ClearProfileResult(Wire, kw_only=True):
    """The same bytes as a ChargingProfileResult: the address tells which (2.2.1 §14.3.4)."""

    result: ChargingProfileResultType


class CdrTokenBase(Wire, kw_only=True):
    """All of a CdrToken but its type (2.2.1 §10.4.5)."""

    country_code: CountryCode
    party_id: PartyId
    uid: Id36
    contract_id: Id36
