"""The base of an island price: the first source of the operator's chain that knows the slot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from apps.markets.choices import QUALITY_RANK, BaseSource, Quality
from apps.markets.island.calendar import TouSlot
from apps.markets.island.cost_profile import CostProfile
from apps.markets.island.merit_order import MarginalSlot

DEFAULT_CHAIN: Final = tuple(BaseSource)


class ReasonCode(StrEnum):
    """Why a component is what it is; the words of pages and of the API hang on these."""

    MERIT_ORDER = "base.merit_order"
    MUST_RUN = "base.must_run"
    SHORTAGE = "base.shortage"
    PRODUCTION_COST = "base.production_cost"
    COST_PROFILE = "base.cost_profile"
    TOU = "base.tou"
    CARBON = "carbon.intensity"
    CARBON_UNKNOWN = "carbon.unknown"
    PEAK = "scarcity.peak"
    ALERT = "scarcity.alert"
    PV = "curtailment.pv"
    PV_UNKNOWN = "curtailment.unknown"
    CUT_AT_FLOOR = "curtailment.cut_at_floor"


@dataclass(frozen=True, slots=True)
class Reason:
    """A code with what it speaks of: the unit, level, window, alert or figure."""

    code: ReasonCode
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """A value of a slot with its quality."""

    value: Decimal
    quality: Quality


@dataclass(frozen=True, slots=True)
class BaseInputs:
    """What the chain can draw on, by the start of the quarter hour (UTC)."""

    marginal: Mapping[datetime, tuple[MarginalSlot, Quality]]
    costs: Mapping[datetime, Known]
    profile: CostProfile | None
    tou: Mapping[datetime, TouSlot]


@dataclass(frozen=True, slots=True)
class Base:
    """The base of a slot, EUR/MWh; `tried` are the sources asked, the last one answered."""

    price_eur_per_mwh: Decimal
    source: BaseSource
    tried: tuple[BaseSource, ...]
    reason: Reason
    quality: Quality


def base_at(start: datetime, *, chain: Iterable[BaseSource], inputs: BaseInputs) -> Base | None:
    """The base of a quarter hour; None when no source of the chain knows it.

    An hour's usual cost is an estimate; a calendar's price is as declared.
    """
    tried: list[BaseSource] = []
    for source in chain:
        tried.append(source)
        found = _ASK[source](start, inputs)
        if found is not None:
            known, reason = found
            return Base(known.value, source, tuple(tried), reason, known.quality)
    return None


def worst(*qualities: Quality) -> Quality:
    """The least sure of some qualities."""
    return max(qualities, key=lambda quality: QUALITY_RANK[quality])


_Answer = tuple[Known, Reason] | None


def _merit_order(start: datetime, inputs: BaseInputs) -> _Answer:
    found = inputs.marginal.get(start)
    if found is None:
        return None
    slot, quality = found
    if slot.unit is None:
        reason = Reason(ReasonCode.MUST_RUN)
    elif slot.is_short:
        reason = Reason(ReasonCode.SHORTAGE, f"{slot.unit}: {slot.missing_mw:f} MW")
    else:
        reason = Reason(ReasonCode.MERIT_ORDER, slot.unit)
    return Known(slot.marginal_cost_eur_per_mwh, quality), reason


def _production_cost(start: datetime, inputs: BaseInputs) -> _Answer:
    known = inputs.costs.get(start)
    return None if known is None else (known, Reason(ReasonCode.PRODUCTION_COST))


def _cost_profile(start: datetime, inputs: BaseInputs) -> _Answer:
    cost = inputs.profile.cost_at(start) if inputs.profile else None
    if cost is None:
        return None
    return Known(cost, Quality.ESTIMATED), Reason(ReasonCode.COST_PROFILE)


def _tou(start: datetime, inputs: BaseInputs) -> _Answer:
    slot = inputs.tou.get(start)
    if slot is None:
        return None
    return Known(slot.price_eur_per_mwh, Quality.ACTUAL), Reason(ReasonCode.TOU, slot.level)


_ASK: Final = {
    BaseSource.MERIT_ORDER: _merit_order,
    BaseSource.PRODUCTION_COST: _production_cost,
    BaseSource.COST_PROFILE: _cost_profile,
    BaseSource.TOU: _tou,
}
