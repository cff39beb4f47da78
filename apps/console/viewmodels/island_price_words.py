"""Why a part of the island price is what it is, in the reader's language."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from apps.console.formats import NO_BREAK_SPACE, number_text
from apps.markets.choices import BaseSource, Quality
from apps.markets.island.base import ReasonCode
from apps.markets.island.local_days import clock_text
from apps.markets.models import IslandPricing, PeakWindow
from apps.markets.selectors.island import IslandSlot

PARTS: tuple[tuple[str, str | Promise], ...] = (
    ("base", pgettext_lazy("part of a price", "Base")),
    ("carbon", pgettext_lazy("part of a price", "Carbon")),
    ("scarcity", pgettext_lazy("part of a price", "Scarcity")),
    ("curtailment", pgettext_lazy("part of a price", "Curtailment discount")),
)
QUALITY_TONES = {
    Quality.ACTUAL: "ok",
    Quality.ESTIMATED: "info",
    Quality.FORECAST: "info",
    Quality.FALLBACK: "warn",
}
GRAMS_PER_TONNE_MWH = Decimal(1000)
_BASES: Mapping[str, str | Promise] = {
    ReasonCode.MERIT_ORDER: gettext_lazy("%(what)s is the dearest unit that runs."),
    ReasonCode.MUST_RUN: gettext_lazy("What runs first carries the whole load."),
    ReasonCode.SHORTAGE: gettext_lazy("The units do not carry the load (%(what)s missing)."),
    ReasonCode.PRODUCTION_COST: gettext_lazy("Published production cost of this time."),
    ReasonCode.COST_PROFILE: gettext_lazy("Usual production cost of this hour on past days."),
    ReasonCode.TOU: gettext_lazy("Level %(what)s of the price calendar."),
}


def part_words(
    slot: IslandSlot, pricing: IslandPricing, peaks: Sequence[PeakWindow]
) -> dict[str, str]:
    """A sentence or two for each part; none for a slot that was never explained."""
    if slot.base_source is None:
        return {}
    said = {str(reason.code): reason.subject for reason in slot.reasons}
    return {
        "base": _base(said, slot.tried),
        "carbon": _carbon(said, slot, pricing),
        "scarcity": _scarcity(said, peaks),
        "curtailment": _curtailment(said, slot, pricing),
    }


def figure(value: Decimal | None, decimals: int = 2) -> str:
    """A number, a dash for none."""
    return "–" if value is None else number_text(value, decimals)


def short_figure(value: Decimal) -> str:
    """A number with as many decimals as it has, two at most."""
    exponent = value.normalize().as_tuple().exponent
    return number_text(value, min(2, max(0, -exponent if isinstance(exponent, int) else 0)))


def with_unit(value: Decimal, unit: str) -> str:
    """A number with its unit."""
    return f"{short_figure(value)}{NO_BREAK_SPACE}{unit}"


def _base(said: Mapping[str, str], tried: Sequence[BaseSource]) -> str:
    code = next((code for code in said if code.startswith("base.")), "")
    words = str(_BASES.get(code, "")) % {"what": said.get(code, "")} if code in _BASES else ""
    silent = [str(one.label) for one in tried[:-1]]
    if silent:
        words += " " + _("Asked before, without an answer: %(sources)s.") % {
            "sources": ", ".join(silent)
        }
    return words.strip()


def _carbon(said: Mapping[str, str], slot: IslandSlot, pricing: IslandPricing) -> str:
    if ReasonCode.CARBON_UNKNOWN in said:
        return _("The CO2 intensity is not known: it counts as none.")
    grams = slot.intensity_g_per_kwh
    if ReasonCode.CARBON not in said or grams is None:
        return _("No carbon price is set.")
    price = pricing.carbon_price_eur_per_tonne
    intensity = with_unit(grams, "g/kWh")
    # The price may have changed since the slot was computed; then only the intensity is said.
    if abs(price * grams / GRAMS_PER_TONNE_MWH - slot.carbon) > Decimal("0.01"):
        return _("%(intensity)s at the carbon price of then.") % {"intensity": intensity}
    return f"{intensity} × {with_unit(price, '€/t')}"


def _scarcity(said: Mapping[str, str], peaks: Sequence[PeakWindow]) -> str:
    if ReasonCode.ALERT in said:
        return _("Alert: %(reason)s.") % {"reason": said[ReasonCode.ALERT].rstrip(".")}
    if ReasonCode.PEAK not in said:
        return _("No peak window and no alert.")
    name = said[ReasonCode.PEAK]
    span = next(
        (
            f" ({clock_text(peak.start_minute)}–{clock_text(peak.end_minute)})"
            for peak in peaks
            if peak.name == name
        ),
        "",
    )
    return _("Peak window %(name)s.") % {"name": f"{name}{span}"}


def _curtailment(said: Mapping[str, str], slot: IslandSlot, pricing: IslandPricing) -> str:
    if ReasonCode.PV_UNKNOWN in said:
        return _("The PV forecast is not known: no discount.")
    threshold = pricing.pv_threshold_mw
    if ReasonCode.PV not in said:
        if threshold is None or not pricing.curtailment_discount_eur_per_mwh:
            return _("No discount is set.")
        if slot.pv_mw is None:
            return _("No discount.")
        return _("PV forecast %(pv)s, not above the threshold of %(threshold)s.") % {
            "pv": with_unit(slot.pv_mw, "MW"), "threshold": with_unit(threshold, "MW"),
        }  # fmt: skip
    pv = with_unit(slot.pv_mw, "MW") if slot.pv_mw is not None else said[ReasonCode.PV]
    if threshold is None:
        words = _("PV forecast %(pv)s, above the threshold.") % {"pv": pv}
    else:
        words = _("PV forecast %(pv)s, above the threshold of %(threshold)s.") % {
            "pv": pv, "threshold": with_unit(threshold, "MW"),
        }  # fmt: skip
    if ReasonCode.CUT_AT_FLOOR in said:
        words += " " + _("Less than declared: the floor is reached.")
    return words
