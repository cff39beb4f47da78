"""The page of charging profiles: what stations hold, and what it comes to over the next hours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.accounts.models import User
from apps.chargers.choices import (
    ProfileKind,
    ProfilePurpose,
    ProfileSource,
    ProfileStatus,
    RecurrencyKind,
)
from apps.chargers.models import ChargingProfile, ChargingStation
from apps.chargers.ocpp.smart_charging.composite import CompositePeriod
from apps.chargers.selectors.charging_profiles import (
    IN_FORCE,
    composite_preview,
    profile_payload,
    station_facts,
)
from apps.chargers.selectors.load_groups import LOAD_GROUP_IDS
from apps.console.formats import number_text
from cariflex.common.api.pages import page_of

PAGE_SIZE = 25
MAY_SET = ("chargers.add_chargingprofile", "chargers.add_command")
# The spans that the composite schedule is drawn over.
SPANS = {"day": timedelta(days=1), "week": timedelta(days=7)}
FIRST_SPAN = "day"


@dataclass(frozen=True, slots=True)
class ProfileFilter:
    """Which profiles are shown; empty means all."""

    station_id: str = ""
    purpose: str = ""
    shows_past: bool = False

    @property
    def is_active(self) -> bool:
        """True when anything is filtered."""
        return bool(self.station_id or self.purpose or self.shows_past)


@dataclass(frozen=True, slots=True)
class ProfileLine:
    """One profile of the table."""

    profile: ChargingProfile
    kind: str
    limits: str
    requested_by: str
    may_clear: bool
    may_change: bool


@dataclass(frozen=True, slots=True)
class Drawn:
    """Composite schedules as steps over the same times, in `unit`: A for a phase, or kW."""

    start: datetime
    end: datetime
    now: datetime
    unit: str
    times_s: tuple[int, ...]
    limits: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, slots=True)
class DrawnPeriod:
    """One period of a composite schedule as text."""

    start: datetime
    end: datetime
    limit: float | None
    number_phases: int


@dataclass(frozen=True, slots=True)
class StationSchedule:
    """What all profiles of the chosen station come to at one EVSE."""

    station: ChargingStation
    evse_ids: tuple[int, ...]
    evse_id: int
    span: str
    drawn: Drawn
    periods: tuple[DrawnPeriod, ...]


@dataclass(frozen=True, slots=True)
class ProfilesPage:
    """Everything the page shows."""

    lines: tuple[ProfileLine, ...]
    older_than: int | None
    is_first_page: bool
    filter: ProfileFilter
    stations: tuple[tuple[str, str], ...]
    purposes: tuple[tuple[str, str], ...]
    schedule: StationSchedule | None
    may_set: bool

    @property
    def older_query(self) -> str:
        """The query of the next page with the same filter."""
        return self._query(self.older_than)

    @property
    def first_query(self) -> str:
        """The query of the first page with the same filter."""
        return self._query(None)

    def _query(self, before: int | None) -> str:
        chosen = {
            "station": self.filter.station_id,
            "purpose": self.filter.purpose,
            "past": "1" if self.filter.shows_past else "",
            "before": before,
        }
        return urlencode({name: value for name, value in chosen.items() if value})


def profiles_overview(
    *, chosen: ProfileFilter, before: int | None, evse_id: int | None, span: str,
    user: User, now: datetime,
) -> ProfilesPage:  # fmt: skip
    """A page of profiles, newest first; of one station also its composite schedule."""
    may_set = user.has_perms(MAY_SET)
    profiles = ChargingProfile.objects.select_related(
        "station", "requested_by", "command", "session"
    ).order_by("-pk")
    if chosen.station_id:
        profiles = profiles.filter(station__station_id=chosen.station_id)
    if chosen.purpose:
        profiles = profiles.filter(purpose=chosen.purpose)
    if not chosen.shows_past:
        profiles = profiles.filter(status__in=IN_FORCE)
    if before is not None:
        profiles = profiles.filter(pk__lt=before)
    page = page_of(list(profiles[: PAGE_SIZE + 1]), PAGE_SIZE, lambda profile: profile.pk)
    return ProfilesPage(
        lines=tuple(_line(profile, may_set=may_set) for profile in page.rows),
        older_than=page.next_after,
        is_first_page=before is None,
        filter=chosen,
        stations=station_names(),
        purposes=tuple((value, str(label)) for value, label in ProfilePurpose.choices),
        schedule=station_schedule(chosen.station_id, evse_id=evse_id, span=span, now=now),
        may_set=may_set,
    )


def station_names(*, most: int = 500) -> tuple[tuple[str, str], ...]:
    """Station ids with names, to be suggested while somebody types. One query."""
    stations = ChargingStation.objects.order_by("station_id")
    return tuple(stations.values_list("station_id", "name")[:most])


def station_schedule(
    station_id: str, *, evse_id: int | None, span: str, now: datetime
) -> StationSchedule | None:
    """The composite schedule of a station at an EVSE, None without such a station."""
    station = ChargingStation.objects.filter(station_id=station_id).first() if station_id else None
    if station is None:
        return None
    facts = station_facts(station)
    evse_ids = tuple(sorted({0, *facts.evse_ids}))
    chosen = evse_id if evse_id in evse_ids else next((one for one in evse_ids if one), 0)
    unit = chart_unit(facts.units)
    periods = composite_preview(
        station_id=station_id,
        evse_id=chosen,
        start=now,
        duration_s=int(SPANS[span].total_seconds()),
        unit=unit,
    )
    return StationSchedule(
        station=station,
        evse_ids=evse_ids,
        evse_id=chosen,
        span=span,
        drawn=drawn([periods], unit=unit, now=now),
        periods=period_rows(periods, unit=unit),
    )


def chart_unit(units: frozenset[str] | None) -> str:
    """A, unless the station takes watts only."""
    return "W" if units is not None and "A" not in units else "A"


def drawn(schedules: Sequence[Sequence[CompositePeriod]], *, unit: str, now: datetime) -> Drawn:
    """Schedules of the same window on one axis: every instant at which any of them changes."""
    first = schedules[0]
    edges = sorted({period.start for schedule in schedules for period in schedule})
    end = first[-1].end
    return Drawn(
        start=first[0].start,
        end=end,
        now=now,
        unit="kW" if unit == "W" else "A",
        times_s=tuple(int(at.timestamp()) for at in (*edges, end)),
        limits=tuple(
            (
                *(_limit_at(schedule, at, unit) for at in edges),
                shown_limit(schedule[-1].total, unit),
            )
            for schedule in schedules
        ),
    )


def period_rows(periods: Sequence[CompositePeriod], *, unit: str) -> tuple[DrawnPeriod, ...]:
    """The periods of a schedule, one row each."""
    return tuple(
        DrawnPeriod(one.start, one.end, shown_limit(one.total, unit), one.number_phases)
        for one in periods
    )


def shown_limit(value: float | None, unit: str) -> float | None:
    """A limit in A as it is, in W as kW."""
    return value / 1000 if unit == "W" and value is not None else value


def _limit_at(schedule: Sequence[CompositePeriod], at: datetime, unit: str) -> float | None:
    holds = next(one for one in reversed(schedule) if one.start <= at)
    return shown_limit(holds.total, unit)


def _line(profile: ChargingProfile, *, may_set: bool) -> ProfileLine:
    by, is_in_force = profile.requested_by, profile.status in IN_FORCE
    is_ours = profile.purpose != ProfilePurpose.EXTERNAL and profile.profile_id >= 0
    is_of_group = profile.profile_id >= LOAD_GROUP_IDS
    return ProfileLine(
        profile=profile,
        kind=kind_words(profile),
        limits=limit_words(profile),
        requested_by=(by.get_full_name() or by.get_username()) if by else "",
        may_clear=may_set and is_in_force and is_ours and not is_of_group,
        may_change=may_set
        and is_ours
        and not is_of_group
        and len(profile.schedules) == 1
        and profile.kind != ProfileKind.DYNAMIC
        and profile.source != ProfileSource.LOAD_GROUP
        and profile.status != ProfileStatus.REQUESTED,
    )


def kind_words(profile: ChargingProfile) -> str:
    """How a profile lies in time: `Recurring, daily`."""
    kind = str(ProfileKind(profile.kind).label)
    if not profile.recurrency:
        return kind
    return f"{kind}, {str(RecurrencyKind(profile.recurrency).label).lower()}"


def limit_words(profile: ChargingProfile) -> str:
    """The limits of a profile at one glance: `16 A`, or `6–32 A in 3 periods`."""
    if not profile.schedules:
        return _("not told")
    schedule = profile_payload(profile)["chargingSchedule"][0]
    unit = schedule["chargingRateUnit"]
    periods = schedule["chargingSchedulePeriod"]
    limits = [shown_limit(float(one["limit"]), unit) or 0.0 for one in periods if "limit" in one]
    if not limits:
        return _("set-points only")
    shown = "kW" if unit == "W" else "A"
    low, high = (number_text(one, 0 if one == round(one) else 1) for one in _ends(limits))
    text = f"{low}\u00a0{shown}" if low == high else f"{low}–{high}\u00a0{shown}"
    if len(periods) == 1:
        return text
    count = len(periods)
    return ngettext("%(text)s in %(n)s period", "%(text)s in %(n)s periods", count) % {
        "text": text, "n": count,
    }  # fmt: skip


def _ends(limits: Sequence[float]) -> tuple[float, float]:
    return min(limits), max(limits)
