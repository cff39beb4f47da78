"""The words for the facts behind a set-point, and for the codes of plans."""

from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.console.formats import (
    NO_BREAK_SPACE,
    energy_text,
    number_text,
    percent_text,
    power_text,
    price_text,
)
from apps.flexibility.choices import Objective, PlanStatus, reason_words
from apps.flexibility.explaining import Code, Fact, Number

Words = Callable[[Mapping[str, str]], str]

TITLES: dict[Code, str | Promise] = {
    Code.NO_PLAN: gettext_lazy("No plan"),
    Code.CHARGES: gettext_lazy("Charges"),
    Code.DISCHARGES: gettext_lazy("Discharges"),
    Code.RESTS: gettext_lazy("Rests"),
    Code.PV_FREE: gettext_lazy("Runs freely"),
    Code.PV_CURTAILED: gettext_lazy("Curtailed"),
    Code.FEEDING_COSTS: gettext_lazy("Feeding in costs"),
    Code.HELD: gettext_lazy("Last plan held"),
    Code.OWN_RULE: gettext_lazy("Own rule"),
    Code.OPERATOR: gettext_lazy("By hand"),
    Code.GRID: gettext_lazy("By the grid"),
    Code.PRICE_RANK: gettext_lazy("Price"),
    Code.OBJECTIVE: gettext_lazy("Objective"),
    Code.KEPT_FOR: gettext_lazy("Kept for later"),
    Code.STORED_AT: gettext_lazy("Stored before"),
    Code.SUN_STORED: gettext_lazy("Own sun"),
    Code.BOUGHT: gettext_lazy("From the grid"),
    Code.COVERS_NEED: gettext_lazy("Used here"),
    Code.FED_IN: gettext_lazy("Fed in"),
    Code.CAR_LEAVES: gettext_lazy("Departure"),
    Code.CAR_AT_ONCE: gettext_lazy("No departure known"),
    Code.CAR_READY: gettext_lazy("Ready"),
    Code.CAR_SHORT: gettext_lazy("Will be short"),
    Code.WAITS_FOR: gettext_lazy("Waits"),
    Code.NO_GAIN: gettext_lazy("Nothing to gain"),
    Code.SOC_FLOOR: gettext_lazy("Lowest state of charge"),
    Code.SOC_CEILING: gettext_lazy("Highest state of charge"),
    Code.RATING: gettext_lazy("Full power"),
    Code.IMPORT_LIMIT: gettext_lazy("Limit of the connection"),
    Code.EXPORT_LIMIT: gettext_lazy("Limit of the connection"),
    Code.IMPORT_REQUEST: gettext_lazy("Request of the grid"),
    Code.EXPORT_REQUEST: gettext_lazy("Request of the grid"),
    Code.RESERVE: gettext_lazy("Reserve held"),
    Code.SOC_WINDOW: gettext_lazy("Full or empty"),
    Code.CORRECTED: gettext_lazy("Corrected"),
    Code.DIFFERS: gettext_lazy("Not as asked"),
}
SENTENCES: dict[Code, str | Promise] = {
    Code.NO_PLAN: gettext_lazy("No plan covers this quarter hour."),
    Code.CHARGES: gettext_lazy("The plan charges it with %(power_kw)s."),
    Code.DISCHARGES: gettext_lazy("The plan discharges it with %(power_kw)s."),
    Code.RESTS: gettext_lazy("The plan neither charges nor discharges it."),
    Code.PV_FREE: gettext_lazy("All the sun may be used; %(expected_kw)s are expected."),
    Code.PV_CURTAILED: gettext_lazy("At most %(limit_kw)s of the %(expected_kw)s expected."),
    Code.FEEDING_COSTS: gettext_lazy("What is fed in would earn %(price)s."),
    Code.HELD: gettext_lazy("An older plan is followed: %(reason)s."),
    Code.OWN_RULE: gettext_lazy("The operator's own rule is followed, not a plan: %(reason)s."),
    Code.OPERATOR: gettext_lazy("Somebody has set its power by hand; plans wait until that ends."),
    Code.GRID: gettext_lazy("The grid operator sets its power; plans wait until that ends."),
    Code.OBJECTIVE: gettext_lazy(
        "For the objective a MWh drawn counts %(steering)s instead of %(price)s."
    ),
    Code.KEPT_FOR: gettext_lazy("The energy is used at %(at)s, when a MWh costs %(price)s."),
    Code.STORED_AT: gettext_lazy("It was stored at %(at)s, when a MWh cost %(price)s."),
    Code.SUN_STORED: gettext_lazy(
        "%(stored_kw)s come from the %(surplus_kw)s of sun that nothing else needs."
    ),
    Code.BOUGHT: gettext_lazy("%(bought_kw)s are drawn from the grid."),
    Code.COVERS_NEED: gettext_lazy("%(covered_kw)s need not be drawn from the grid."),
    Code.FED_IN: gettext_lazy("%(fed_in_kw)s are fed in and earn %(price)s."),
    Code.CAR_LEAVES: gettext_lazy(
        "It must leave at %(at)s and needs %(needs_kwh)s more to reach %(target)s."
    ),
    Code.CAR_AT_ONCE: gettext_lazy(
        "It may leave at any moment, so it is charged at once:"
        " %(needs_kwh)s are missing to reach %(target)s."
    ),
    Code.CAR_READY: gettext_lazy("It has the %(target)s it wants."),
    Code.CAR_SHORT: gettext_lazy("It will leave with %(shortfall_kwh)s less than it wants."),
    Code.NO_GAIN: gettext_lazy(
        "Prices between %(lowest)s and %(highest)s differ by less than"
        " what is lost: %(efficiency)s come back."
    ),
    Code.SOC_FLOOR: gettext_lazy("It ends at %(soc)s and may not be discharged below %(floor)s."),
    Code.SOC_CEILING: gettext_lazy("It ends at %(soc)s and may not be charged above %(ceiling)s."),
    Code.RATING: gettext_lazy("It can do no more than %(rated_kw)s."),
    Code.IMPORT_LIMIT: gettext_lazy("The site draws all that its connection allows: %(limit_kw)s."),
    Code.EXPORT_LIMIT: gettext_lazy("The site feeds in all that is allowed: %(limit_kw)s."),
    Code.IMPORT_REQUEST: gettext_lazy("The grid asks to draw at most %(limit_kw)s."),
    Code.EXPORT_REQUEST: gettext_lazy("The grid asks to feed in at most %(limit_kw)s."),
    Code.RESERVE: gettext_lazy("All batteries together keep %(reserve_kw)s free both ways."),
    Code.SOC_WINDOW: gettext_lazy(
        "At %(soc)s the planned %(planned_kw)s are not possible; it is asked for %(setpoint_kw)s."
    ),
    Code.CORRECTED: gettext_lazy(
        "Within the quarter hour the planned %(planned_kw)s were corrected to %(setpoint_kw)s."
    ),
    Code.DIFFERS: gettext_lazy("Asked for %(setpoint_kw)s, it does %(measured_kw)s."),
}
OBJECTIVE_SENTENCES: dict[Objective, str | Promise] = {
    Objective.COST: gettext_lazy(
        "Energy is stored while it is cheap and used while it is dear. Nothing else counts."
    ),
    Objective.CO2: gettext_lazy(
        "Beside its price, each MWh counts the CO2 that making it releases."
    ),
    Objective.SELF_CONSUMPTION: gettext_lazy(
        "The site's own sun is kept for its own use; what is fed in earns nothing."
    ),
    Objective.EVENING_PEAK: gettext_lazy(
        "Energy of the evening counts more, so that batteries help the island through its peak."
    ),
    Objective.RESERVE: gettext_lazy(
        "Batteries keep power and energy free in both directions, ready for the frequency."
    ),
}
PLAN_TONES: dict[PlanStatus, tuple[str, str]] = {
    PlanStatus.REQUESTED: ("info", "clock"),
    PlanStatus.RUNNING: ("info", "clock"),
    PlanStatus.ACCEPTED: ("ok", "check"),
    PlanStatus.SUPERSEDED: ("mute", "idle"),
    PlanStatus.REFUSED: ("bad", "cross"),
    PlanStatus.FAILED: ("bad", "alert"),
    PlanStatus.LATE: ("warn", "clock"),
}
"""Tone and icon of each outcome; its word is the choice's own."""


def fact_title(fact: Fact) -> str:
    """A word or two for a fact."""
    return str(TITLES[fact.code])


def fact_words(fact: Fact, zone: ZoneInfo, day: datetime) -> str:
    """One sentence for a fact, times on the clock of `zone`, without the day where it is `day`'s.

    Every code has one: a test holds that.
    """
    if fact.code == Code.PRICE_RANK:
        return _price_rank(fact.numbers)
    shown = {name: number_words(name, value, zone, day) for name, value in fact.numbers.items()}
    if fact.code == Code.WAITS_FOR:
        return _waits(fact.numbers, shown)
    if fact.code in (Code.HELD, Code.OWN_RULE) and not fact.numbers["reason"]:
        shown["reason"] = _("no reason is known")
    return str(SENTENCES[fact.code]) % shown


def number_words(name: str, value: Number, zone: ZoneInfo, day: datetime) -> str:
    """A number of a fact with its unit, by its name."""
    if isinstance(value, datetime):
        return clock_words(value, zone, day)
    if isinstance(value, str):
        return reason_words(value)
    if name.endswith("_kw"):
        return power_text(value)
    if name.endswith("_kwh"):
        return energy_text(value)
    if name in ("price", "steering", "lowest", "highest"):
        return price_text(value)
    return percent_text(value)


def clock_words(at: datetime, zone: ZoneInfo, day: datetime) -> str:
    """`18:30`, with the day before it, and its year, where they are others than those of `day`."""
    local, near = at.astimezone(zone), day.astimezone(zone)
    if local.date() == near.date():
        return date_format(local, "H:i")
    return date_format(local, "j F H:i" if local.year == near.year else "j F Y H:i")


def _price_rank(numbers: Mapping[str, Number]) -> str:
    price = price_text(_float(numbers, "price"))
    cheaper, dearer = int(_float(numbers, "cheaper")), int(_float(numbers, "dearer"))
    count = int(_float(numbers, "count"))
    values = {"price": price, "count": count}
    if cheaper == dearer == 0:
        return _("A MWh costs %(price)s, as in every quarter hour of the plan.") % values
    if cheaper == 0:
        return _("A MWh costs %(price)s: none of the plan's %(count)s is cheaper.") % values
    if dearer == 0:
        return _("A MWh costs %(price)s: none of the plan's %(count)s is dearer.") % values
    if cheaper <= dearer:
        words = _("A MWh costs %(price)s: number %(rank)s from the cheapest of %(count)s.")
        return words % {**values, "rank": number_text(cheaper + 1, 0)}
    words = _("A MWh costs %(price)s: number %(rank)s from the dearest of %(count)s.")
    return words % {**values, "rank": number_text(dearer + 1, 0)}


def _waits(numbers: Mapping[str, Number], shown: Mapping[str, str]) -> str:
    power_kw = _float(numbers, "power_kw")
    values = {**shown, "power_kw": power_text(abs(power_kw))}
    if power_kw > 0:
        words = _("It waits until %(at)s to charge with %(power_kw)s at %(price)s.")
    else:
        words = _("It waits until %(at)s to discharge with %(power_kw)s at %(price)s.")
    return words % values


def _float(numbers: Mapping[str, Number], name: str) -> float:
    value = numbers[name]
    return float(value) if isinstance(value, int | float) else 0.0


def co2_text(co2_g_per_kwh: float | None) -> str:
    """An intensity in g/kWh."""
    if co2_g_per_kwh is None:
        return "–"
    return f"{number_text(co2_g_per_kwh, 0)}{NO_BREAK_SPACE}g/kWh"
