"""One charging station: what it is and does now, and what it was over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.accounts.models import User
from apps.chargers.models import ChargingStation
from apps.chargers.selectors.availability import connectors_performance
from apps.chargers.selectors.station_history import (
    ConnectorHistory,
    Stretch,
    connector_histories,
)
from apps.chargers.selectors.stations import ConnectorNow, SessionNow, StationRow, station_now
from apps.console.station_orders import OrderPanel, order_panels
from apps.console.viewmodels.commands import CommandFilter, CommandLine, commands_overview
from apps.console.viewmodels.stations import Figures, figures, performance_period
from cariflex.common.time import Interval

SPANS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=28)}
FIRST_SPAN = "day"
ORDERS_SHOWN = 8
CHANGES_SHOWN = 100
# The picture's own units from left to right; a state of a moment is still one of them wide.
WIDTH = 2000
NARROWEST = 3


@dataclass(frozen=True, slots=True)
class StationHead:
    """What every page of a station begins with."""

    station: ChargingStation
    now: StationRow
    age_s: float | None

    @property
    def maker(self) -> str:
        """Vendor and model as the station told them."""
        return f"{self.station.vendor} {self.station.model}".strip()


@dataclass(frozen=True, slots=True)
class ConnectorLine:
    """A connector, and the car at its EVSE."""

    connector: ConnectorNow
    session: SessionNow | None


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch as a rectangle of the picture, in units of WIDTH."""

    x: int
    width: int
    stretch: Stretch


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """The picture of one connector."""

    evse_id: int
    connector_id: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch in the table beside the picture."""

    evse_id: int
    connector_id: int
    stretch: Stretch


@dataclass(frozen=True, slots=True)
class History:
    """The states of all connectors over a span of time."""

    span: str
    start: datetime
    middle: datetime
    end: datetime
    lines: tuple[HistoryLine, ...]
    changes: tuple[Change, ...]
    """Newest first."""

    @property
    def states(self) -> tuple[str, ...]:
        """The states that are in the picture."""
        drawn = (bar.stretch.state for line in self.lines for bar in line.bars)
        return tuple(sorted({state for state in drawn if state != "unknown"}))

    @property
    def spans(self) -> tuple[str, ...]:
        """The spans to choose from."""
        return tuple(SPANS)


@dataclass(frozen=True, slots=True)
class StationNow:
    """What a station is and does now; `figures` and `history` only where they are asked for."""

    head: StationHead
    connectors: tuple[ConnectorLine, ...]
    other_sessions: tuple[SessionNow, ...]
    """Whose place is not known."""
    orders: tuple[CommandLine, ...]
    panels: tuple[OrderPanel, ...]
    figures: Figures | None = None
    history: History | None = None

    @property
    def has_open_orders(self) -> bool:
        """True while an answer is awaited."""
        return any(order.is_open for order in self.orders)


def station_head(*, station_pk: int, now: datetime) -> StationHead | None:
    """A station, None when there is none; at most four queries."""
    found = station_now(station_pk=station_pk)
    if found is None:
        return None
    station, row = found
    age_s = (now - row.last_seen_at).total_seconds() if row.last_seen_at else None
    return StationHead(station, row, age_s)


def station_page(
    *, head: StationHead, user: User, now: datetime, span: str | None = FIRST_SPAN
) -> StationNow:
    """A station's page; at most ten queries more, and without a span one."""
    evses = {session.evse_id for session in head.now.sessions}
    shown = {connector.evse_id for connector in head.now.connectors}
    return StationNow(
        head=head,
        connectors=tuple(
            ConnectorLine(connector, _session_at(connector, head.now.sessions))
            for connector in head.now.connectors
        ),
        other_sessions=tuple(
            session for session in head.now.sessions if session.evse_id not in shown & evses
        ),
        orders=station_orders(head.station, user=user),
        panels=order_panels(head.now, may=user.has_perm),
        figures=_figures(head.station, now) if span else None,
        history=history(station_pk=head.station.pk, span=span, now=now) if span else None,
    )


def station_orders(station: ChargingStation, *, user: User) -> tuple[CommandLine, ...]:
    """The newest orders to a station. One query."""
    chosen = CommandFilter(station_id=station.station_id)
    return commands_overview(chosen=chosen, before=None, user=user).lines[:ORDERS_SHOWN]


def history(*, station_pk: int, span: str, now: datetime) -> History:
    """The states of a station's connectors up to now, drawn and listed. Five queries."""
    period = Interval(now - SPANS[span], now)
    found = connector_histories(station_pk=station_pk, period=period)
    changes = [
        Change(one.evse_id, one.connector_id, stretch)
        for one in found
        for stretch in one.stretches
        if stretch.state != "unknown"
    ]
    changes.sort(key=lambda change: change.stretch.start, reverse=True)
    return History(
        span=span,
        start=period.start,
        middle=period.start + period.duration / 2,
        end=period.end,
        lines=tuple(_drawn(one, period) for one in found),
        changes=tuple(changes[:CHANGES_SHOWN]),
    )


def _drawn(of: ConnectorHistory, period: Interval) -> HistoryLine:
    def place(at: datetime) -> int:
        return round(WIDTH * ((at - period.start) / period.duration))

    bars = tuple(
        Bar(
            x=min(place(one.start), WIDTH - NARROWEST),
            width=max(NARROWEST, place(one.end) - place(one.start)),
            stretch=one,
        )
        for one in of.stretches
    )
    return HistoryLine(of.evse_id, of.connector_id, bars)


def _figures(station: ChargingStation, now: datetime) -> Figures:
    return figures(
        connectors_performance(
            period=performance_period(now), now=now, station_id=station.station_id
        )
    )


def _session_at(connector: ConnectorNow, sessions: Sequence[SessionNow]) -> SessionNow | None:
    """The car at the connector's EVSE."""
    return next((one for one in sessions if one.evse_id == connector.evse_id), None)
