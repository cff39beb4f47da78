"""Parts of locations that all versions share (2.2.1 §8.4)."""

from typing import Literal

from apps.ocpi.objects.fields import (
    Ci4,
    Ci48,
    CountryCode,
    DateTime,
    HourMinute,
    HourMinuteEnd,
    Id36,
    Int,
    Latitude,
    Longitude,
    Number,
    PartyId,
    Prose512,
    Str2,
    Str3,
    Str4,
    Str10,
    Str16,
    Str45,
    Str64,
    Str100,
    Str255,
    Term,
    Url,
    Wire,
)
from apps.ocpi.objects.terms import ConnectorFormat, PowerType, Status


class DisplayText(Wire, kw_only=True):
    """A text in a language (2.2.1 §17.3)."""

    language: Str2
    text: Prose512


class GeoLocation(Wire, kw_only=True):
    """WGS 84, decimal degrees as text (2.2.1 §8.4.13)."""

    latitude: Latitude
    longitude: Longitude


class AdditionalGeoLocation(GeoLocation, kw_only=True):
    """A point related to a location, such as its entrance (2.2.1 §8.4.1)."""

    name: DisplayText | None = None


class Image(Wire, kw_only=True):
    """2.2.1 §8.4.15."""

    url: Url
    category: Term
    type: Ci4
    thumbnail: Url | None = None
    width: Int | None = None
    height: Int | None = None


class BusinessDetails(Wire, kw_only=True):
    """2.2.1 §8.4.2."""

    name: Str100
    website: Url | None = None
    logo: Image | None = None


class EnergySource(Wire, kw_only=True):
    """A share in percent (2.2.1 §8.4.7)."""

    source: Term
    percentage: Number


class EnvironmentalImpact(Wire, kw_only=True):
    """Grams per kWh (2.2.1 §8.4.9)."""

    category: Term
    amount: Number


class EnergyMix(Wire, kw_only=True):
    """2.2.1 §8.4.6."""

    is_green_energy: bool
    energy_sources: list[EnergySource] | None = None
    environ_impact: list[EnvironmentalImpact] | None = None
    supplier_name: Str64 | None = None
    energy_product_name: Str64 | None = None


class ExceptionalPeriod(Wire, kw_only=True):
    """2.2.1 §8.4.11."""

    period_begin: DateTime
    period_end: DateTime


class RegularHours(Wire, kw_only=True):
    """Local time; weekday 1 is Monday (2.2.1 §8.4.21)."""

    weekday: Literal[1, 2, 3, 4, 5, 6, 7]
    period_begin: HourMinute
    period_end: HourMinuteEnd


class Hours(Wire, kw_only=True):
    """2.2.1 §8.4.14."""

    twentyfourseven: bool
    regular_hours: list[RegularHours] | None = None
    exceptional_openings: list[ExceptionalPeriod] | None = None
    exceptional_closings: list[ExceptionalPeriod] | None = None


class StatusSchedule(Wire, kw_only=True):
    """2.2.1 §8.4.24."""

    period_begin: DateTime
    status: Status
    period_end: DateTime | None = None


class ConnectorBase(Wire, kw_only=True):
    """What 2.2.1 and 2.3.0 share (2.2.1 §8.3.3). V, A, W."""

    id: Id36
    standard: Term
    format: ConnectorFormat
    power_type: PowerType
    max_voltage: Int
    max_amperage: Int
    last_updated: DateTime
    max_electric_power: Int | None = None
    tariff_ids: list[Id36] | None = None
    terms_and_conditions: Url | None = None


class EvseBase(Wire, kw_only=True):
    """What 2.2.1 and 2.3.0 share, but for the connectors (2.2.1 §8.3.2)."""

    uid: Id36
    status: Status
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


class LocationBase(Wire, kw_only=True):
    """What 2.2.1 and 2.3.0 share, but for the EVSEs (2.2.1 §8.3.1)."""

    country_code: CountryCode
    party_id: PartyId
    id: Id36
    publish: bool
    address: Str255
    city: Str45
    country: Str3
    coordinates: GeoLocation
    time_zone: Str255
    last_updated: DateTime
    name: Str255 | None = None
    postal_code: Str10 | None = None
    state: Str45 | None = None
    related_locations: list[AdditionalGeoLocation] | None = None
    parking_type: Term | None = None
    directions: list[DisplayText] | None = None
    operator: BusinessDetails | None = None
    suboperator: BusinessDetails | None = None
    owner: BusinessDetails | None = None
    facilities: list[Term] | None = None
    opening_times: Hours | None = None
    charging_when_closed: bool | None = None
    images: list[Image] | None = None
    energy_mix: EnergyMix | None = None


class LocationReferences(Wire, kw_only=True):
    """2.2.1 §12.4.3."""

    location_id: Id36
    evse_uids: list[Id36] | None = None
