"""DER controls (2.1 block R) on the wire: which fields a type has, its rules, which one holds.

Sources: OCPP 2.1 Part 2, R04 (set, supersede, clear, report) and R05 (alarms).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.chargers.ocpp.smart_charging.facts import RuleBroken
from apps.chargers.ocpp.values import instant, integer
from cariflex.common.time import parse_rfc3339

Payload = Mapping[str, Any]
CURVE = "curve"
_FIELDS = {
    "EnterService": "enterService",
    "FreqDroop": "freqDroop",
    "FixedPFAbsorb": "fixedPFAbsorb",
    "FixedPFInject": "fixedPFInject",
    "FixedVar": "fixedVar",
    "Gradients": "gradient",
    "LimitMaxDischarge": "limitMaxDischarge",
}
FIELDS = frozenset(_FIELDS.values()) | {CURVE}
DEFAULT_ONLY = frozenset({"EnterService", "Gradients"})
"""Types that are never scheduled (R04.FR.15)."""
_UNITS_W = ("R04.FR.50", frozenset({"PctMaxW", "PctWAvail"}))
_UNITS_VAR = ("R04.FR.52", frozenset({"PctMaxVar", "PctVarAvail"}))
_NO_UNIT = ("R04.FR.51", frozenset({"Not_Applicable"}))
_UNITS = {
    "FreqWatt": _UNITS_W,
    "VoltWatt": ("R04.FR.53", _UNITS_W[1]),
    "VoltVar": _UNITS_VAR,
    "WattVar": ("R04.FR.55", _UNITS_VAR[1]),
    "WattPF": ("R04.FR.54", _NO_UNIT[1]),
}
# The object of each list of a ReportDERControl; gradient and enterService are always defaults.
_REPORTED = {
    "curve": "curve",
    "enterService": "enterService",
    "fixedPFAbsorb": "fixedPF",
    "fixedPFInject": "fixedPF",
    "fixedVar": "fixedVar",
    "freqDroop": "freqDroop",
    "gradient": "gradient",
    "limitMaxDischarge": "limitMaxDischarge",
}
_TYPES = {field: kind for kind, field in _FIELDS.items()}


@dataclass(frozen=True, slots=True)
class Control:
    """One DER control, as it was set or as a station reports it."""

    control_id: str
    type: str
    is_default: bool
    settings: dict[str, Any]
    is_superseded: bool = False

    @property
    def priority(self) -> int:
        """0 is the highest."""
        return int(self.settings.get("priority", 0))

    @property
    def starts_at(self) -> datetime | None:
        told = self.settings.get("startTime")
        return parse_rfc3339(told) if told else None

    @property
    def duration_s(self) -> float | None:
        told = self.settings.get("duration")
        return None if told is None else float(told)


def field_of(control_type: str) -> str:
    """The field of a SetDERControl that the settings of a type stand in."""
    return _FIELDS.get(control_type, CURVE)


def control_of(payload: Payload) -> Control:
    """A SetDERControlRequest."""
    kind = payload["controlType"]
    settings = payload.get(field_of(kind)) or {}
    return Control(payload["controlId"], kind, payload["isDefault"], dict(settings))


def reported_controls(payload: Payload) -> Iterator[Control]:
    """The controls of a ReportDERControlRequest. PayloadRefused for a time that is none."""
    for name, inner in _REPORTED.items():
        for told in payload.get(name) or ():
            settings = dict(told[inner])
            if "startTime" in settings:
                instant(settings["startTime"])
            if "priority" in settings:
                integer(settings["priority"])
            yield Control(
                control_id=told["id"],
                type=told["curveType"] if name == CURVE else _TYPES[name],
                is_default=bool(told.get("isDefault", True)),
                settings=settings,
                is_superseded=bool(told.get("isSuperseded", False)),
            )


def der_rules_broken(
    payload: Payload, *, modes: frozenset[str] | None, now: datetime
) -> list[RuleBroken]:
    """Every rule that a SetDERControlRequest breaks; `modes`: those that the station told.

    The payload fits its schema.
    """
    return [
        *_fields(payload),
        *_schedule(payload, now),
        *_units(payload),
        *_supported(payload["controlType"], modes),
    ]


def _fields(payload: Payload) -> Iterator[RuleBroken]:
    kind = payload["controlType"]
    own = field_of(kind)
    if own not in payload:
        yield RuleBroken("R04.FR.16", own, f"{kind} needs {own}.")
    for name in sorted(FIELDS & payload.keys() - {own}):
        yield RuleBroken("R04.FR.17", name, f"{kind} has no {name}.")


def _schedule(payload: Payload, now: datetime) -> Iterator[RuleBroken]:
    kind = payload["controlType"]
    own = field_of(kind)
    settings = payload.get(own) or {}
    times = [name for name in ("startTime", "duration") if settings.get(name) is not None]
    if payload["isDefault"]:
        for name in times:
            yield RuleBroken("R04.FR.13", f"{own}.{name}", "A default is not scheduled.")
        return
    if kind in DEFAULT_ONLY:
        yield RuleBroken("R04.FR.15", "isDefault", f"{kind} is a default always.")
    start = None
    if "startTime" in times:
        try:
            start = parse_rfc3339(settings["startTime"])
        except ValueError:
            yield RuleBroken("dateTime", f"{own}.startTime", "This is no date-time.")
    duration_s = settings.get("duration")
    if duration_s is None:
        return
    if duration_s <= 0:
        yield RuleBroken("R04.duration", f"{own}.duration", "It lasts no time at all.")
    elif start is not None and (now - start).total_seconds() >= duration_s:
        yield RuleBroken("R04.duration", f"{own}.duration", "It has ended already.")


def _units(payload: Payload) -> Iterator[RuleBroken]:
    kind = payload["controlType"]
    limit = payload.get("limitMaxDischarge") or {}
    trip = limit.get("powerMonitoringMustTrip")
    if trip is not None and trip["yUnit"] not in _NO_UNIT[1]:
        yield RuleBroken(
            "R04.FR.56", "limitMaxDischarge.powerMonitoringMustTrip.yUnit", "It has no unit."
        )
    if field_of(kind) != CURVE or CURVE not in payload:
        return
    rule, units = _UNITS.get(kind, _NO_UNIT)
    if payload[CURVE]["yUnit"] not in units:
        told = " or ".join(sorted(units))
        yield RuleBroken(rule, f"{CURVE}.yUnit", f"A curve of {kind} is in {told}.")


def _supported(kind: str, modes: frozenset[str] | None) -> Iterator[RuleBroken]:
    if modes is not None and kind not in modes:
        yield RuleBroken("R04.FR.01", "controlType", f"The station has not told of {kind}.")


def in_effect(controls: Iterable[Control], at: datetime) -> dict[str, Control]:
    """The control of each type that holds at an instant (R04.FR.09 to 11).

    A scheduled one within [start, start + duration) goes before the default, of several the one of
    the lowest number of priority; one without a start holds as long as it is there. A superseded
    one never holds.
    """
    held: dict[str, Control] = {}
    ranked = sorted(controls, key=lambda one: (one.is_default, one.priority))
    for one in ranked:
        if not one.is_superseded and _holds(one, at):
            held.setdefault(one.type, one)
    return held


def _holds(control: Control, at: datetime) -> bool:
    start = control.starts_at
    if control.is_default or start is None:
        return True
    elapsed_s = (at - start).total_seconds()
    return elapsed_s >= 0 and (control.duration_s is None or elapsed_s < control.duration_s)
