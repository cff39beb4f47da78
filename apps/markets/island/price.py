"""The price of an island: base, carbon, scarcity and curtailment, whose sum is the total."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Final
from zoneinfo import ZoneInfo

from apps.markets.choices import BaseSource, Quality
from apps.markets.island.base import (
    DEFAULT_CHAIN,
    Base,
    BaseInputs,
    Known,
    Reason,
    ReasonCode,
    base_at,
    worst,
)
from apps.markets.island.errors import IslandError
from apps.markets.island.local_days import DayRules
from apps.markets.island.scarcity import Alert, PeakWindow, scarcity_at

PART: Final = "price"
STEP: Final = Decimal("0.01")
NOTHING: Final = Decimal("0.00")
GRAMS_PER_KWH_IN_TONNES_PER_MWH: Final = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class PriceRules:
    """What the operator declares for its island.

    `floor_eur_per_mwh`: the discount stops there; None: nowhere. The discount (0 or more) is given
    where the PV forecast is above the threshold. Raises IslandError that names the field.
    """

    zone: ZoneInfo
    days: DayRules
    carbon_price_eur_per_tonne: Decimal = NOTHING
    floor_eur_per_mwh: Decimal | None = None
    pv_threshold_mw: Decimal | None = None
    curtailment_discount_eur_per_mwh: Decimal = NOTHING
    chain: tuple[BaseSource, ...] = DEFAULT_CHAIN
    peaks: tuple[PeakWindow, ...] = ()

    def __post_init__(self) -> None:
        for name in ("carbon_price_eur_per_tonne", "curtailment_discount_eur_per_mwh"):
            value: Decimal = getattr(self, name)
            if not value.is_finite() or value < 0:
                raise IslandError(PART, name, f"{value} is not a number of 0 or more")
        for name in ("floor_eur_per_mwh", "pv_threshold_mw"):
            bound: Decimal | None = getattr(self, name)
            if bound is not None and not bound.is_finite():
                raise IslandError(PART, name, f"{bound} is not a number")
        if not self.chain:
            raise IslandError(PART, "chain", "names no source")
        if len(set(self.chain)) < len(self.chain):
            raise IslandError(PART, "chain", "names a source twice")


@dataclass(frozen=True, slots=True)
class PriceInputs:
    """What is known of the slots, by the start of the quarter hour (UTC).

    `intensity` in g/kWh (life cycle or direct, as the operator chose), `pv_mw` the forecast.
    """

    base: BaseInputs
    intensity: Mapping[datetime, Known]
    pv_mw: Mapping[datetime, Known]
    alerts: Sequence[Alert] = ()


@dataclass(frozen=True, slots=True)
class PriceSlot:
    """The price of the quarter hour from `start` (UTC), each part in EUR/MWh to 0.01.

    `curtailment` is 0 or less; `quality` is the worst of the inputs that were used.
    """

    start: datetime
    base: Decimal
    carbon: Decimal
    scarcity: Decimal
    curtailment: Decimal
    base_source: BaseSource
    tried: tuple[BaseSource, ...]
    reasons: tuple[Reason, ...]
    quality: Quality

    @property
    def total(self) -> Decimal:
        """The sum of the four parts."""
        return self.base + self.carbon + self.scarcity + self.curtailment


@dataclass(frozen=True, slots=True)
class IslandPrice:
    """The priced slots in order, and the starts of those whose base nothing knows."""

    slots: tuple[PriceSlot, ...]
    missing: tuple[datetime, ...]


def island_price(
    starts: Iterable[datetime], *, rules: PriceRules, inputs: PriceInputs
) -> IslandPrice:
    """The price of each quarter hour that starts at `starts` (UTC).

    Each part is rounded half up to 0.01 EUR/MWh and the total is their sum. The discount never
    takes the total below the floor; a total that is below it without discount stays as it is.
    An intensity or forecast that is not known counts as none, and the slot is then a fallback.
    """
    slots, missing = [], []
    for start in starts:
        base = base_at(start, chain=rules.chain, inputs=inputs.base)
        if base is None:
            missing.append(start)
        else:
            slots.append(_slot(start, base, rules, inputs))
    return IslandPrice(tuple(slots), tuple(missing))


@dataclass(frozen=True, slots=True)
class _Part:
    price: Decimal
    reasons: tuple[Reason, ...] = ()
    quality: Quality = Quality.ACTUAL


def _slot(start: datetime, base: Base, rules: PriceRules, inputs: PriceInputs) -> PriceSlot:
    base_price = _cents(base.price_eur_per_mwh)
    carbon = _carbon(inputs.intensity.get(start), rules)
    scarcity = _scarcity(start, rules, inputs.alerts)
    curtailment = _curtailment(
        inputs.pv_mw.get(start), base_price + carbon.price + scarcity.price, rules
    )
    return PriceSlot(
        start=start,
        base=base_price,
        carbon=carbon.price,
        scarcity=scarcity.price,
        curtailment=curtailment.price,
        base_source=base.source,
        tried=base.tried,
        reasons=(base.reason, *carbon.reasons, *scarcity.reasons, *curtailment.reasons),
        quality=worst(base.quality, carbon.quality, curtailment.quality),
    )


def _carbon(intensity: Known | None, rules: PriceRules) -> _Part:
    if not rules.carbon_price_eur_per_tonne:
        return _Part(NOTHING)
    if intensity is None:
        return _Part(NOTHING, (Reason(ReasonCode.CARBON_UNKNOWN),), Quality.FALLBACK)
    price = rules.carbon_price_eur_per_tonne * intensity.value * GRAMS_PER_KWH_IN_TONNES_PER_MWH
    reason = Reason(ReasonCode.CARBON, f"{intensity.value.normalize():f} g/kWh")
    return _Part(_cents(price), (reason,), intensity.quality)


def _scarcity(start: datetime, rules: PriceRules, alerts: Sequence[Alert]) -> _Part:
    found = scarcity_at(start, peaks=rules.peaks, alerts=alerts, zone=rules.zone, days=rules.days)
    if found is None:
        return _Part(NOTHING)
    code = ReasonCode.ALERT if found.is_alert else ReasonCode.PEAK
    return _Part(_cents(found.adder_eur_per_mwh), (Reason(code, found.name),))


def _curtailment(pv_mw: Known | None, before: Decimal, rules: PriceRules) -> _Part:
    if rules.pv_threshold_mw is None or not rules.curtailment_discount_eur_per_mwh:
        return _Part(NOTHING)
    if pv_mw is None:
        return _Part(NOTHING, (Reason(ReasonCode.PV_UNKNOWN),), Quality.FALLBACK)
    if pv_mw.value <= rules.pv_threshold_mw:
        return _Part(NOTHING, (), pv_mw.quality)
    reason = Reason(ReasonCode.PV, f"{pv_mw.value.normalize():f} MW")
    wanted = -_cents(rules.curtailment_discount_eur_per_mwh)
    lowest = wanted
    if rules.floor_eur_per_mwh is not None:
        room = (rules.floor_eur_per_mwh - before).quantize(STEP, ROUND_CEILING)
        lowest = min(NOTHING, max(wanted, room))
    if lowest == wanted:
        return _Part(wanted, (reason,), pv_mw.quality)
    return _Part(lowest, (reason, Reason(ReasonCode.CUT_AT_FLOOR)), pv_mw.quality)


def _cents(price: Decimal) -> Decimal:
    return price.quantize(STEP, ROUND_HALF_UP)
