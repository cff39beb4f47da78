"""The units that devices speak, turned into the house's units. Pure.

A register map names the unit on the wire; which quantity it becomes says the house unit. Scale
factors (0.1 V a count) are applied before. The sign is turned here too: devices count power at
their terminals either way, the house counts consumption and charging positive.
"""

from collections.abc import Callable
from dataclasses import dataclass


def kilo_from_base(value: float) -> float:
    """W to kW, Wh to kWh, var to kvar, VA to kVA."""
    return value / 1000.0


def base_from_kilo(value: float) -> float:
    """kW to W, kWh to Wh, kvar to var, kVA to VA."""
    return value * 1000.0


def kilo_from_mega(value: float) -> float:
    """MW to kW, MWh to kWh."""
    return value * 1000.0


def mega_from_kilo(value: float) -> float:
    """kW to MW, kWh to MWh."""
    return value / 1000.0


def base_from_milli(value: float) -> float:
    """mV to V, mA to A, mHz to Hz."""
    return value / 1000.0


def milli_from_base(value: float) -> float:
    """V to mV, A to mA, Hz to mHz."""
    return value * 1000.0


def celsius_from_kelvin(value: float) -> float:
    """K to °C."""
    return value - 273.15


def kelvin_from_celsius(value: float) -> float:
    """°C to K."""
    return value + 273.15


def percent_from_share(value: float) -> float:
    """0..1 to 0..100 %."""
    return value * 100.0


def share_from_percent(value: float) -> float:
    """0..100 % to 0..1."""
    return value / 100.0


def unchanged(value: float) -> float:
    """The device's unit is the house's."""
    return value


@dataclass(frozen=True, slots=True)
class Conversion:
    """Both ways between a unit on the wire and the house unit of a quantity."""

    to_house: Callable[[float], float]
    to_wire: Callable[[float], float]


_SAME = Conversion(unchanged, unchanged)
_BASE = Conversion(kilo_from_base, base_from_kilo)
_MEGA = Conversion(kilo_from_mega, mega_from_kilo)
_MILLI = Conversion(base_from_milli, milli_from_base)
_KELVIN = Conversion(celsius_from_kelvin, kelvin_from_celsius)
_SHARE = Conversion(percent_from_share, share_from_percent)

_POWER = {"kW": _SAME, "W": _BASE, "MW": _MEGA}
_ENERGY = {"kWh": _SAME, "Wh": _BASE, "MWh": _MEGA}
_PERCENT = {"%": _SAME, "1": _SHARE}

CONVERSIONS = {
    "power_kw": _POWER,
    "dc_power_kw": _POWER,
    "reactive_power_kvar": {"kvar": _SAME, "var": _BASE, "Mvar": _MEGA},
    "apparent_power_kva": {"kVA": _SAME, "VA": _BASE, "MVA": _MEGA},
    "energy_import_kwh": _ENERGY,
    "energy_export_kwh": _ENERGY,
    "soc_percent": _PERCENT,
    "soh_percent": _PERCENT,
    "voltage_v": {"V": _SAME, "mV": _MILLI, "kV": Conversion(base_from_kilo, kilo_from_base)},
    "current_a": {"A": _SAME, "mA": _MILLI, "kA": Conversion(base_from_kilo, kilo_from_base)},
    "frequency_hz": {"Hz": _SAME, "mHz": _MILLI},
    "power_factor": {"1": _SAME},
    "temperature_c": {"°C": _SAME, "K": _KELVIN},
    "irradiance_w_per_m2": {"W/m²": _SAME, "kW/m²": Conversion(base_from_kilo, kilo_from_base)},
}
"""Quantity -> unit on the wire -> conversion."""

SIGNED_QUANTITIES = frozenset({"power_kw", "dc_power_kw", "reactive_power_kvar"})
"""A point of these must say which way the device counts."""

COUNTERS = frozenset({"energy_import_kwh", "energy_export_kwh"})

HOUSE_UNITS = {
    "power_kw": "kW",
    "dc_power_kw": "kW",
    "reactive_power_kvar": "kvar",
    "apparent_power_kva": "kVA",
    "energy_import_kwh": "kWh",
    "energy_export_kwh": "kWh",
    "soc_percent": "%",
    "soh_percent": "%",
    "voltage_v": "V",
    "current_a": "A",
    "frequency_hz": "Hz",
    "power_factor": "",
    "temperature_c": "°C",
    "irradiance_w_per_m2": "W/m²",
}


def signed_house(value: float, sign: str) -> float:
    """A device's value in the house's sign: injection is negative consumption."""
    return 0.0 - value if sign == "injection" else value


def signed_wire(value: float, sign: str) -> float:
    """A value in the house's sign as the device counts it."""
    return 0.0 - value if sign == "injection" else value
