"""What the bridge to CitrineOS writes: its lease, how far it read, what it took, and numbers."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from apps.chargers.choices import BackEnd, ConnectionState
from apps.chargers.csms.port import csms
from apps.chargers.models import (
    ChargingStation,
    CitrineAccount,
    CitrineCursor,
    CitrineMessage,
    CitrineTransaction,
)
from apps.chargers.services.connections import connection_close
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

LEASE_S = 12.0
"""A killed bridge's work goes on elsewhere after this long. A living one renews it each 3 s."""
# The comparison looks back ten minutes at most; beyond this no message can come twice.
_KEPT_FOR = timedelta(days=7)
CHANNEL = "citrineos"
"""Stands in a station's row where the native back-end has the channel of its socket."""

MessageKey = tuple[str, str, datetime, bool]
"""(station id, message id, instant, is an answer)"""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages of a batch were new, known already, or unusable."""

    fresh: int = 0
    repeated: int = 0
    unusable: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.fresh + other.fresh,
            self.repeated + other.repeated,
            self.unusable + other.unusable,
        )


def account_save(account: CitrineAccount) -> CitrineAccount:
    """Store a server; its secret for answers is made once. DomainError beside another active."""
    others = CitrineAccount.objects.filter(is_active=True).exclude(pk=account.pk)
    if account.is_active and others.exists():
        raise DomainError(
            "citrineos.one_active", "Another CitrineOS server is active.", field="is_active"
        )
    if not account.callback_secret:
        account.callback_secret = secrets.token_hex(32)
    with transaction.atomic():
        account.save()
        CitrineCursor.objects.get_or_create(account=account)
    return account


@transaction.atomic
def back_end_choose(*, back_end: BackEnd, station_pks: Sequence[int] | None = None) -> int:
    """Give stations (all when none are named) to a back-end; how many changed.

    A socket that is open at the other one is closed there: the station is to be pointed at its
    new address, and what it stored meanwhile comes with its next connection. DomainError without
    an active CitrineOS server.
    """
    active = CitrineAccount.objects.filter(is_active=True).exists()
    if back_end == BackEnd.CITRINEOS and not active:
        raise DomainError("citrineos.none_active", "No CitrineOS server is active.")
    stations = ChargingStation.objects.select_for_update().exclude(csms=back_end)
    if station_pks is not None:
        stations = stations.filter(pk__in=station_pks)
    moved = list(stations.order_by("pk").values_list("pk", "csms", "connection_channel"))
    ChargingStation.objects.filter(pk__in=[pk for pk, _was, _channel in moved]).update(
        csms=back_end
    )
    schema_name = current_schema()
    for pk, was, channel in moved:
        if was == BackEnd.CITRINEOS and channel == CHANNEL:
            connection_close(station_pk=pk, channel=CHANNEL, now=utc_now())
        if channel:
            _end_on_commit(was, schema_name, pk)
    return len(moved)


def _end_on_commit(back_end: str, schema_name: str, station_pk: int) -> None:
    # A function of its own: Django cannot name a partial when it logs its failure.
    def end() -> None:
        csms(back_end).connection_end(schema_name=schema_name, station_pk=station_pk)

    transaction.on_commit(end, robust=True)


def lease_take(*, account_id: int, holder: str, lease_s: float = LEASE_S) -> bool:
    """Become or stay the bridge of a server; False while another process is."""
    CitrineCursor.objects.get_or_create(account_id=account_id)
    with connection.cursor() as cursor:
        cursor.execute(_LEASE, [holder, lease_s, account_id, holder])
        return bool(cursor.rowcount)


# By the database's clock: the bridges may run on machines whose clocks differ.
_LEASE = """
UPDATE chargers_citrinecursor
SET holder = %s, held_until = clock_timestamp() + make_interval(secs => %s)
WHERE account_id = %s
  AND (holder = %s OR held_until IS NULL OR held_until < clock_timestamp())
"""


def lease_give(*, account_id: int, holder: str) -> None:
    """Stop being the bridge: another process may go on at once."""
    CitrineCursor.objects.filter(account_id=account_id, holder=holder).update(
        holder="", held_until=None
    )


def bridge_note(*, account_id: int, **values: Any) -> None:
    """Keep what the bridge says of itself (`connected_at`, `trouble`, ...)."""
    CitrineCursor.objects.filter(account_id=account_id).update(**values)


def messages_claim(keys: Iterable[MessageKey], *, is_recovered: bool) -> set[MessageKey]:
    """The messages that nobody took before; they are taken with the surrounding transaction.

    Of two processes that claim the same one, the second waits for the first's commit.
    """
    rows = sorted(set(keys))
    if not rows:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM,
            [
                is_recovered,
                [row[0] for row in rows],
                [row[1] for row in rows],
                [row[2] for row in rows],
                [row[3] for row in rows],
            ],
        )
        return {(row[0], row[1], row[2], row[3]) for row in cursor.fetchall()}


_CLAIM = """
INSERT INTO chargers_citrinemessage (station_id, correlation_id, at, is_answer, is_recovered)
SELECT station_id, correlation_id, at, is_answer, %s
FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::boolean[])
    AS told (station_id, correlation_id, at, is_answer)
ON CONFLICT (station_id, correlation_id, at, is_answer) DO NOTHING
RETURNING station_id, correlation_id, at, is_answer
"""


def messages_count(
    *, account_id: int, counts: Counts, is_recovered: bool, now: datetime, last_id: int | None
) -> None:
    """Add a batch to the server's counters; `last_id` moves the cursor, never back."""
    taken = "recovered_count" if is_recovered else "live_count"
    values: dict[str, Any] = {
        taken: F(taken) + counts.fresh,
        "unusable_count": F("unusable_count") + counts.unusable,
    }
    if is_recovered:
        values["filled_at"] = now
    else:
        values["repeated_count"] = F("repeated_count") + counts.repeated
        values["last_message_at"] = now
    CitrineCursor.objects.filter(account_id=account_id).update(**values)
    if last_id is not None:
        CitrineCursor.objects.filter(account_id=account_id, last_id__lt=last_id).update(
            last_id=last_id
        )


def messages_forget(*, now: datetime) -> int:
    """Delete the marks of messages that cannot come again; how many."""
    deleted, _by_model = CitrineMessage.objects.filter(at__lt=now - _KEPT_FOR).delete()
    return int(deleted)


def number_asked(*, station_pk: int, correlation_id: str, session_pk: int, at: datetime) -> None:
    """A 1.6 station began a transaction; the answer to this message will bring its number."""
    CitrineTransaction.objects.create(
        station_id=station_pk, correlation_id=correlation_id, session_id=session_pk, at=at
    )


def number_given(*, station_pk: int, correlation_id: str, number: int) -> bool:
    """CitrineOS gave a transaction its number; False when its start is not known."""
    asked = (
        CitrineTransaction.objects.filter(station_id=station_pk, correlation_id=correlation_id)
        .order_by("-at", "-pk")
        .first()
    )
    if asked is None:
        return False
    CitrineTransaction.objects.filter(pk=asked.pk).update(number=number)
    return True


def session_of_number(*, station_pk: int, number: int) -> int | None:
    """The session (row id) that CitrineOS calls by this number."""
    return (
        CitrineTransaction.objects.filter(station_id=station_pk, number=number)
        .order_by("-at", "-pk")
        .values_list("session_id", flat=True)
        .first()
    )


def number_of_session(*, station_pk: int, session_pk: int) -> int | None:
    """The number by which CitrineOS and the station call a session."""
    return (
        CitrineTransaction.objects.filter(
            station_id=station_pk, session_id=session_pk, number__isnull=False
        )
        .order_by("-at", "-pk")
        .values_list("number", flat=True)
        .first()
    )


def stations_offline(*, now: datetime, online: Mapping[int, bool]) -> int:
    """Mark stations offline that CitrineOS calls so (row id -> online); how many."""
    held = ChargingStation.objects.filter(
        pk__in=[pk for pk, is_online in online.items() if not is_online],
        connection_state=ConnectionState.ONLINE,
        connection_channel=CHANNEL,
    )
    return sum(
        connection_close(station_pk=pk, channel=CHANNEL, now=now)
        for pk in held.order_by("pk").values_list("pk", flat=True)
    )
