"""Payloads against the JSON schemas of OCPP, and the error code that a violation has.

The schemas are those of the ocpp package; they are compiled once by jsonschema-rs. What it accepts
and rejects is compared with the reference validator over all messages in the tests. `format`
(date-time) is checked where a value is used: the schemas' own drafts leave it to the application.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import ocpp

from apps.chargers.ocpp.versions import OcppVersion

_FOLDERS = {OcppVersion.V16: "v16", OcppVersion.V201: "v201", OcppVersion.V21: "v21"}
_ROOT = Path(ocpp.__file__).parent
# Part 4 table "Valid error codes"; 1.6 calls an incomplete payload a ProtocolError.
_CODES = {
    "required": "OccurrenceConstraintViolation",
    "minItems": "OccurrenceConstraintViolation",
    "maxItems": "OccurrenceConstraintViolation",
    "type": "TypeConstraintViolation",
    "additionalProperties": "FormatViolation",
}
_CODE_OTHERWISE = "PropertyConstraintViolation"
_RULE_MAX_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Violation:
    """What is wrong with a payload: the CALLERROR code, where, and the rule in words."""

    code: str
    path: str
    rule: str

    def __str__(self) -> str:
        return f"{self.path or 'payload'}: {self.rule}"


@cache
def actions(version: OcppVersion) -> frozenset[str]:
    """Every action of a version, whoever sends it."""
    stems = [path.stem for path in _folder(version).glob("*.json")]
    if version.is_16:
        return frozenset(stem for stem in stems if not stem.endswith("Response"))
    # NotifyPeriodicEventStream is a SEND: it has no answer and its file no suffix.
    return frozenset(stem.removesuffix("Request") for stem in stems if stem[-8:] != "Response")


def request_violation(
    version: OcppVersion, action: str, payload: Mapping[str, Any]
) -> Violation | None:
    """What is wrong with a request; None when it fits. KeyError for an unknown action."""
    return _violation(version, action, payload, is_request=True)


def response_violation(
    version: OcppVersion, action: str, payload: Mapping[str, Any]
) -> Violation | None:
    """What is wrong with an answer; None when it fits. KeyError for an unknown action."""
    return _violation(version, action, payload, is_request=False)


def schema(version: OcppVersion, action: str, *, is_request: bool) -> dict[str, Any]:
    """The JSON schema of a message. KeyError for an unknown action."""
    if action not in actions(version):
        raise KeyError(action)
    names = (
        [f"{action}Request.json", f"{action}.json"] if is_request else [f"{action}Response.json"]
    )
    path = next(path for name in names if (path := _folder(version) / name).exists())
    # utf-8-sig: some of the published files begin with a byte order mark.
    document: dict[str, Any] = json.loads(path.read_text("utf-8-sig"))
    return document


def _folder(version: OcppVersion) -> Path:
    return _ROOT / _FOLDERS[version] / "schemas"


@cache
def _validator(version: OcppVersion, action: str, is_request: bool) -> Any:
    return jsonschema_rs.validator_for(
        schema(version, action, is_request=is_request), validate_formats=False
    )


def _violation(
    version: OcppVersion, action: str, payload: Mapping[str, Any], *, is_request: bool
) -> Violation | None:
    validator = _validator(version, action, is_request)
    if validator.is_valid(payload):
        return None
    error = next(iter(validator.iter_errors(payload)))
    keyword = error.kind.name
    code = _CODES.get(keyword, _CODE_OTHERWISE)
    if version.is_16 and keyword == "required":
        code = "ProtocolError"
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.instance_path)
    return Violation(version.error_code(code), path.lstrip("."), error.message[:_RULE_MAX_LENGTH])
