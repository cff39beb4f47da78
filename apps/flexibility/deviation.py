"""Within a slot: what batteries do when sun and load are not what the plan expected. Pure.

A plan that balances the site, charges from own surplus only or gives to own load only, meant that
and not the very number of kW: a cloud must not make it buy, a car that left must not make it sell.
A plan that buys or sells on purpose is followed to the number. kW, consumption positive.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from apps.flexibility.planning import RULE_STEP_KW, BatteryState

BALANCED_KW: Final = 1.0
"""A planned exchange with the grid below this is none."""
SOC_DRIFT_PERCENT: Final = 5.0
MISS_KW: Final = 15.0
MISS_SHARE: Final = 0.25


def trimmed(
    *,
    planned_kw: Mapping[int, float],
    planned_rest_kw: float,
    measured_rest_kw: float,
    batteries: Sequence[BatteryState],
) -> dict[int, float]:
    """The powers of the batteries (device -> kW) given what really flows beside them.

    Never turns charging into discharging or the other way round, never beyond a rating.
    """
    total = sum(planned_kw.values())
    wanted = _total(total, planned_rest_kw + total, -measured_rest_kw)
    if abs(wanted - total) < RULE_STEP_KW:
        return dict(planned_kw)
    if abs(wanted) < abs(total):
        share = wanted / total
        return {pk: _step(power * share) for pk, power in planned_kw.items()}
    return _more(planned_kw, wanted - total, batteries)


def has_drifted(*, planned_percent: float, measured_percent: float) -> bool:
    """Whether a battery is so far from where the plan has it that it plans anew."""
    return abs(planned_percent - measured_percent) > SOC_DRIFT_PERCENT


def is_missed(*, expected_kw: float, measured_kw: float) -> bool:
    """Whether what flows beside the batteries is far from what the plan expected."""
    return abs(expected_kw - measured_kw) > max(MISS_KW, MISS_SHARE * abs(expected_kw))


def _total(total: float, planned_net: float, balance: float) -> float:
    """What all batteries shall do together; `balance` would leave nothing to the grid."""
    if total == 0:
        return 0.0
    own = max(0.0, balance) if total > 0 else min(0.0, balance)
    if abs(planned_net) <= BALANCED_KW:
        return own
    if total > 0 and planned_net < 0:
        return min(total, own)
    if total < 0 and planned_net > 0:
        return max(total, own)
    return total


def _more(
    planned_kw: Mapping[int, float], more_kw: float, batteries: Sequence[BatteryState]
) -> dict[int, float]:
    """Share what is more by the room each battery has up to its rating."""
    rated = {battery.device_id: battery.rated_power_kw for battery in batteries}
    room = {pk: max(0.0, rated.get(pk, 0.0) - abs(power)) for pk, power in planned_kw.items()}
    all_room = sum(room.values())
    if not all_room:
        return dict(planned_kw)
    share = math.copysign(min(1.0, abs(more_kw) / all_room), more_kw)
    return {pk: _step(power + share * room[pk]) for pk, power in planned_kw.items()}


def _step(power_kw: float) -> float:
    # In steps towards zero, so that the measured power can follow and small changes write nothing.
    return math.trunc(round(power_kw / RULE_STEP_KW, 9)) * RULE_STEP_KW + 0.0
