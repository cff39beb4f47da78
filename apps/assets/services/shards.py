"""Who polls what: shards of gateways, each held by one worker at a time through a lease."""

import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from apps.assets.choices import DeviceStage
from apps.assets.models import Device, PollShard

GATEWAYS_PER_SHARD = 100
"""The most gateways that one worker takes or gives at once.

A shard costs its worker a thread, a database connection and about five short statements a second,
whatever its size: so not too small. It is also what moves, and what stands still for a lease when
a worker dies: so not too big. 1,000 gateways are 10 shards, which spread over up to ten workers.
"""
LEASE_S = 5.0
"""A killed worker's shard is free after this long. A living one renews it each second."""
OVERDUE_S = 2.8
"""A lease with less than this left missed two renewals: an heir is sent to wait for its end. With
a dispatch each 2 s it is there in time."""
# Serialises the making of shards; the second key is the operator's schema (hashed).
_SHARDS_LOCK = 0x43460002

_STATE = """
SELECT holder IS NOT NULL, worker,
       GREATEST(0, EXTRACT(EPOCH FROM lease_until - clock_timestamp())),
       CASE WHEN lease_until IS NULL THEN 'Infinity'
            ELSE GREATEST(0, EXTRACT(EPOCH FROM clock_timestamp() - lease_until)) END
FROM assets_pollshard WHERE id = %s
"""


@dataclass(frozen=True, slots=True)
class ShardState:
    """A shard's lease now, by the database's clock."""

    has_holder: bool
    worker: str
    """Who holds it, or who held it last and goes on with it; empty when it is anybody's."""
    lease_left_s: float
    """0 when nobody holds it."""
    free_for_s: float
    """0 while it is held."""

    @property
    def is_orphan(self) -> bool:
        """True when its holder died: the lease ran out, nobody gave it up."""
        return self.has_holder and self.lease_left_s == 0


def shards_ensure() -> int:
    """Put devices without shard into one, whole gateways together; gives how many were placed."""
    waiting = Device.objects.filter(shard=None, stage=DeviceStage.IN_SERVICE)
    if not waiting.exists():
        return 0
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", [_SHARDS_LOCK]
            )
        placed = _placed_gateways()
        sizes = Counter(placed.values())
        shard_ids = list(PollShard.objects.order_by("id").values_list("id", flat=True))
        for host, port in waiting.order_by("id").values_list("host", "port"):
            if (host, port) in placed:
                continue
            shard_id = next((s for s in shard_ids if sizes[s] < GATEWAYS_PER_SHARD), None)
            if shard_id is None:
                shard_id = _shard_make(len(shard_ids) + 1)
                shard_ids.append(shard_id)
            placed[host, port] = shard_id
            sizes[shard_id] += 1
        return _place(placed)


def _shard_make(number: int) -> int:
    """A new shard, free since now."""
    return PollShard.objects.create(key=f"shard-{number:04d}", lease_until=Now()).pk


def _placed_gateways() -> dict[tuple[str, int], int]:
    rows = Device.objects.exclude(shard=None).values_list("host", "port", "shard_id")
    return {(host, port): shard_id for host, port, shard_id in rows if shard_id is not None}


def _place(placed: dict[tuple[str, int], int]) -> int:
    devices = list(
        Device.objects.filter(shard=None, stage=DeviceStage.IN_SERVICE)
        .select_for_update()
        .order_by("pk")
    )
    for device in devices:
        device.shard_id = placed.get((device.host, device.port))
    return Device.objects.bulk_update(devices, ["shard"])


def shards_wanting() -> list[int]:
    """The shards with devices in service that nobody holds, or whose holder stopped renewing."""
    polled = Device.objects.filter(shard=OuterRef("pk"), stage=DeviceStage.IN_SERVICE)
    overdue = Now() + timedelta(seconds=OVERDUE_S)
    return list(
        PollShard.objects.filter(Q(lease_until=None) | Q(lease_until__lte=overdue), Exists(polled))
        .order_by("id")
        .values_list("id", flat=True)
    )


def shard_state(*, shard_id: int) -> ShardState | None:
    """The lease of a shard now; None when there is no such shard."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE, [shard_id])
        row = cursor.fetchone()
    if row is None:
        return None
    has_holder, worker, lease_left_s, free_for_s = row
    return ShardState(has_holder, worker, float(lease_left_s or 0), float(free_for_s))


def shard_take(*, shard_id: int, holder: uuid.UUID, worker: str, lease_s: float = LEASE_S) -> bool:
    """Take the lease if it is free; False when another worker was first."""
    return _lease(
        "UPDATE assets_pollshard SET holder = %s, worker = %s, taken_at = clock_timestamp(),"
        " lease_until = clock_timestamp() + make_interval(secs => %s)"
        " WHERE id = %s AND (lease_until IS NULL OR lease_until <= clock_timestamp())",
        [holder, worker[:120], lease_s, shard_id],
    )


def shard_hold(*, shard_id: int, holder: uuid.UUID, lease_s: float = LEASE_S) -> bool:
    """Renew the lease, also one that ran out if nobody took it; False when it is another's."""
    return _lease(
        "UPDATE assets_pollshard"
        " SET lease_until = clock_timestamp() + make_interval(secs => %s)"
        " WHERE id = %s AND holder = %s",
        [lease_s, shard_id, holder],
    )


def shard_release(*, shard_id: int, holder: uuid.UUID, is_given_up: bool = False) -> bool:
    """End the lease; False when it was no longer ours.

    The worker goes on with the shard at once, unless it `is_given_up`: then it is anybody's.
    """
    return _lease(
        "UPDATE assets_pollshard SET holder = NULL, lease_until = clock_timestamp(),"
        " worker = CASE WHEN %s THEN '' ELSE worker END"
        " WHERE id = %s AND holder = %s",
        [is_given_up, shard_id, holder],
    )


def _lease(statement: str, parameters: list[uuid.UUID | str | float]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return bool(cursor.rowcount == 1)
