"""The compiled schema check says the same as the reference validator, message by message."""

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from typing import Any

import jsonschema_rs
import pytest
from jsonschema.validators import validator_for

from apps.chargers.ocpp.validation import (
    actions,
    request_violation,
    response_violation,
    schema,
)
from apps.chargers.ocpp.versions import OcppVersion, version_chosen

PAYLOADS_EACH = 8
WRONG_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 3.0, 2.5, 10**12, "", "x" * 6000, "Nonsense", [], [None], {}, {"a": 1},
)  # fmt: skip


def messages() -> list[tuple[OcppVersion, str, bool]]:
    """Every message of every version: (version, action, is a request)."""
    return [
        (version, action, is_request)
        for version in OcppVersion
        for action in sorted(actions(version))
        for is_request in (True, False)
        if is_request or action != "NotifyPeriodicEventStream"
    ]


def made(rule: dict[str, Any], root: dict[str, Any], chance: random.Random, depth: int = 0) -> Any:
    """A value that the rule most likely accepts."""
    if "$ref" in rule:
        definition = root["definitions"][rule["$ref"].rpartition("/")[2]]
        return made(definition, root, chance, depth)
    if "enum" in rule:
        return chance.choice(rule["enum"])
    kind = rule.get("type", "object")
    if kind == "object":
        required = set(rule.get("required", ()))
        return {
            name: made(inner, root, chance, depth + 1)
            for name, inner in rule.get("properties", {}).items()
            if name in required or (depth < 6 and chance.random() < 0.5)
        }
    if kind == "array":
        count = max(rule.get("minItems", 0), min(chance.randint(0, 2), rule.get("maxItems", 2)))
        return [made(rule["items"], root, chance, depth + 1) for _ in range(count)]
    if kind in ("integer", "number"):
        low, high = rule.get("minimum", -1000), rule.get("maximum", 1000)
        fits = [n for n in (0, 1, 5, -5, 2.5, 16.1) if low <= n <= high]
        return int(chance.choice(fits)) if kind == "integer" else chance.choice(fits)
    if kind == "boolean":
        return chance.random() < 0.5
    if rule.get("format") == "date-time":
        return "2026-03-10T12:00:00Z"
    return "x" * min(chance.randint(1, 20), rule.get("maxLength", 20))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in inner:
        yield (*path, key)
        if isinstance(child, dict | list):
            yield from places(child, (*path, key))


def spoiled(payload: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The payload with one thing changed: removed, added or replaced."""
    payload = deepcopy(payload)
    paths = list(places(payload))
    if not paths or chance.random() < 0.2:
        payload["unheardOf"] = 1
        return payload
    *parents, last = chance.choice(paths)
    holder: Any = payload
    for key in parents:
        holder = holder[key]
    if chance.random() < 0.3:
        del holder[last]
    elif isinstance(holder[last], dict) and chance.random() < 0.5:
        holder[last]["unheardOf"] = 1
    else:
        holder[last] = chance.choice(WRONG_VALUES)
    return payload


@pytest.mark.parametrize(
    ("version", "action", "is_request"),
    messages(),
    ids=lambda value: {True: "request", False: "answer"}.get(value, str(value)),
)
def test_what_is_accepted_is_what_the_reference_accepts(
    version: OcppVersion, action: str, is_request: bool
) -> None:
    document = schema(version, action, is_request=is_request)
    reference = validator_for(document)(document)
    ours = request_violation if is_request else response_violation
    chance = random.Random(f"{version} {action} {is_request}")  # noqa: S311

    verdicts = set()
    for _ in range(PAYLOADS_EACH):
        good = made(document, document, chance)
        for payload in (good, spoiled(good, chance), spoiled(good, chance), {}):
            accepted = reference.is_valid(payload)
            assert (ours(version, action, payload) is None) == accepted, payload
            verdicts.add(accepted)

    assert True in verdicts


@pytest.mark.parametrize(
    ("number", "accepted"),
    [("3", True), ("3.0", True), ("3.5", False), ("1e2", True), ("-7", True), ("1e-9", False)],
)
def test_a_number_read_as_decimal_is_judged_by_its_value(number: str, accepted: bool) -> None:
    text = f'{{"evseId": {number}, "meterValue": []}}'
    with_decimals = json.loads(text, parse_float=Decimal)
    rule = {"type": "object", "properties": {"evseId": {"type": "integer"}}}

    assert jsonschema_rs.is_valid(rule, with_decimals) == accepted
    assert validator_for(rule)(rule).is_valid(json.loads(text)) == accepted


def test_every_message_of_the_three_versions_is_known() -> None:
    assert {version: len(actions(version)) for version in OcppVersion} == {
        OcppVersion.V16: 39,
        OcppVersion.V201: 64,
        OcppVersion.V21: 91,
    }


BOOT = {"reason": "PowerUp", "chargingStation": {"model": "Wall 22", "vendorName": "ACME"}}


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"reason": None}, "TypeConstraintViolation", "reason"),
        ({"reason": "Boredom"}, "PropertyConstraintViolation", "reason"),
        ({"chargingStation": {"model": "x"}}, "OccurrenceConstraintViolation", "chargingStation"),
        (
            {"chargingStation": {"model": "x" * 21, "vendorName": "y"}},
            "PropertyConstraintViolation",
            "chargingStation.model",
        ),
        ({"weather": "sunny"}, "FormatViolation", ""),
    ],
)
def test_a_violation_has_the_code_of_its_rule_and_names_the_field(
    change: dict[str, Any], code: str, path: str
) -> None:
    violation = request_violation(OcppVersion.V201, "BootNotification", {**BOOT, **change})

    assert violation is not None
    assert (violation.code, violation.path) == (code, path)
    assert violation.rule


def test_an_empty_list_is_an_occurrence_violation() -> None:
    payload = {"evseId": 1, "meterValue": []}
    violation = request_violation(OcppVersion.V201, "MeterValues", payload)

    assert violation is not None
    assert violation.code == "OccurrenceConstraintViolation"


def test_version_1_6_has_its_own_words_for_errors() -> None:
    missing = request_violation(OcppVersion.V16, "BootNotification", {})
    unknown = request_violation(OcppVersion.V16, "Heartbeat", {"x": 1})

    assert missing is not None
    assert unknown is not None
    assert (missing.code, unknown.code) == ("ProtocolError", "FormationViolation")


def test_an_action_that_no_version_knows_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        request_violation(OcppVersion.V201, "Dance", {})


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["ocpp1.6", "ocpp2.0.1"], OcppVersion.V201),
        (["ocpp2.0.1", "ocpp2.1"], OcppVersion.V21),
        (["ocpp1.6"], OcppVersion.V16),
        (["ocpp1.6", "ocpp9"], OcppVersion.V16),
        (["ocpp1.5", "mqtt"], None),
        ([], None),
    ],
)
def test_the_newest_version_that_both_speak_is_chosen(
    offered: list[str], chosen: OcppVersion | None
) -> None:
    assert version_chosen(offered) is chosen
