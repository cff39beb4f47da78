"""OCPI sessions: partners' customers at our stations, our customers at partners' chargers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet

from apps.chargers.choices import SessionState
from apps.chargers.models.sessions import mask_token
from apps.chargers.selectors import SessionRow, session_row
from apps.ocpi.models import Partner, PartnerSession, RoamingSession
from apps.ocpi.selectors.roaming_lists import (
    RUNNING,
    TotalCost,
    cost_told,
    costs_in,
    places_of,
    sessions_in,
    sessions_out,
)
from cariflex.common.time import parse_rfc3339

MAY_SEE = ("ocpi.view_roamingsession", "ocpi.view_partnersession")
PAGE_SIZE = 25
TABS = ("in", "out")


@dataclass(frozen=True, slots=True)
class RoamingFilter:
    """Which direction, and what of it; `partner` is a code."""

    tab: str = TABS[0]
    partner: str = ""
    only_running: bool = False

    @property
    def query(self) -> str:
        """As the query of an address."""
        return self.query_of(self.tab)

    @property
    def tabs(self) -> tuple[tuple[str, str], ...]:
        """Each tab with the query of its address."""
        return tuple((tab, self.query_of(tab)) for tab in TABS)

    def query_of(self, tab: str) -> str:
        """The same filter in a tab."""
        kept = {
            "tab": tab if tab != TABS[0] else "",
            "partner": self.partner,
            "running": "on" if self.only_running else "",
        }
        return urlencode({name: value for name, value in kept.items() if value})


@dataclass(frozen=True, slots=True)
class LineIn:
    """A session of a partner's customer at a station of ours."""

    roaming: RoamingSession
    session: SessionRow
    provider: str
    """Who issued the token, such as FR*ABC: behind a hub not the partner itself."""
    duration: timedelta
    cost: TotalCost | None

    @property
    def is_live(self) -> bool:
        """True until the session has ended."""
        return self.session.state == SessionState.ACTIVE


@dataclass(frozen=True, slots=True)
class LineOut:
    """A session of a customer of ours at a partner's charger."""

    session: PartnerSession
    place: str
    city: str
    evse_uid: str
    token: str
    energy_kwh: Decimal | None
    duration: timedelta | None
    """None for one that ended without saying when."""
    cost: TotalCost | None

    @property
    def is_live(self) -> bool:
        """True until the partner says that it is over."""
        return self.session.status in RUNNING


@dataclass(frozen=True, slots=True)
class RoamingSessionsPage:
    """One page of one direction, newest first."""

    filter: RoamingFilter
    lines_in: tuple[LineIn, ...]
    lines_out: tuple[LineOut, ...]
    running_in: int
    running_out: int
    partners: tuple[tuple[str, str], ...]
    total_count: int
    page: int
    page_count: int


def roaming_sessions_page(
    *, chosen: RoamingFilter, page: int, now: datetime
) -> RoamingSessionsPage:
    """A page of sessions; seven queries at most."""
    is_out = chosen.tab == "out"
    asked: dict[str, Any] = {"partner": chosen.partner, "only_running": chosen.only_running}
    rows: QuerySet[Any] = sessions_out(**asked) if is_out else sessions_in(**asked)
    total = rows.count()
    page_count = max(1, -(-total // PAGE_SIZE))
    page = min(max(1, page), page_count)
    shown = list(rows[(page - 1) * PAGE_SIZE : page * PAGE_SIZE])
    return RoamingSessionsPage(
        filter=chosen,
        lines_in=() if is_out else _lines_in(shown, now),
        lines_out=_lines_out(shown, now) if is_out else (),
        running_in=sessions_in(only_running=True).count(),
        running_out=sessions_out(only_running=True).count(),
        partners=tuple(Partner.objects.order_by("name", "pk").values_list("code", "name")),
        total_count=total,
        page=page,
        page_count=page_count,
    )


def _lines_in(rows: list[RoamingSession], now: datetime) -> tuple[LineIn, ...]:
    costs = costs_in([row.session_id for row in rows])
    return tuple(
        LineIn(
            roaming=row,
            session=session_row(row.session),
            provider=_party(row.token),
            duration=(row.session.ended_at or now) - row.session.started_at,
            cost=costs.get(row.session_id),
        )
        for row in rows
    )


def _lines_out(rows: list[PartnerSession], now: datetime) -> tuple[LineOut, ...]:
    places = places_of(rows)
    return tuple(_line_out(row, places, now) for row in rows)


def _line_out(
    row: PartnerSession, places: Mapping[tuple[int, str], tuple[str, str]], now: datetime
) -> LineOut:
    told = row.content
    location_id = str(told.get("location_id", ""))
    name, city = places.get((row.partner_id, location_id.upper()), ("", ""))
    end = told.get("end_date_time")
    ended_at = parse_rfc3339(end) if end else (now if row.status in RUNNING else None)
    return LineOut(
        session=row,
        place=name or location_id,
        city=city,
        evse_uid=str(told.get("evse_uid", "")),
        token=mask_token(str((told.get("cdr_token") or {}).get("uid", ""))),
        energy_kwh=None if told.get("kwh") is None else Decimal(told["kwh"]),
        duration=None if ended_at is None else ended_at - row.started_at,
        cost=cost_told(told),
    )


def _party(token: Mapping[str, Any]) -> str:
    return f"{token.get('country_code', '')}*{token.get('party_id', '')}".strip("*")
