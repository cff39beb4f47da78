"""The pages of orders: what was asked of stations, by whom, why, and what came of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet

from apps.accounts.models import User
from apps.chargers.choices import CommandStatus
from apps.chargers.models import Command
from apps.chargers.ocpp import actions
from apps.chargers.ocpp.redaction import shown_text
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.selectors import (
    BatchProgress,
    batch_progress,
    batches_page,
    command_rows,
)
from cariflex.common.api.pages import page_of

PAGE_SIZE = 30
BATCHES_SHOWN = 5
SEARCH_MAX_LENGTH = 60
# What an address can carry.
AGAIN_MAX_LENGTH = 1500
OPEN = (CommandStatus.QUEUED, CommandStatus.SENT)
MAY_SEND = "chargers.add_command"
MAY_SEND_TO_MANY = "chargers.add_commandbatch"
# What of an answer says most, in the order in which it is looked for.
_ANSWER_WORDS = ("status", "listVersion", "fileName")
ALL_ACTIONS = tuple(sorted(set().union(*(actions.to_stations(one) for one in OcppVersion))))


@dataclass(frozen=True, slots=True)
class CommandFilter:
    """Which orders are shown; empty means all."""

    station_id: str = ""
    action: str = ""
    status: str = ""
    search: str = ""
    """In who gave the order and why."""

    @property
    def is_active(self) -> bool:
        """True when anything is filtered."""
        return bool(self.station_id or self.action or self.status or self.search)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """One order of the table."""

    command_id: int
    batch_id: int | None
    station_id: str
    station_name: str
    action: str
    reason: str
    requested_by: str
    requested_at: datetime
    status: str
    answer_word: str
    error: str
    latency_s: float | None

    @property
    def is_open(self) -> bool:
        """True until the order has ended."""
        return self.status in OPEN


@dataclass(frozen=True, slots=True)
class CommandsPage:
    """The history of orders and the bulk orders given last."""

    lines: tuple[CommandLine, ...]
    older_than: int | None
    is_first_page: bool
    filter: CommandFilter
    actions: tuple[str, ...]
    statuses: tuple[tuple[str, str], ...]
    batches: tuple[BatchProgress, ...]
    may_send: bool

    @property
    def older_query(self) -> str:
        """The query of the next page with the same filter."""
        return _query(self.filter, before=self.older_than)

    @property
    def first_query(self) -> str:
        """The query of the first page with the same filter."""
        return _query(self.filter, before=None)


@dataclass(frozen=True, slots=True)
class CommandDetail:
    """One order in full; request and answer without secrets."""

    line: CommandLine
    request_text: str
    answer_text: str
    again_text: str
    """The request to be filled in again; empty when parts of it are not shown."""
    differences: int | None
    """Of a composite schedule: where the station and we come to different limits."""
    correlation_id: str
    sent_at: datetime | None
    answered_at: datetime | None
    may_send: bool


@dataclass(frozen=True, slots=True)
class BatchDetail:
    """A bulk order: how far it is, and the result of each station."""

    progress: BatchProgress
    shares: tuple[tuple[str, int], ...]
    """Stations by state, those that have ended well first; none is zero."""
    lines: tuple[CommandLine, ...]
    status: str
    statuses: tuple[tuple[str, str], ...]
    older_than: int | None
    is_first_page: bool

    @property
    def ended_percent(self) -> float:
        """The share of stations with a result, 0-100."""
        return 100 * self.progress.ended / max(1, self.progress.stations)

    @property
    def older_query(self) -> str:
        """The query of the next page with the same state."""
        kept = {"status": self.status, "before": self.older_than}
        return urlencode({name: value for name, value in kept.items() if value})


def commands_overview(*, chosen: CommandFilter, before: int | None, user: User) -> CommandsPage:
    """A page of orders, newest first, and on the first one the bulk orders; three queries."""
    rows = list(_found(chosen, before)[: PAGE_SIZE + 1])
    page = page_of(rows, PAGE_SIZE, lambda command: command.pk)
    shows_batches = before is None and not chosen.is_active
    return CommandsPage(
        lines=tuple(_line(command) for command in page.rows),
        older_than=page.next_after,
        is_first_page=before is None,
        filter=chosen,
        actions=ALL_ACTIONS,
        statuses=_statuses(),
        batches=tuple(batches_page(after=None, limit=BATCHES_SHOWN).rows) if shows_batches else (),
        may_send=user.has_perm(MAY_SEND),
    )


def command_detail(*, command_id: int, user: User) -> CommandDetail | None:
    """One order, None when there is none. One query."""
    command = command_rows().filter(pk=command_id).first()
    if command is None:
        return None
    calculated = (command.answer or {}).get("calculated")
    return CommandDetail(
        line=_line(command),
        request_text=pretty(command.payload_shown),
        answer_text="" if command.answer is None else pretty(command.answer),
        again_text=_again(command),
        differences=len(calculated["differences"]) if isinstance(calculated, dict) else None,
        correlation_id=str(command.correlation_id),
        sent_at=command.sent_at,
        answered_at=command.answered_at,
        may_send=user.has_perm(MAY_SEND),
    )


def batch_detail(*, batch_id: int, status: str, before: int | None) -> BatchDetail | None:
    """One bulk order with a page of its stations, None when there is none. Three queries."""
    progress = batch_progress(batch_id=batch_id)
    if progress is None:
        return None
    rows = list(_found(CommandFilter(status=status), before, batch_id)[: PAGE_SIZE + 1])
    page = page_of(rows, PAGE_SIZE, lambda command: command.pk)
    counts = [(name, getattr(progress, name)) for name in _SHARES]
    return BatchDetail(
        progress=progress,
        shares=tuple((name, count) for name, count in counts if count),
        lines=tuple(_line(command) for command in page.rows),
        status=status,
        statuses=_statuses(),
        older_than=page.next_after,
        is_first_page=before is None,
    )


# The order in which the bar of a bulk order is drawn; `waiting` has no command yet.
_SHARES = ("accepted", "rejected", "timeout", "failed", "sent", "queued", "waiting")


def pretty(payload: Mapping[str, Any]) -> str:
    """A request or an answer as it may be shown: indented, without secrets."""
    shown = json.loads(shown_text(json.dumps(payload)))
    return json.dumps(shown, indent=2, ensure_ascii=False)


def _again(command: Command) -> str:
    if command.payload_shown != command.payload:
        return ""
    numbers = {actions.number_field(one, command.action) for one in OcppVersion}
    kept = {name: value for name, value in command.payload.items() if name not in numbers}
    text = json.dumps(kept, separators=(",", ":"), ensure_ascii=False)
    return text if shown_text(text) == text and len(text) <= AGAIN_MAX_LENGTH else ""


def _found(
    chosen: CommandFilter, before: int | None, batch_id: int | None = None
) -> QuerySet[Command]:
    commands = command_rows().order_by("-pk")
    if chosen.station_id:
        commands = commands.filter(station__station_id=chosen.station_id)
    if chosen.action:
        commands = commands.filter(action=chosen.action)
    if chosen.status:
        commands = commands.filter(status=chosen.status)
    if chosen.search:
        commands = commands.filter(
            Q(reason__icontains=chosen.search)
            | Q(requested_by__username__icontains=chosen.search)
            | Q(requested_by__last_name__icontains=chosen.search)
        )
    if batch_id is not None:
        commands = commands.filter(batch_id=batch_id)
    return commands if before is None else commands.filter(pk__lt=before)


def _line(command: Command) -> CommandLine:
    by = command.requested_by
    return CommandLine(
        command_id=command.pk,
        batch_id=command.batch_id,
        station_id=command.station.station_id,
        station_name=command.station.name,
        action=command.action,
        reason=command.reason,
        requested_by=(by.get_full_name() or by.get_username()) if by else "",
        requested_at=command.requested_at,
        status=command.status,
        answer_word=_answer_word(command.answer),
        error=command.error,
        latency_s=command.latency_s,
    )


def _answer_word(answer: Mapping[str, Any] | None) -> str:
    """The word of the station's answer that says most, as on the wire."""
    told = answer or {}
    return next((str(told[name])[:60] for name in _ANSWER_WORDS if name in told), "")


def _statuses() -> tuple[tuple[str, str], ...]:
    return tuple((value, str(label)) for value, label in CommandStatus.choices)


def _query(chosen: CommandFilter, *, before: int | None) -> str:
    kept = {
        "station": chosen.station_id,
        "action": chosen.action,
        "status": chosen.status,
        "q": chosen.search,
        "before": before,
    }
    return urlencode({name: value for name, value in kept.items() if value})
