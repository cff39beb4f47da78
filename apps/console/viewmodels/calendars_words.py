"""What calendars say in the reader's language: types of day, and what is wrong where."""

from django.utils.translation import gettext as _

from apps.console.viewmodels.calendars_form import CalendarForm, PlanRow, WindowRow, end_text
from apps.console.viewmodels.island_price_rules import DAY_TYPE_WORDS, rule_words
from cariflex.common.errors import DomainError


def where_words(form: CalendarForm, place: str) -> str:
    """Season, days and window that a field of the form stands in; "" outside the seasons."""
    for season in form.seasons:
        name = season.name or _("season without a name")
        for plan in season.plans:
            for window in plan.windows:
                if _is_in(place, window.key):
                    return " · ".join((name, plan_words(plan), window_words(window)))
            if _is_in(place, plan.key):
                return f"{name} · {plan_words(plan)}"
        if _is_in(place, season.key):
            return name
    return ""


def problem_words(form: CalendarForm, refusal: DomainError, place: str) -> str:
    """What is wrong, and where: season, days, window and the rule."""
    where, rule = where_words(form, place), rule_words(refusal.message)
    return f"{where}: {rule}" if where else rule


def plan_words(plan: PlanRow) -> str:
    """The days of a plan: "Working days, Saturdays"."""
    if len(plan.types) == len(DAY_TYPE_WORDS):
        return _("All days")
    words = [str(words) for one, words in DAY_TYPE_WORDS.items() if one in plan.types]
    return ", ".join(words) or _("no days")


def window_words(window: WindowRow) -> str:
    """A window as typed."""
    return f"{window.start or '?'}–{end_text(window.end) or '?'}"


def _is_in(place: str, key: str) -> bool:
    return place == key or place.startswith(f"{key}.")
