"""Frames as they may be kept, and as they may be shown to who does not need what is secret.

Kept: everything but the passwords of stations, whichever way they travel. Shown and exported:
also without tokens (their last characters stay), certificates, and the secrets of addresses.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from apps.chargers.ocpp.device_model import SECRET_VARIABLES
from apps.chargers.ocpp.secrets import HIDDEN

_VALUES = frozenset({"attributeValue", "actualValue", "value"})
_TOKENS = frozenset({"idToken", "idTag", "parentIdTag", "groupIdToken"})
_HIDDEN = frozenset({
    "certificate", "certificateChain", "csr", "signingCertificate", "exiRequest", "exiResponse",
    "basicAuthPassword", "apnPassword", "simPin", "password",
})  # fmt: skip
_ADDRESSES = frozenset({"remoteLocation", "location"})
_USER_OF_ADDRESS = re.compile(r"(?<=://)[^/@\s]*@")
_UPLOAD_SECRET = re.compile(r"(?<=/station-logs/)[^/?#\s]+")
# In what is no JSON, or was cut: the text after the name of a field, up to its end.
_FIELDS = re.compile(
    r'"(' + "|".join(sorted(_TOKENS | _HIDDEN | _ADDRESSES)) + r')"\s*:\s*"(?:[^"\\]|\\.)*"?'
)
_VISIBLE = 4


def kept_text(text: str) -> str:
    """A frame without the passwords of stations; most are returned as they are."""
    if not any(name in text for name in SECRET_VARIABLES):
        return text
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return HIDDEN
    return json.dumps(_walked(frame, _no_field), separators=(",", ":"), ensure_ascii=False)


def shown_text(text: str) -> str:
    """A frame for people and exports."""
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        plain = kept_text(text)
        return _FIELDS.sub(lambda field: f'"{field[1]}":"{HIDDEN}"', plain)
    return json.dumps(_walked(frame, _field), separators=(",", ":"), ensure_ascii=False)


def address_shown(address: str) -> str:
    """An address without the name, the password or the upload secret that it may hold."""
    return _UPLOAD_SECRET.sub(HIDDEN, _USER_OF_ADDRESS.sub(f"{HIDDEN}@", address))


def shown_json(value: Any) -> Any:
    """What is read of a frame, or of an order, for people and exports."""
    return _walked(value, _field)


def _walked(value: Any, field: Callable[[str, Any], Any]) -> Any:
    """The JSON with every text field as `field` has it, and without values of secret variables."""
    if isinstance(value, list):
        return [_walked(inner, field) for inner in value]
    if not isinstance(value, dict):
        return value
    is_secret = _names_secret(value)
    told = {}
    for name, inner in value.items():
        if is_secret and (name in _VALUES or name == "variableAttribute"):
            told[name] = HIDDEN
        elif isinstance(inner, str):
            told[name] = field(name, inner)
        else:
            told[name] = _walked(inner, field)
    return told


def _names_secret(value: dict[str, Any]) -> bool:
    """True for what tells or sets a variable, or a key of 1.6, that is a password."""
    variable = value.get("variable")
    name = variable.get("name") if isinstance(variable, dict) else value.get("key")
    return isinstance(name, str) and name in SECRET_VARIABLES


def _no_field(_name: str, text: str) -> str:
    return text


def _field(name: str, text: str) -> str:
    if name in _TOKENS:
        return HIDDEN + (text[-_VISIBLE:] if len(text) > _VISIBLE + 2 else "")
    if name in _HIDDEN:
        return HIDDEN
    if name in _ADDRESSES:
        return address_shown(text)
    return text
