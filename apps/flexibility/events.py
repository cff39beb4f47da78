"""What the upper floors may want to know of plans and control."""

from dataclasses import dataclass

from cariflex.common.events import Event


@dataclass(frozen=True)
class PlanChanged(Event):
    """A site has a new accepted plan, or an attempt ended without one."""

    site_id: int


@dataclass(frozen=True)
class ControlStateChanged(Event):
    """The batteries of a site follow something else now, or for another reason."""

    site_id: int


@dataclass(frozen=True)
class PlanWanted(Event):
    """What a site's plans must obey was changed by a person: a new one is due at once."""

    site_id: int


@dataclass(frozen=True)
class CarGoalChanged(Event):
    """A car came or left, or something else is wanted of it."""

    session_id: int
