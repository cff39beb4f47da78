"""What is wanted of the car of a session, and what it will lack, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.chargers.choices import ProfilePurpose, ProfileSource, ProfileStatus
from apps.chargers.models import ChargingProfile
from apps.console.formats import energy_text, percent_text
from apps.flexibility.cars.goals import GoalNote
from apps.flexibility.selectors.cars import CarGoalView, car_goal_view

MAY_SET: Final = "chargers.add_command"
FORM_TIME: Final = "%Y-%m-%dT%H:%M"
NOTES: Final[dict[GoalNote, str | Promise]] = {
    GoalNote.DEPARTURE_MISSING: gettext_lazy("No departure is known: it charges at once."),
    GoalNote.DEPARTURE_PAST: gettext_lazy("The departure has passed: it charges at once."),
    GoalNote.DEPARTURE_FAR: gettext_lazy("No departure is known: it charges at once."),
    GoalNote.CAPACITY_MISSING: gettext_lazy(
        "The car has not told its capacity: it cannot be planned."
    ),
    GoalNote.SOC_MISSING: gettext_lazy(
        "The car has not told its state of charge: it cannot be planned."
    ),
}
REFUSALS: Final[dict[str, str | Promise]] = {
    "car_goal.departure_invalid": gettext_lazy("The departure is a day and a time."),
    "car_goal.departure_past": gettext_lazy("The departure must lie ahead."),
    "car_goal.departure_far": gettext_lazy("The departure must be within 7 days."),
    "car_goal.soc_out_of_range": gettext_lazy("A state of charge is 0 to 100 %."),
    "car_goal.target_above_max": gettext_lazy(
        "The target must not be above the highest state of charge."
    ),
    "car_goal.min_above_target": gettext_lazy(
        "The lowest state of charge must not be above the target."
    ),
    "car_goal.session_ended": gettext_lazy("The session is not running."),
}


@dataclass(frozen=True, slots=True)
class CarGoalPanel:
    """The card of a session's goal."""

    goal: CarGoalView
    told_by: str
    notes: tuple[str, ...]
    shortfall: str
    """Empty when nothing is missing."""
    refusal: str
    """Why the station did not take the last profile; empty when it did."""
    form_departure: str
    form_target: str

    @property
    def band(self) -> str:
        """The lowest and the highest state of charge."""
        low, high = self.goal.min_soc_percent, self.goal.max_soc_percent
        return f"{percent_text(low)} – {percent_text(high)}"


def car_goal_panel(*, session_id: int, now: datetime) -> CarGoalPanel | None:
    """The goal of a session; None when it has none. Two queries."""
    goal = car_goal_view(session_id=session_id, now=now)
    if goal is None:
        return None
    return CarGoalPanel(
        goal=goal,
        told_by=str(goal.origin.label),
        notes=tuple(str(NOTES[note]) for note in _notes(goal)) if goal.is_running else (),
        shortfall=_shortfall(goal),
        refusal=_refusal(session_id) if goal.is_running else "",
        form_departure=(
            timezone.localtime(goal.departure_at).strftime(FORM_TIME) if goal.departure_at else ""
        ),
        form_target=f"{goal.target_soc_percent:.0f}",
    )


def _notes(goal: CarGoalView) -> list[GoalNote]:
    notes = [] if goal.departure_note is None else [goal.departure_note]
    if goal.capacity_kwh is None:
        notes.append(GoalNote.CAPACITY_MISSING)
    if goal.soc_percent is None:
        notes.append(GoalNote.SOC_MISSING)
    return notes


def _shortfall(goal: CarGoalView) -> str:
    if goal.shortfall_kwh <= 0 or goal.expected_soc_percent is None:
        return ""
    return _("It will leave with %(soc)s instead of %(target)s: %(missing)s missing.") % {
        "soc": percent_text(goal.expected_soc_percent),
        "target": percent_text(goal.target_soc_percent),
        "missing": energy_text(goal.shortfall_kwh),
    }


def _refusal(session_id: int) -> str:
    last = (
        ChargingProfile.objects.filter(
            session_id=session_id, purpose=ProfilePurpose.TX, source=ProfileSource.PLAN
        )
        .select_related("command")
        .order_by("-pk")
        .first()
    )
    if last is None or last.status != ProfileStatus.REJECTED:
        return ""
    why = last.command.error if last.command is not None else ""
    return f"{_('The station did not take the plan.')} {why}".strip()
