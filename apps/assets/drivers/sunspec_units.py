"""SunSpec's units and signs turned into the house's, each once and in a named function. Pure.

An inverter or a DER (101-113, 701) counts power positive for injection into the grid (catalogue,
model 701: "positive for DER generation and negative for absorption"); so do 704's set-points.

A meter (201-204) counts power positive for import: its reactive energy is "imported" in quadrants
1 and 2, so quadrant 1 is import of both (catalogue, TotVArhImpQ1, TotVArhImpQ2), and a Fronius
meter in front of a PV plant shows a negative current while TotWhExp grows (evcc-io/evcc issue
19905). SolarEdge turns it round: positive is export (WillCodeForCats/solaredge-modbus-multi issue
69), while its energy counters keep their names.
"""


def consumption_kw_from_injection_w(injection_w: float) -> float:
    """SunSpec's W (injection positive) as the house's kW (consumption positive)."""
    return 0.0 - injection_w / 1000.0


def injection_w_from_consumption_kw(consumption_kw: float) -> float:
    """The house's kW (consumption positive) as SunSpec's W (injection positive)."""
    return 0.0 - consumption_kw * 1000.0


def consumption_kw_from_import_w(import_w: float) -> float:
    """A meter's W (import positive) as the house's kW (consumption positive); also var."""
    return import_w / 1000.0 + 0.0


def energy_kwh_from_wh(energy_wh: float) -> float:
    """SunSpec's Wh counters as the house's kWh counters."""
    return energy_wh / 1000.0


def magnitude(value: float) -> float:
    """A current or a voltage without the sign that some devices give it."""
    return abs(value)


def kilo_magnitude(value: float) -> float:
    """Apparent power in VA as kVA, without sign."""
    return abs(value) / 1000.0


def share_from_percent(percent: float) -> float:
    """A power factor in percent as -1 to 1."""
    return percent / 100.0


def unchanged(value: float) -> float:
    """SunSpec's unit is the house's."""
    return value


def limit_percent_from_consumption_kw(consumption_kw: float, rated_power_kw: float) -> float:
    """The production limit -`consumption_kw` as percent of the rating, held in 0 to 100."""
    return max(0.0, min(100.0, -consumption_kw / rated_power_kw * 100.0))
