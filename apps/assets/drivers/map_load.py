"""From the text of a register map file to a `RegisterMap`, or to everything wrong with it."""

from collections.abc import Mapping, Sequence
from typing import Any

from apps.assets.drivers.map_rules import rule_problems
from apps.assets.drivers.map_schema import schema_problems
from apps.assets.drivers.map_yaml import MapProblem, marked_load
from apps.assets.drivers.register_map import (
    REGISTERS_OF_TYPE,
    ControlMap,
    ControlStep,
    DerivedPoint,
    Fallback,
    FaultPoint,
    FaultWords,
    IdentityCheck,
    MapConnection,
    MapPoint,
    MapSource,
    PollGroup,
    RegisterMap,
)

MOST_REGISTERS = 120
LARGEST_GAP = 16
_SEVERITIES = {"information": 0, "warning": 1, "critical": 2}

Fields = Mapping[str, Any]


def map_load(text: str, file: str) -> tuple[RegisterMap | None, list[MapProblem]]:
    """The map in a text, or all that is wrong with it. `file` is how problems name it."""
    document, problems = marked_load(text, file)
    if document is None:
        return None, problems
    problems = schema_problems(document) or rule_problems(document)
    if problems:
        return None, sorted(problems)
    return _map(document.value, file), []


def _map(fields: Fields, file: str) -> RegisterMap:
    identity = fields["identity"]
    defaults = fields.get("defaults", {})
    base = fields["connection"].get("address_base", 0)
    return RegisterMap(
        id=fields["id"],
        version=fields["version"],
        vendor=fields["vendor"],
        model=fields["model"],
        names=fields["names"],
        kinds=tuple(fields["kinds"]),
        source=MapSource(**fields["source"]),
        tried_on=fields["tried_on"],
        connection=_connection(fields["connection"]),
        manufacturer=identity["manufacturer"],
        model_point=identity.get("model", ""),
        serial_point=identity.get("serial", ""),
        identification=tuple(_check(check) for check in fields["identification"]),
        groups=tuple(
            PollGroup(name, group.get("period_s")) for name, group in fields["groups"].items()
        ),
        points=tuple(_point(point, defaults, base) for point in fields["points"]),
        derived=tuple(_derived(derived) for derived in fields.get("derived", [])),
        faults=tuple(_faults(faults, fields["points"]) for faults in fields.get("faults", [])),
        controls=tuple(_control(control) for control in fields.get("controls", [])),
        file=file,
        notes=fields.get("notes", {}),
    )


def _connection(fields: Fields) -> MapConnection:
    return MapConnection(
        transport=fields.get("transport", "modbus_tcp"),
        port=fields.get("port", 502),
        unit_id=fields.get("unit_id", 1),
        timeout_s=fields.get("timeout_s"),
        inter_frame_delay_s=fields.get("inter_frame_delay_s"),
        most_registers=fields.get("most_registers", MOST_REGISTERS),
        largest_gap=fields.get("largest_gap", LARGEST_GAP),
    )


def _check(fields: Fields) -> IdentityCheck:
    between = fields.get("between")
    return IdentityCheck(
        point=fields["point"],
        one_of=tuple(fields.get("one_of", ())),
        matches=fields.get("matches", ""),
        between=None if between is None else (between[0], between[1]),
    )


def _point(fields: Fields, defaults: Fields, base: int) -> MapPoint:
    kind = fields["type"]
    valid = fields.get("valid")
    not_available = fields.get("not_available", defaults.get("not_available", {}).get(kind, ()))
    return MapPoint(
        name=fields["name"],
        table=fields.get("table", defaults.get("table", "holding")),
        address=fields["address"] - base,
        count=fields.get("registers") or REGISTERS_OF_TYPE[kind],
        kind=kind,
        word_order=fields.get("word_order", defaults.get("word_order", "big")),
        byte_order=fields.get("byte_order", defaults.get("byte_order", "big")),
        scale=fields.get("scale", 1),
        offset=fields.get("offset", 0),
        unit=fields.get("unit", ""),
        quantity=fields.get("quantity", ""),
        channel=fields.get("channel", ""),
        sign=fields.get("sign", "none"),
        group=fields.get("group", ""),
        valid=None if valid is None else (valid[0], valid[1]),
        not_available=frozenset(not_available),
        is_writable=fields.get("writable", False),
        is_alone=fields.get("alone", False),
        is_clock="clock" in fields,
        rolls_over_at=fields.get("rolls_over_at"),
        words={int(value): words for value, words in fields.get("words", {}).items()},
    )


def _derived(fields: Fields) -> DerivedPoint:
    return DerivedPoint(
        name=fields["name"],
        quantity=fields["quantity"],
        channel=fields.get("channel", ""),
        group=fields["group"],
        plus=tuple(fields["plus"]),
        minus=tuple(fields.get("minus", ())),
    )


def _faults(fields: Fields, points: Sequence[Fields]) -> FaultPoint:
    kind = next(point["type"] for point in points if point["name"] == fields["point"])
    return FaultPoint(
        point=fields["point"],
        is_bits=kind.startswith("bits"),
        faults={
            int(index): FaultWords(fault["code"], _SEVERITIES[fault["severity"]], fault["words"])
            for index, fault in fields["faults"].items()
        },
        normal=frozenset(fields.get("normal", ())),
    )


def _control(fields: Fields) -> ControlMap:
    writes = tuple(_step(step) for step in fields["writes"])
    shown = tuple(_step(step) for step in fields.get("readback", ()))
    range_kw = fields.get("range_kw")
    return ControlMap(
        function=fields["function"],
        range_kw=None if range_kw is None else (range_kw[0], range_kw[1]),
        writes=writes,
        release=tuple(_step(step) for step in fields["release"]),
        readback=shown or writes,
        fallback=Fallback(**fields["fallback"]),
    )


def _step(fields: Fields) -> ControlStep:
    return ControlStep(
        point=fields["point"],
        role=fields["role"],
        source=fields.get("source", ""),
        number=fields.get("number"),
        by_direction=fields.get("by_direction", {}),
    )
