"""What a register map must keep beyond its structure: names, units, signs and safe controls."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from apps.assets.drivers.map_rules_control import control_rules
from apps.assets.drivers.map_units import CONVERSIONS, COUNTERS, SIGNED_QUANTITIES
from apps.assets.drivers.map_yaml import MapProblem, MarkedDocument, Path
from apps.assets.drivers.register_map import REGISTERS_OF_TYPE, UNSIGNED_TYPES

LAST_ADDRESS = 65535
_BITS_AND_ENUMS = ("bits16", "bits32", "enum16", "enum32")

Broken = Iterator[tuple[Path, str]]
Fields = Mapping[str, Any]


def rule_problems(document: MarkedDocument) -> list[MapProblem]:
    """What is wrong with a document whose structure is right."""
    fields: Fields = document.value
    points = {point["name"]: point for point in reversed(fields["points"])}
    broken = [
        *_name_rules(fields),
        *_sensor_rules(fields, points),
        *_point_rules(fields),
        *_identification_rules(fields, points),
        *_derived_rules(fields, points),
        *_fault_rules(fields, points),
        *control_rules(fields, points),
    ]
    return [document.problem(path, rule) for path, rule in broken]


def _name_rules(fields: Fields) -> Broken:
    seen: dict[str, str] = {}
    for section in ("points", "derived"):
        for n, point in enumerate(fields.get(section, [])):
            place = f"{section}[{n}]"
            first = seen.setdefault(point["name"], place)
            if first != place:
                yield (section, n, "name"), f"{point['name']} is the name of {first} already"
    for field in ("model", "serial"):
        name = fields["identity"].get(field)
        if name is not None and name not in {point["name"] for point in fields["points"]}:
            yield ("identity", field), f"there is no point {name}"


def _sensor_rules(fields: Fields, points: Mapping[str, Fields]) -> Broken:
    seen: dict[tuple[str, str], str] = {}
    is_measured = False
    for section in ("points", "derived"):
        for n, point in enumerate(fields.get(section, [])):
            place: Path = (section, n)
            group = point.get("group")
            if group is not None and group not in fields["groups"]:
                yield (*place, "group"), f"there is no group {group}"
            if "quantity" not in point:
                continue
            is_measured = True
            key = (point["quantity"], point.get("channel", ""))
            first = seen.setdefault(key, f"{section}[{n}]")
            if first != f"{section}[{n}]":
                words = f"{key[0]} of channel {key[1]}" if key[1] else key[0]
                yield (*place, "quantity"), f"{words} is measured by {first} already"
            if group is None:
                yield (*place, "group"), "a point with a quantity needs a poll group"
    if not is_measured:
        yield ("points",), "no point has a quantity: the map measures nothing"
    clocks = [n for n, point in enumerate(fields["points"]) if "clock" in point]
    for n in clocks[1:]:
        yield ("points", n, "clock"), "a device has one clock"


def _point_rules(fields: Fields) -> Broken:
    base = fields["connection"].get("address_base", 0)
    most = fields["connection"].get("most_registers", 125)
    for n, point in enumerate(fields["points"]):
        place: Path = ("points", n)
        yield from _address_rules(place, point, base, most)
        yield from _number_rules(place, point)
        if "quantity" in point:
            yield from _quantity_rules(place, point)
        elif point.get("sign", "none") != "none" and point.get("unit") not in {
            unit for units in CONVERSIONS.values() for unit in units
        }:
            yield (*place, "sign"), "only a point with a unit of power has a sign"
        if "words" in point and point["type"] not in _BITS_AND_ENUMS:
            yield (*place, "words"), f"a {point['type']} has no words for its values"
        if point.get("writable") and point.get("table", "") == "input":
            yield (*place, "writable"), "input registers cannot be written"


def _address_rules(place: Path, point: Fields, base: int, most: int) -> Broken:
    kind = point["type"]
    count = point.get("registers")
    if kind == "string":
        if count is None:
            yield (*place, "registers"), "a string must say how many registers it has"
            return
    elif count is not None and count != REGISTERS_OF_TYPE[kind]:
        yield (
            (*place, "registers"),
            f"a {kind} has {REGISTERS_OF_TYPE[kind]} registers, not {count}",
        )
    count = count or REGISTERS_OF_TYPE[kind]
    first = point["address"] - base
    if first < 0:
        yield (*place, "address"), f"addresses begin at {base}"
    if first + count - 1 > LAST_ADDRESS:
        yield (*place, "address"), f"ends beyond register {LAST_ADDRESS}"
    if count > most:
        yield (*place, "registers"), f"does not fit one read of {most} registers"


def _number_rules(place: Path, point: Fields) -> Broken:
    kind = point["type"]
    if point.get("scale", 1) == 0:
        yield (*place, "scale"), "must not be 0"
    if kind in (*_BITS_AND_ENUMS, "string"):
        for field in ("scale", "offset", "quantity", "valid"):
            if field in point:
                yield (*place, field), f"a {kind} has none"
    valid = point.get("valid")
    if valid is not None and valid[0] >= valid[1]:
        yield (*place, "valid"), f"the low end {valid[0]} must be below the high end {valid[1]}"
    bits = 16 * REGISTERS_OF_TYPE.get(kind, 0)
    for raw in point.get("not_available", []):
        if bits and raw >= 1 << bits:
            yield (*place, "not_available"), f"{raw:#x} does not fit {kind}"
    if "clock" in point and kind not in ("u32", "u64"):
        yield (*place, "clock"), "a clock in seconds is a u32 or a u64"


def _quantity_rules(place: Path, point: Fields) -> Broken:
    quantity = point["quantity"]
    units = CONVERSIONS[quantity]
    if point.get("unit") not in units:
        yield (*place, "unit"), f"must be one of {', '.join(units)} to become {quantity}"
    if quantity in SIGNED_QUANTITIES:
        if point.get("sign", "none") == "none":
            yield (*place, "sign"), f"{quantity} must say consumption or injection"
    elif point.get("sign", "none") != "none":
        yield (*place, "sign"), f"{quantity} has no direction"
    if quantity in COUNTERS:
        if point["type"] not in UNSIGNED_TYPES:
            yield (*place, "type"), "a counter must be unsigned"
    elif "valid" not in point:
        yield (*place, "valid"), f"{quantity} needs the range of values that can be"
    if "rolls_over_at" in point and quantity not in COUNTERS:
        yield (*place, "rolls_over_at"), "only a counter rolls over"


def _identification_rules(fields: Fields, points: Mapping[str, Fields]) -> Broken:
    for n, check in enumerate(fields["identification"]):
        place: Path = ("identification", n)
        if check["point"] not in points:
            yield (*place, "point"), f"there is no point {check['point']}"
            continue
        rules = [rule for rule in ("one_of", "matches", "between") if rule in check]
        if len(rules) != 1:
            yield place, "must have one of one_of, matches, between"
            continue
        is_text = points[check["point"]]["type"] == "string"
        if is_text != ("matches" in check) and "one_of" not in check:
            yield (*place, rules[0]), "matches is for texts, between for numbers"
        for value in check.get("one_of", []):
            if isinstance(value, str) != is_text:
                yield (*place, "one_of"), f"{value!r} is not what a {_kind(points, check)} shows"
        if "matches" in check:
            try:
                re.compile(check["matches"])
            except re.error as error:
                yield (*place, "matches"), f"is not a pattern: {error}"
        between = check.get("between")
        if between is not None and between[0] >= between[1]:
            yield (*place, "between"), "the low end must be below the high end"


def _kind(points: Mapping[str, Fields], check: Fields) -> str:
    return str(points[check["point"]]["type"])


def _derived_rules(fields: Fields, points: Mapping[str, Fields]) -> Broken:
    for n, derived in enumerate(fields.get("derived", [])):
        units = CONVERSIONS[derived["quantity"]]
        if derived["quantity"] in COUNTERS and derived.get("minus"):
            yield ("derived", n, "minus"), "a counter is a sum: it must not go backward"
        for side in ("plus", "minus"):
            for m, name in enumerate(derived.get(side, [])):
                place: Path = ("derived", n, side, m)
                if name not in points:
                    yield place, f"there is no point {name}"
                    continue
                if points[name].get("unit") not in units:
                    yield place, f"{name} has no unit that becomes {derived['quantity']}"
                if points[name].get("group") != derived["group"]:
                    yield place, f"{name} is not read with group {derived['group']}"


def _fault_rules(fields: Fields, points: Mapping[str, Fields]) -> Broken:
    codes: set[str] = set()
    for n, told in enumerate(fields.get("faults", [])):
        place: Path = ("faults", n)
        point = points.get(told["point"])
        if point is None:
            yield (*place, "point"), f"there is no point {told['point']}"
            continue
        if point["type"] not in _BITS_AND_ENUMS:
            yield (*place, "point"), f"faults are bits or enums, {told['point']} is not"
        if "group" not in point:
            yield (*place, "point"), f"{told['point']} is in no poll group: it is never read"
        bits = 16 * REGISTERS_OF_TYPE.get(point["type"], 0)
        limit = bits if point["type"].startswith("bits") else 1 << bits
        for index, fault in told["faults"].items():
            if int(index) >= limit:
                yield (*place, "faults", str(index)), f"{told['point']} has no such bit or value"
            if fault["code"] in codes:
                yield (*place, "faults", str(index), "code"), f"{fault['code']} stands twice"
            codes.add(fault["code"])
