"""What the production types of the Transparency Platform burn."""

from __future__ import annotations

from typing import Final

from apps.markets.co2 import Fuel

PSR_FUELS: Final = {
    **dict.fromkeys(("B01", "B17"), Fuel.BIOMASS),
    **dict.fromkeys(("B02", "B05", "B07", "B08"), Fuel.COAL),
    **dict.fromkeys(("B03", "B04"), Fuel.GAS),
    "B06": Fuel.OIL,
    "B09": Fuel.GEOTHERMAL,
    **dict.fromkeys(("B10", "B25"), Fuel.STORAGE),
    **dict.fromkeys(("B11", "B12"), Fuel.HYDRO),
    "B14": Fuel.NUCLEAR,
    "B16": Fuel.SOLAR,
    **dict.fromkeys(("B18", "B19"), Fuel.WIND),
    **dict.fromkeys(("B13", "B15", "B20"), Fuel.UNKNOWN),
}
"""ENTSO-E code list, PsrTypeList, grouped as electricitymaps-contrib does: B13 marine and B15
other renewable are too small to have a factor of their own."""


def fuel_of(psr_type: str) -> Fuel:
    """The fuel of a production type; a type that is not in the list is unknown."""
    return PSR_FUELS.get(psr_type, Fuel.UNKNOWN)
