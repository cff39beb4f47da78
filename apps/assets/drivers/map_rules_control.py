"""What a register map must keep so that a set-point is safe: order, read-back, fallback."""

from collections.abc import Iterator, Mapping
from typing import Any

from apps.assets.drivers.map_units import CONVERSIONS
from apps.assets.drivers.map_yaml import Path
from apps.assets.drivers.register_map import POWER_SOURCES, REGISTERS_OF_TYPE

POWER_UNITS = (*CONVERSIONS["power_kw"], "%")
_NUMBERS = ("u16", "s16", "u32", "s32", "f32", "f64", "enum16", "enum32")
_FALLBACK_FIELDS = {
    "timer": {"point", "unit_s", "most"},
    "rewrite": {"after_s"},
    "heartbeat": {"point", "after_s"},
    "none": set[str](),
}

Broken = Iterator[tuple[Path, str]]
Fields = Mapping[str, Any]


def control_rules(fields: Fields, points: Mapping[str, Fields]) -> Broken:
    """What is wrong with the controls of a map."""
    seen: set[str] = set()
    for n, control in enumerate(fields.get("controls", [])):
        place: Path = ("controls", n)
        if control["function"] in seen:
            yield (*place, "function"), f"{control['function']} is controlled twice"
        seen.add(control["function"])
        low, high = control.get("range_kw", (0, 1))
        if low >= high:
            yield (*place, "range_kw"), "the low end must be below the high end"
        for part in ("writes", "release", "readback"):
            for m, step in enumerate(control.get(part, [])):
                yield from _step_rules((*place, part, m), step, points, control, part)
        yield from _order_rules((*place, "writes"), control)
        yield from _overlap_rules((*place, "writes"), control["writes"], points)
        yield from _fallback_rules((*place, "fallback"), control)


def _step_rules(
    place: Path, step: Fields, points: Mapping[str, Fields], control: Fields, part: str
) -> Broken:
    point = points.get(step["point"])
    if point is None:
        yield (*place, "point"), f"there is no point {step['point']}"
        return
    if point["type"] not in _NUMBERS:
        yield (*place, "point"), f"a {point['type']} cannot be set"
    if part != "readback" and not point.get("writable"):
        yield (*place, "point"), f"{step['point']} is not writable"
    if sum(field in step for field in ("source", "number", "by_direction")) != 1:
        yield place, "must have one of source, number, by_direction"
        return
    source = step.get("source", "")
    if source == "reversion" and step["role"] != "reversion":
        yield (*place, "source"), "the reversion time goes to a step with the role reversion"
    if step["role"] == "reversion" and source != "reversion" and part == "writes":
        yield (*place, "role"), "a reversion step has the source reversion"
    if source and part == "release":
        yield (*place, "source"), "a release writes fixed numbers"
    if source in POWER_SOURCES:
        if point.get("unit") not in POWER_UNITS:
            yield (*place, "source"), f"{step['point']} has no unit of power or %"
        if source != "power" and point.get("sign", "none") != "none":
            yield (*place, "source"), f"{source} is never negative, {step['point']} has a sign"
        if source == "power" and point.get("sign", "none") == "none":
            yield (*place, "source"), f"{step['point']} must say consumption or injection"
    if source == "production" and control["function"] != "production_limit":
        yield (*place, "source"), "production is what a production_limit limits"


def _order_rules(place: Path, control: Fields) -> Broken:
    roles = [step["role"] for step in control["writes"]]
    if "value" not in roles:
        yield place, "no step has the role value"
    after = roles[roles.index("enable") :] if "enable" in roles else []
    late = next((n for n, role in enumerate(after) if role != "enable"), None)
    if late is not None:
        rule = "enable comes last: a half written set-point is not in force"
        yield (*place, len(roles) - len(after) + late, "role"), rule
    shown = control.get("readback", control["writes"])
    if not any(step.get("source") in POWER_SOURCES for step in shown):
        yield place[:-1], "the read-back shows no power"


def _overlap_rules(place: Path, steps: list[Fields], points: Mapping[str, Fields]) -> Broken:
    spans: list[tuple[str, int, int]] = []
    for m, step in enumerate(steps):
        point = points.get(step["point"])
        if point is None or point["type"] not in REGISTERS_OF_TYPE:
            continue
        first, count = point["address"], REGISTERS_OF_TYPE[point["type"]]
        for other, other_first, other_count in spans:
            if step["point"] == other:
                yield (*place, m, "point"), f"{other} is written twice"
            elif first < other_first + other_count and other_first < first + count:
                yield (*place, m, "point"), f"{step['point']} overlaps {other}, written before"
        spans.append((step["point"], first, count))


def _fallback_rules(place: Path, control: Fields) -> Broken:
    fallback = control["fallback"]
    kind = fallback["kind"]
    for field in fallback:
        if field != "kind" and field not in _FALLBACK_FIELDS[kind]:
            yield (*place, field), f"a fallback of kind {kind} has none"
    role = {"timer": "reversion", "heartbeat": "heartbeat"}.get(kind)
    if role is not None:
        written = {step["point"] for step in control["writes"] if step["role"] == role}
        if "point" not in fallback:
            yield (*place, "point"), "is missing"
        elif fallback["point"] not in written:
            yield (*place, "point"), f"no step writes {fallback['point']} with the role {role}"
    if kind in ("rewrite", "heartbeat") and "after_s" not in fallback:
        yield (*place, "after_s"), "is missing"
