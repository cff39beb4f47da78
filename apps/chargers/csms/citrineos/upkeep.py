"""What the bridge does beside the bus: compares with CitrineOS's tables what it has been told.

The table of messages holds what every station ever sent. Reading it by a cursor finds what the bus
did not bring (a broker that restarted, a queue that was deleted): it is applied as if it had come,
and counted, so that a loss is seen.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from apps.chargers.choices import BackEnd
from apps.chargers.csms.citrineos.client import CitrineTables
from apps.chargers.csms.citrineos.inbox import messages_apply
from apps.chargers.csms.citrineos.messages import (
    BridgedMessage,
    MessageUnusable,
    stored_message,
)
from apps.chargers.models import ChargingStation, CitrineAccount, CitrineCursor
from apps.chargers.services import connection_open, connection_seen
from apps.chargers.services.citrineos import (
    CHANNEL,
    Counts,
    bridge_note,
    messages_count,
    stations_offline,
)

logger = logging.getLogger(__name__)

PAGE = 500
# Ids are given before rows are committed: rows before the cursor are read again this far back.
LOOK_BACK_ROWS = 500
LOOK_BACK = timedelta(minutes=10)
# The bus is given this time to bring a message: what is younger is not missing yet.
GRACE = timedelta(seconds=10)
_APPLIED_TOGETHER = 64


def missed_fill(
    account: CitrineAccount, tables: CitrineTables, *, now: datetime, grace: timedelta = GRACE
) -> Counts:
    """Apply every message that CitrineOS has and the bus did not bring; how many were new."""
    cursor, _created = CitrineCursor.objects.get_or_create(account=account)
    last_id, again_from_id = cursor.last_id, max(0, cursor.last_id - LOOK_BACK_ROWS)
    total = Counts()
    while True:
        rows = tables.messages_after(
            last_id=last_id,
            again_from_id=again_from_id,
            again_since=now - LOOK_BACK,
            starts_at=account.starts_at,
            limit=PAGE,
        )
        for start in range(0, len(rows), _APPLIED_TOGETHER):
            messages, read_to, is_young = _readable(
                rows[start : start + _APPLIED_TOGETHER], until=now - grace
            )
            total += _apply(account, messages, now=now, read_to=read_to)
            if is_young:
                return _told(account, total, now)
        if len(rows) < PAGE:
            return _told(account, total, now)
        # The next page begins after this one; only the first looks back.
        last_id = again_from_id = max(int(rows[-1]["id"]), last_id)


def _readable(
    rows: Sequence[dict[str, object]], *, until: datetime
) -> tuple[list[BridgedMessage], int | None, bool]:
    """The messages of rows, up to which row they go, and whether younger ones follow."""
    messages: list[BridgedMessage] = []
    read_to: int | None = None
    for row in rows:
        try:
            message = stored_message(row)
        except MessageUnusable:
            # Errors and answers of stations: this table holds everything, the bus does not.
            read_to = int(str(row["id"]))
            continue
        if message.at > until:
            return messages, read_to, True
        read_to = int(str(row["id"]))
        if _is_wanted(message):
            messages.append(message)
    return messages, read_to, False


def _is_wanted(message: BridgedMessage) -> bool:
    """True for what the bus brings too: requests, and the numbers of 1.6 transactions."""
    if not message.is_answer:
        return True
    return message.version.is_16 and message.action == "StartTransaction"


def _apply(
    account: CitrineAccount, messages: Sequence[BridgedMessage], *, now: datetime,
    read_to: int | None,
) -> Counts:  # fmt: skip
    if messages:
        return messages_apply(
            messages, account_id=account.pk, now=now, is_recovered=True, last_id=read_to
        )
    messages_count(
        account_id=account.pk, counts=Counts(), is_recovered=True, now=now, last_id=read_to
    )
    return Counts()


def _told(account: CitrineAccount, total: Counts, now: datetime) -> Counts:
    bridge_note(account_id=account.pk, filled_at=now)
    if total.fresh:
        logger.warning("messages that the bus did not bring were found count=%s", total.fresh)
    return total


def stations_follow(tables: CitrineTables, *, now: datetime) -> None:
    """Whether each station is connected, as CitrineOS has it: the bus tells nothing of sockets."""
    ours = {
        station.station_id: station
        for station in ChargingStation.objects.filter(csms=BackEnd.CITRINEOS)
    }
    online: dict[int, bool] = {}
    after = ""
    while rows := tables.stations(after=after, limit=PAGE):
        for row in rows:
            station = ours.get(row.station_id)
            if station is None:
                continue
            online[station.pk] = row.is_online
            if not row.is_online:
                continue
            if station.is_online and station.connection_channel == CHANNEL:
                connection_seen(station_pk=station.pk, channel=CHANNEL, now=now)
            else:
                connection_open(
                    station_pk=station.pk, channel=CHANNEL, now=now, version=row.version
                )
        after = rows[-1].station_id
        if len(rows) < PAGE:
            break
    stations_offline(now=now, online=online)
