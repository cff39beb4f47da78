"""The island's power balance at one moment.

Signs at an asset: consumption and charging positive, production and discharging negative (kW).
The grid is not metered: its power is what balances the others, import positive, and the page
says that it is calculated.
"""

from dataclasses import dataclass
from typing import Literal

NodeKey = Literal["pv", "battery", "charging", "grid"]
# Order of the nodes in the picture, top to bottom.
NODE_ORDER: tuple[NodeKey, ...] = ("pv", "battery", "grid", "charging")


@dataclass(frozen=True, slots=True)
class FlowShare:
    """One node's part of a side: `power_kw` >= 0, `share_percent` of the side's sum."""

    key: NodeKey
    power_kw: float
    share_percent: float


@dataclass(frozen=True, slots=True)
class PowerFlow:
    """In equals out: sources on one side, sinks on the other, each power >= 0."""

    pv_power_kw: float
    battery_power_kw: float
    charging_power_kw: float
    grid_power_kw: float
    in_kw: float
    out_kw: float
    sources: tuple[FlowShare, ...]
    sinks: tuple[FlowShare, ...]
    is_partial: bool


def power_flow(
    *,
    pv_power_kw: float,
    battery_power_kw: float,
    charging_power_kw: float,
    is_partial: bool = False,
) -> PowerFlow:
    """The balance of signed powers (kW, consumption positive); the grid closes it.

    `is_partial` says that an asset without a fresh value is missing from the sums.
    """
    signed: dict[NodeKey, float] = {
        "pv": pv_power_kw,
        "battery": battery_power_kw,
        "charging": charging_power_kw,
        "grid": -(pv_power_kw + battery_power_kw + charging_power_kw),
    }
    sources = {key: -signed[key] for key in NODE_ORDER if signed[key] < 0}
    sinks = {key: signed[key] for key in NODE_ORDER if signed[key] > 0}
    return PowerFlow(
        pv_power_kw=pv_power_kw,
        battery_power_kw=battery_power_kw,
        charging_power_kw=charging_power_kw,
        # Import is positive for the reader, while the balance counts it as a source.
        grid_power_kw=0.0 - signed["grid"],
        in_kw=sum(sources.values()),
        out_kw=sum(sinks.values()),
        sources=_shares(sources),
        sinks=_shares(sinks),
        is_partial=is_partial,
    )


def _shares(side: dict[NodeKey, float]) -> tuple[FlowShare, ...]:
    total = sum(side.values())
    return tuple(FlowShare(key, power_kw, 100 * power_kw / total) for key, power_kw in side.items())
