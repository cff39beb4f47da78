"""Passwords that travel in orders: a station needs them, nobody who reads the orders later does."""

from collections.abc import Mapping
from typing import Any

from apps.chargers.ocpp.device_model import SECRET_VARIABLES

HIDDEN = "***"
_PROFILE_SECRETS = frozenset({"basicAuthPassword", "apnPassword", "simPin", "password", "key"})


def without_secrets(action: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of an order as it is kept once the order has ended."""
    if action == "SetVariables":
        return {
            **payload,
            "setVariableData": [
                {**one, "attributeValue": HIDDEN}
                if one["variable"]["name"] in SECRET_VARIABLES
                else one
                for one in payload["setVariableData"]
            ],
        }
    if action == "ChangeConfiguration" and payload["key"] in SECRET_VARIABLES:
        return {**payload, "value": HIDDEN}
    if action == "SetNetworkProfile":
        return {**payload, "connectionData": _profile(payload["connectionData"])}
    return dict(payload)


def _profile(value: Any) -> Any:
    """A NetworkConnectionProfileType, with those of its VPN and APN."""
    if not isinstance(value, Mapping):
        return value
    return {
        name: HIDDEN if name in _PROFILE_SECRETS else _profile(inner)
        for name, inner in value.items()
    }
