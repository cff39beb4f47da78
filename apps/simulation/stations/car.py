"""How a car takes energy: a pure function."""

from dataclasses import dataclass, replace

CHARGER_EFFICIENCY = 0.92
"""Share of the AC energy that reaches the car's battery."""
TAPER_FROM_PERCENT = 80.0
TAPER_END_SHARE = 0.1
RAMP_KW_PER_S = 44.0
"""Half a second from 0 to 22 kW."""
_LONGEST_STEP_S = 10.0


@dataclass(frozen=True)
class CarState:
    """`power_kw` is at the AC terminals, >= 0."""

    capacity_kwh: float
    max_power_kw: float
    soc_percent: float
    power_kw: float = 0.0


def accepted_power_kw(car: CarState, limit_kw: float) -> float:
    """What the car would draw now from a station that offers `limit_kw`; falls above 80 %."""
    most = min(car.max_power_kw, limit_kw)
    if car.soc_percent >= 100:
        return 0.0
    if car.soc_percent <= TAPER_FROM_PERCENT:
        return most
    done = (car.soc_percent - TAPER_FROM_PERCENT) / (100 - TAPER_FROM_PERCENT)
    return most * (1 - done * (1 - TAPER_END_SHARE))


def car_charge(car: CarState, *, limit_kw: float, duration_s: float) -> tuple[CarState, float]:
    """The car after `duration_s` on `limit_kw` (three phase AC) and the AC energy (kWh) taken."""
    energy_kwh = 0.0
    while duration_s > 0:
        step_s = min(duration_s, _LONGEST_STEP_S)
        car, taken_kwh = _step(car, limit_kw, step_s)
        energy_kwh += taken_kwh
        duration_s -= step_s
    return car, energy_kwh


def _step(car: CarState, limit_kw: float, duration_s: float) -> tuple[CarState, float]:
    target = accepted_power_kw(car, limit_kw)
    ramp_s = min(duration_s, abs(target - car.power_kw) / RAMP_KW_PER_S)
    change = RAMP_KW_PER_S * ramp_s
    rising = target > car.power_kw
    reached = min(target, car.power_kw + change) if rising else max(target, car.power_kw - change)
    wanted_kwh = ((car.power_kw + reached) / 2 * ramp_s + reached * (duration_s - ramp_s)) / 3600
    room_kwh = car.capacity_kwh * (100 - car.soc_percent) / 100
    taken_kwh = min(wanted_kwh, room_kwh / CHARGER_EFFICIENCY)
    soc = car.soc_percent + taken_kwh * CHARGER_EFFICIENCY / car.capacity_kwh * 100
    full = soc >= 100 - 1e-9
    charged = replace(car, soc_percent=100.0 if full else soc, power_kw=0.0 if full else reached)
    return charged, taken_kwh
