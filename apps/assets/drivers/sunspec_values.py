"""Which points of which SunSpec models are measured, as which sensors. Tables, no logic."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from apps.assets.drivers.sunspec_scan import (
    BATTERY_BASE,
    DER_MEASUREMENT,
    DER_STORAGE,
    INVERTERS,
    METERS,
    MPPT,
    STORAGE_CONTROLS,
)
from apps.assets.drivers.sunspec_units import (
    consumption_kw_from_import_w,
    consumption_kw_from_injection_w,
    energy_kwh_from_wh,
    kilo_magnitude,
    magnitude,
    share_from_percent,
    unchanged,
)

Convert = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Measured:
    """A point that is a sensor; `is_fast`: read at every poll."""

    point: str
    quantity: str
    channel: str
    convert: Convert
    is_fast: bool = False


def _phases(
    quantity: str, convert: Convert, names: tuple[str, str, str], prefix: str = ""
) -> tuple[Measured, ...]:
    return tuple(
        Measured(prefix + name, quantity, f"l{number}", convert)
        for number, name in enumerate(names, start=1)
    )


_LETTERS = ("A", "B", "C")
_NUMBERS = ("1", "2", "3")
_VOLTS = ("PhVphA", "PhVphB", "PhVphC")

_INVERTER = (
    Measured("W", "power_kw", "", consumption_kw_from_injection_w, is_fast=True),
    Measured("WH", "energy_export_kwh", "", energy_kwh_from_wh, is_fast=True),
    Measured("A", "current_a", "", magnitude),
    *_phases("current_a", magnitude, _LETTERS, "Aph"),
    *_phases("voltage_v", unchanged, _VOLTS),
    Measured("Hz", "frequency_hz", "", unchanged),
    Measured("VA", "apparent_power_kva", "", kilo_magnitude),
    Measured("VAr", "reactive_power_kvar", "", consumption_kw_from_injection_w),
    Measured("PF", "power_factor", "", share_from_percent),
    Measured("DCW", "dc_power_kw", "", consumption_kw_from_injection_w),
    Measured("DCV", "voltage_v", "dc", unchanged),
    Measured("DCA", "current_a", "dc", magnitude),
    Measured("TmpCab", "temperature_c", "", unchanged),
    Measured("TmpSnk", "temperature_c", "heat-sink", unchanged),
    Measured("TmpTrns", "temperature_c", "transformer", unchanged),
    Measured("TmpOt", "temperature_c", "other", unchanged),
)

_DER = (
    Measured("W", "power_kw", "", consumption_kw_from_injection_w, is_fast=True),
    Measured("TotWhInj", "energy_export_kwh", "", energy_kwh_from_wh, is_fast=True),
    Measured("TotWhAbs", "energy_import_kwh", "", energy_kwh_from_wh, is_fast=True),
    *_phases("power_kw", consumption_kw_from_injection_w, _NUMBERS, "WL"),
    Measured("A", "current_a", "", magnitude),
    *_phases("current_a", magnitude, _NUMBERS, "AL"),
    *_phases("voltage_v", unchanged, _NUMBERS, "VL"),
    Measured("LNV", "voltage_v", "", unchanged),
    Measured("Hz", "frequency_hz", "", unchanged),
    Measured("VA", "apparent_power_kva", "", kilo_magnitude),
    Measured("Var", "reactive_power_kvar", "", consumption_kw_from_injection_w),
    Measured("PF", "power_factor", "", unchanged),
    Measured("TmpCab", "temperature_c", "", unchanged),
    Measured("TmpAmb", "temperature_c", "ambient", unchanged),
    Measured("TmpSnk", "temperature_c", "heat-sink", unchanged),
    Measured("TmpTrns", "temperature_c", "transformer", unchanged),
    Measured("TmpSw", "temperature_c", "switches", unchanged),
    Measured("TmpOt", "temperature_c", "other", unchanged),
)


def _meter(power: Convert) -> tuple[Measured, ...]:
    return (
        Measured("W", "power_kw", "", power, is_fast=True),
        Measured("TotWhExp", "energy_export_kwh", "", energy_kwh_from_wh, is_fast=True),
        Measured("TotWhImp", "energy_import_kwh", "", energy_kwh_from_wh, is_fast=True),
        *_phases("power_kw", power, _LETTERS, "Wph"),
        Measured("A", "current_a", "", magnitude),
        *_phases("current_a", magnitude, _LETTERS, "Aph"),
        Measured("PhV", "voltage_v", "", unchanged),
        *_phases("voltage_v", unchanged, _VOLTS),
        Measured("Hz", "frequency_hz", "", unchanged),
        Measured("VA", "apparent_power_kva", "", kilo_magnitude),
        Measured("VAR", "reactive_power_kvar", "", power),
        Measured("PF", "power_factor", "", share_from_percent),
    )


_METER = _meter(consumption_kw_from_import_w)
METER_EXPORT_POSITIVE = _meter(consumption_kw_from_injection_w)
"""For the vendors that turn the sign round."""
EXPORT_POSITIVE_VENDORS = ("SolarEdge",)

_MODULE = (
    Measured("DCW", "dc_power_kw", "mppt{}", consumption_kw_from_injection_w),
    Measured("DCV", "voltage_v", "mppt{}", unchanged),
    Measured("DCA", "current_a", "mppt{}", magnitude),
    Measured("Tmp", "temperature_c", "mppt{}", unchanged),
)

_STATE = (
    Measured("SoC", "soc_percent", "", unchanged, is_fast=True),
    Measured("SoH", "soh_percent", "", unchanged),
)

MEASURED: Mapping[int, tuple[Measured, ...]] = {
    **dict.fromkeys(INVERTERS, _INVERTER),
    **dict.fromkeys(METERS, _METER),
    DER_MEASUREMENT: _DER,
    DER_STORAGE: _STATE,
    BATTERY_BASE: (*_STATE, Measured("V", "voltage_v", "dc", unchanged)),
    STORAGE_CONTROLS: (Measured("ChaState", "soc_percent", "", unchanged, is_fast=True),),
}
REPEATED: Mapping[int, tuple[Measured, ...]] = {MPPT: _MODULE}
"""Points of repeating groups; `{}` in the channel is the number of the group."""

POWER_MODELS = (DER_MEASUREMENT, *INVERTERS, *METERS)
"""The first of these that a device has says its power."""
STATE_MODELS = (DER_STORAGE, BATTERY_BASE, STORAGE_CONTROLS)
"""The first of these that a device has says its state of charge."""

FAULT_POINTS: Mapping[int, str] = {
    **dict.fromkeys(INVERTERS, "Evt1"),
    **dict.fromkeys(METERS, "Evt"),
    DER_MEASUREMENT: "Alrm",
    BATTERY_BASE: "Evt1",
}

VALID: Mapping[str, tuple[float, float]] = {
    "soc_percent": (0.0, 100.0),
    "soh_percent": (0.0, 100.0),
    "power_factor": (-1.001, 1.001),
    "frequency_hz": (0.0, 100.0),
    "temperature_c": (-60.0, 200.0),
    "energy_import_kwh": (0.0, 1e9),
    "energy_export_kwh": (0.0, 1e9),
}
"""What a device can have measured; a value outside is passed on and marked."""
