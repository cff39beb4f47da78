"""Meter values of 1.6: texts, with a unit of their own (§7.33, §7.43 to §7.45)."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from apps.chargers.ocpp.events import (
    ENERGY_REGISTER,
    MeterSample,
    PayloadRefused,
    SignedSample,
)
from apps.chargers.ocpp.values import UNITS, instant, scaled, storable

Payload = Mapping[str, Any]
T = TypeVar("T")

PERIODIC, SIGNED = "Sample.Periodic", "SignedData"
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
# The published schema has the misspelt word, its errata both.
_SPELT = {"Percent": "%", "Celcius": "Celsius"}
_UNITS_BY_MEASURAND = {
    "SoC": "Percent", "Voltage": "V", "Temperature": "Celsius", "Frequency": "Hertz",
    "Current.Import": "A", "Current.Export": "A", "Current.Offered": "A",
    "Power.Active.Import": "W", "Power.Active.Export": "W", "Power.Offered": "W",
    "Power.Reactive.Import": "var", "Power.Reactive.Export": "var",
}  # fmt: skip
"""Only energy has a default by the standard (Wh, §7.33): the rest are the usual ones."""


def samples(
    meter_values: Sequence[Payload], *, usable_only: bool = False
) -> tuple[MeterSample, ...]:
    """The plain values of a list of MeterValue, by time and then in the order sent.

    One that cannot be used is refused with the message, or left out when `usable_only`.
    """
    return _read(meter_values, _sample, is_signed=False, usable_only=usable_only)


def signed_samples(
    meter_values: Sequence[Payload], *, usable_only: bool = False
) -> tuple[SignedSample, ...]:
    """The values in the format SignedData (§7.43), as the meter made them."""
    return _read(meter_values, _signed, is_signed=True, usable_only=usable_only)


def register_sample(at: datetime, register_wh: int, *, context: str) -> MeterSample:
    """meterStart or meterStop: the energy register in Wh, as a sample in kWh."""
    return MeterSample(
        at=at,
        measurand=ENERGY_REGISTER,
        value=scaled(register_wh, -3),
        unit="kWh",
        phase="",
        location="",
        context=context,
    )


def _read(
    meter_values: Sequence[Payload],
    read: Callable[[datetime, Payload], T],
    *,
    is_signed: bool,
    usable_only: bool,
) -> tuple[T, ...]:
    found: list[tuple[datetime, T]] = []
    for meter_value in meter_values:
        for sampled in meter_value["sampledValue"]:
            if (sampled.get("format") == SIGNED) != is_signed:
                continue
            try:
                at = instant(meter_value["timestamp"])
                found.append((at, read(at, sampled)))
            except PayloadRefused:
                if not usable_only:
                    raise
    return tuple(value for _at, value in sorted(found, key=lambda one: one[0]))


def _sample(at: datetime, sampled: Payload) -> MeterSample:
    measurand = sampled.get("measurand", ENERGY_REGISTER)
    wire_unit = sampled.get("unit") or _default_unit(measurand)
    unit, shift = UNITS.get(wire_unit, (_SPELT.get(wire_unit, wire_unit), 0))
    text = sampled["value"].strip()
    if not _NUMBER.fullmatch(text):
        raise PayloadRefused("PropertyConstraintViolation", f"not a number: {text[:40]!r}")
    return MeterSample(
        at=at,
        measurand=measurand,
        value=scaled(text, shift),
        unit=unit,
        phase=sampled.get("phase", ""),
        location=sampled.get("location", ""),
        context=sampled.get("context", PERIODIC),
    )


def _signed(at: datetime, sampled: Payload) -> SignedSample:
    return SignedSample(
        at=at,
        context=sampled.get("context", PERIODIC),
        signed_data=storable(sampled["value"], "value"),
    )


def _default_unit(measurand: str) -> str:
    if measurand.startswith("Energy.Active"):
        return "Wh"
    if measurand.startswith("Energy.Reactive"):
        return "varh"
    return _UNITS_BY_MEASURAND.get(measurand, "")
