"""What can be read, by version and name."""

from typing import Annotated, Any

from apps.ocpi.objects.fields import Some
from apps.ocpi.objects.terms import ChargingPreferencesResponse
from apps.ocpi.v2_1_1 import schemas as v2_1_1
from apps.ocpi.v2_2_1 import schemas as v2_2_1
from apps.ocpi.v2_3_0 import schemas as v2_3_0

_NAMES = (
    "ActiveChargingProfile",
    "ActiveChargingProfileResult",
    "AuthorizationInfo",
    "CancelReservation",
    "Cdr",
    "CdrLocation",
    "CdrToken",
    "ChargingPreferences",
    "ChargingProfileResponse",
    "ChargingProfileResult",
    "ClearProfileResult",
    "ClientInfo",
    "CommandResponse",
    "CommandResult",
    "Connector",
    "Credentials",
    "DisplayText",
    "EnergyMix",
    "Evse",
    "Hours",
    "Location",
    "LocationReferences",
    "ReserveNow",
    "Session",
    "SetChargingProfile",
    "StartSession",
    "StopSession",
    "Tariff",
    "Token",
    "UnlockConnector",
    "Version",
    "VersionDetails",
)


def _of(schemas: Any) -> dict[str, Any]:
    kinds = {name: getattr(schemas, name) for name in _NAMES if hasattr(schemas, name)}
    return kinds | {"Versions": Annotated[list[schemas.Version], Some]}


_WORDS: dict[str, Any] = {"ChargingPreferencesResponse": ChargingPreferencesResponse}
"""Answers that are one word."""


KINDS: dict[str, dict[str, Any]] = {
    "2.1.1": _of(v2_1_1),
    "2.2.1": _of(v2_2_1) | _WORDS,
    "2.3.0": _of(v2_3_0) | _WORDS,
}
INSIDE = "2.3.0"


def kind_of(version: str, kind: str) -> Any:
    """The type to read; KeyError for what the version does not have."""
    return KINDS[version][kind]
