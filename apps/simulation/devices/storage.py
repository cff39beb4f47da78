"""The physics of a battery behind its inverter: pure functions.

Sign: charging is positive, discharging negative, in kW at the AC terminals.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class StorageRating:
    """What a battery can do; efficiencies are one way, AC to stored and stored to AC."""

    capacity_kwh: float
    power_kw: float
    soc_min_percent: float = 5.0
    soc_max_percent: float = 98.0
    charging_efficiency: float = 0.96
    discharging_efficiency: float = 0.96
    ramp_kw_per_s: float = 25.0


@dataclass(frozen=True)
class StorageState:
    """`charged_kwh` and `discharged_kwh` are AC energy counters that only grow."""

    stored_kwh: float
    power_kw: float = 0.0
    charged_kwh: float = 0.0
    discharged_kwh: float = 0.0


def storage_step(
    state: StorageState, rating: StorageRating, *, setpoint_kw: float, duration_s: float
) -> StorageState:
    """The state after `duration_s` of heading for `setpoint_kw` (0 when nobody commands).

    The power ramps to the set-point, held within the rating, and is 0 as soon as the SoC limit
    in its direction is reached.
    """
    target = max(-rating.power_kw, min(rating.power_kw, setpoint_kw))
    if state.power_kw * target < 0:
        # Through zero in two legs: each has one efficiency.
        to_zero_s = min(duration_s, abs(state.power_kw) / rating.ramp_kw_per_s)
        state = _leg(state, rating, 0.0, to_zero_s)
        duration_s -= to_zero_s
        if duration_s <= 0:
            return state
    return _leg(state, rating, target, duration_s)


def _leg(
    state: StorageState, rating: StorageRating, target_kw: float, duration_s: float
) -> StorageState:
    """Ramp towards `target_kw` without changing sign, then stay there."""
    gap = target_kw - state.power_kw
    ramp_s = min(duration_s, abs(gap) / rating.ramp_kw_per_s)
    reached = state.power_kw + (
        rating.ramp_kw_per_s * ramp_s if gap > 0 else -rating.ramp_kw_per_s * ramp_s
    )
    if ramp_s < duration_s or abs(reached - target_kw) < 1e-9:
        reached = target_kw
    energy_kwh = ((state.power_kw + reached) / 2 * ramp_s + reached * (duration_s - ramp_s)) / 3600
    if energy_kwh >= 0:
        return _charge(state, rating, energy_kwh, reached)
    return _discharge(state, rating, -energy_kwh, reached)


def _charge(
    state: StorageState, rating: StorageRating, energy_kwh: float, power_kw: float
) -> StorageState:
    room_kwh = rating.capacity_kwh * rating.soc_max_percent / 100 - state.stored_kwh
    accepted = min(energy_kwh, max(0.0, room_kwh) / rating.charging_efficiency)
    full = energy_kwh > 0 and accepted < energy_kwh
    return replace(
        state,
        stored_kwh=state.stored_kwh + accepted * rating.charging_efficiency,
        charged_kwh=state.charged_kwh + accepted,
        power_kw=0.0 if full else power_kw,
    )


def _discharge(
    state: StorageState, rating: StorageRating, energy_kwh: float, power_kw: float
) -> StorageState:
    left_kwh = state.stored_kwh - rating.capacity_kwh * rating.soc_min_percent / 100
    given = min(energy_kwh, max(0.0, left_kwh) * rating.discharging_efficiency)
    empty = given < energy_kwh
    return replace(
        state,
        stored_kwh=state.stored_kwh - given / rating.discharging_efficiency,
        discharged_kwh=state.discharged_kwh + given,
        power_kw=0.0 if empty else power_kw,
    )
