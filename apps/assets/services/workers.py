"""Which processes poll: each says every two seconds, at each operator, that it lives."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection

from apps.assets.choices import DeviceStage
from apps.assets.models import PollWorker

LIVING = timedelta(seconds=5)
"""A worker that said nothing for this long is taken for dead: two words missed."""
_KEPT = timedelta(hours=1)

# `seen_at` is the database's clock: workers on several machines need no common time.
_SAY = """
WITH said AS (
    INSERT INTO assets_pollworker AS w (name, seen_at) VALUES (%(name)s, clock_timestamp())
    ON CONFLICT (name) DO UPDATE SET seen_at = EXCLUDED.seen_at
), tidied AS (
    DELETE FROM assets_pollworker
    WHERE seen_at < clock_timestamp() - make_interval(secs => %(kept_s)s) AND name <> %(name)s
), living AS (
    SELECT name FROM assets_pollworker
    WHERE seen_at > clock_timestamp() - make_interval(secs => %(living_s)s) AND name <> %(name)s
)
SELECT living.name, count(s.id), (
    SELECT count(*) FROM assets_pollshard p WHERE EXISTS (
        SELECT FROM assets_device d WHERE d.shard_id = p.id AND d.stage = %(in_service)s)
)
FROM (SELECT name FROM living UNION ALL SELECT %(name)s) living
LEFT JOIN assets_pollshard s ON s.worker = living.name AND s.lease_until > clock_timestamp()
GROUP BY living.name
"""


@dataclass(frozen=True, slots=True)
class RollCall:
    """The polling of one operator now: its shards with devices, and who lives and holds how many.

    The worker that called is among the living.
    """

    shards: int
    held: Mapping[str, int]


def worker_name() -> str:
    """This process, as it is named in leases."""
    return f"{socket.gethostname()}:{os.getpid()}"[:120]


def worker_say(*, name: str) -> RollCall:
    """Say that the worker lives, and learn who else does. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            _SAY,
            {
                "name": name,
                "living_s": LIVING.total_seconds(),
                "kept_s": _KEPT.total_seconds(),
                "in_service": DeviceStage.IN_SERVICE,
            },
        )
        rows = cursor.fetchall()
    return RollCall(shards=rows[0][2], held={living: held for living, held, _shards in rows})


def worker_leave(*, name: str) -> None:
    """The worker ends: the others need not wait until it is taken for dead."""
    PollWorker.objects.filter(name=name).delete()
