"""Versions, credentials, clients of a hub, commands: what versions share."""

from apps.ocpi.objects.charging import EnergyContract
from apps.ocpi.objects.fields import (
    CountryCode,
    DateTime,
    Id36,
    Int,
    PartyId,
    Str2,
    Str64,
    Term,
    Url,
    Wire,
)
from apps.ocpi.objects.places import BusinessDetails, DisplayText, LocationReferences
from apps.ocpi.objects.terms import (
    AllowedType,
    CommandResponseType,
    CommandResultType,
    ConnectionStatus,
    InterfaceRole,
    ProfileType,
    Role,
    WhitelistType,
)


class Version(Wire, kw_only=True):
    """2.2.1 §6.1.2."""

    version: Term
    url: Url


class Endpoint(Wire, kw_only=True):
    """2.2.1 §6.2.2."""

    identifier: Term
    role: InterfaceRole
    url: Url


class CredentialsRole(Wire, kw_only=True):
    """2.2.1 §7.4.1."""

    role: Role
    business_details: BusinessDetails
    party_id: PartyId
    country_code: CountryCode


class ClientInfo(Wire, kw_only=True):
    """A party behind a hub (2.2.1 §15.3.1)."""

    party_id: PartyId
    country_code: CountryCode
    role: Role
    status: ConnectionStatus
    last_updated: DateTime


class TokenBase(Wire, kw_only=True):
    """All of a Token but its type (2.2.1 §12.3.2)."""

    country_code: CountryCode
    party_id: PartyId
    uid: Id36
    contract_id: Id36
    issuer: Str64
    valid: bool
    whitelist: WhitelistType
    last_updated: DateTime
    visual_number: Str64 | None = None
    group_id: Id36 | None = None
    language: Str2 | None = None
    default_profile_type: ProfileType | None = None
    energy_contract: EnergyContract | None = None


class PublishTokenTypeBase(Wire, kw_only=True):
    """All of a PublishTokenType but its type (2.2.1 §8.4.20)."""

    uid: Id36 | None = None
    visual_number: Str64 | None = None
    issuer: Str64 | None = None
    group_id: Id36 | None = None


class StartSessionBase(Wire, kw_only=True):
    """All of a StartSession but its token (2.2.1 §13.3.5)."""

    response_url: Url
    location_id: Id36
    evse_uid: Id36 | None = None
    connector_id: Id36 | None = None
    authorization_reference: Id36 | None = None


class ReserveNowBase(Wire, kw_only=True):
    """All of a ReserveNow but its token (2.2.1 §13.3.4)."""

    response_url: Url
    expiry_date: DateTime
    reservation_id: Id36
    location_id: Id36
    evse_uid: Id36 | None = None
    authorization_reference: Id36 | None = None


class StopSession(Wire, kw_only=True):
    """2.2.1 §13.3.6."""

    response_url: Url
    session_id: Id36


class CancelReservation(Wire, kw_only=True):
    """2.2.1 §13.3.1."""

    response_url: Url
    reservation_id: Id36


class UnlockConnector(Wire, kw_only=True):
    """2.2.1 §13.3.7."""

    response_url: Url
    location_id: Id36
    evse_uid: Id36
    connector_id: Id36


class CommandResponse(Wire, kw_only=True):
    """The CPO's answer at once; `timeout` in seconds (2.2.1 §13.3.2)."""

    result: CommandResponseType
    timeout: Int
    message: list[DisplayText] | None = None


class CommandResult(Wire, kw_only=True):
    """The station's answer, later (2.2.1 §13.3.3)."""

    result: CommandResultType
    message: list[DisplayText] | None = None


class AuthorizationInfoBase(Wire, kw_only=True):
    """All of an AuthorizationInfo but its token (2.2.1 §12.3.1)."""

    allowed: AllowedType
    location: LocationReferences | None = None
    authorization_reference: Id36 | None = None
    info: DisplayText | None = None
