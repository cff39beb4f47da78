"""The device model on the wire (2.0.1 Part 1 §4, Part 2 B05 to B08) as values of variables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from apps.chargers.ocpp.values import count, instant, integer, number_of, printable, storable

Payload = Mapping[str, Any]
SECRET_VARIABLES = frozenset({"BasicAuthPassword", "AuthorizationKey"})
"""Never kept: who can read a station's variables could speak as the station."""
WRITE_ONLY = "WriteOnly"
_ACTUAL = "Actual"


@dataclass(frozen=True, slots=True)
class VariableValue:
    """One attribute of one variable of one component; EVSE 0 is the station.

    `value`, `mutability`, `unit` and `data_type` None: not told, what is known stays.
    """

    component: str
    variable: str
    value: str | None
    component_instance: str = ""
    evse_number: int = 0
    connector_number: int = 0
    variable_instance: str = ""
    attribute: str = _ACTUAL
    mutability: str | None = None
    unit: str | None = None
    data_type: str | None = None

    @property
    def is_secret(self) -> bool:
        """True for what must not be kept."""
        return self.variable in SECRET_VARIABLES or self.mutability == WRITE_ONLY


@dataclass(frozen=True, slots=True)
class ReportPart:
    """One message of a report; parts may come in any order and more than once."""

    request_id: int
    number: int
    is_last: bool
    generated_at: datetime
    values: tuple[VariableValue, ...] = ()
    monitors: tuple[dict[str, Any], ...] = ()


def report_part(payload: Payload) -> ReportPart:
    """NotifyReportRequest; PayloadRefused for values that cannot be kept."""
    return ReportPart(
        request_id=integer(payload["requestId"]),
        number=_part_number(payload),
        is_last=not payload.get("tbc", False),
        generated_at=instant(payload["generatedAt"]),
        values=tuple(
            value for told in payload.get("reportData") or () for value in _reported(told)
        ),
    )


def monitoring_part(payload: Payload) -> ReportPart:
    """NotifyMonitoringReportRequest; the monitors stay as on the wire."""
    return ReportPart(
        request_id=integer(payload["requestId"]),
        number=_part_number(payload),
        is_last=not payload.get("tbc", False),
        generated_at=instant(payload["generatedAt"]),
        monitors=tuple(dict(monitor) for monitor in payload.get("monitor") or ()),
    )


def values_got(answer: Payload) -> tuple[VariableValue, ...]:
    """What a GetVariablesResponse tells: the attributes that were accepted."""
    return tuple(
        _value(told, told.get("attributeValue", ""))
        for told in answer["getVariableResult"]
        if told["attributeStatus"] == "Accepted"
    )


def values_set(request: Payload, answer: Payload) -> tuple[VariableValue, ...]:
    """What is in force after a SetVariablesResponse: the values asked for that were accepted.

    One that waits for a reboot is not in force yet: the station tells it afterwards.
    """
    asked = {_key(_value(one, None)): one["attributeValue"] for one in request["setVariableData"]}
    results = [
        _value(told, None)
        for told in answer["setVariableResult"]
        if told["attributeStatus"] == "Accepted"
    ]
    return tuple(replace(told, value=asked[_key(told)]) for told in results if _key(told) in asked)


def _key(value: VariableValue) -> tuple[Any, ...]:
    return (
        value.component,
        value.variable,
        value.component_instance,
        value.evse_number,
        value.connector_number,
        value.variable_instance,
        value.attribute,
    )


def _reported(told: Payload) -> Iterator[VariableValue]:
    """ReportDataType: one value for each attribute."""
    characteristics = told.get("variableCharacteristics") or {}
    for attribute in told["variableAttribute"]:
        yield _value(
            {**told, "attributeType": attribute.get("type", _ACTUAL)},
            attribute.get("value"),
            # §2.52: an attribute without a word on it can be read and written.
            mutability=attribute.get("mutability", "ReadWrite"),
            unit=printable(characteristics.get("unit", ""), "unit", empty=True),
            data_type=characteristics.get("dataType", ""),
        )


def _value(
    told: Payload,
    value: str | None,
    *,
    mutability: str | None = None,
    unit: str | None = None,
    data_type: str | None = None,
) -> VariableValue:
    component, variable = told["component"], told["variable"]
    evse = component.get("evse") or {}
    return VariableValue(
        component=printable(component["name"], "component"),
        component_instance=printable(component.get("instance", ""), "instance", empty=True),
        evse_number=number_of(evse.get("id", 0), "evse.id"),
        connector_number=number_of(evse.get("connectorId", 0), "evse.connectorId"),
        variable=printable(variable["name"], "variable"),
        variable_instance=printable(variable.get("instance", ""), "instance", empty=True),
        attribute=told.get("attributeType", _ACTUAL),
        value=None if value is None else storable(value, "value"),
        mutability=mutability,
        unit=unit,
        data_type=data_type,
    )


def _part_number(payload: Payload) -> int:
    """seqNo, from 0."""
    number = count(payload["seqNo"], "seqNo")
    return min(number, 2**31 - 1)
