"""Who polls what: shards of gateways, each held by one worker at a time through a lease."""

import uuid
from collections import Counter

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from apps.assets.choices import DeviceStage
from apps.assets.models import Device, PollShard

GATEWAYS_PER_SHARD = 20
LEASE_S = 6.0
"""A killed worker's shard is free after this long. A living one renews it well before."""
# Serialises the making of shards; the second key is the operator's schema (hashed).
_SHARDS_LOCK = 0x43460002


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
                shard_id = PollShard.objects.create(key=f"shard-{len(shard_ids) + 1:04d}").pk
                shard_ids.append(shard_id)
            placed[host, port] = shard_id
            sizes[shard_id] += 1
        return _place(placed)


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


def shards_free() -> list[int]:
    """The shards that have devices and that nobody holds now."""
    return list(
        PollShard.objects.filter(
            Q(lease_until=None) | Q(lease_until__lte=Now()), devices__isnull=False
        )
        .order_by("id")
        .values_list("id", flat=True)
        .distinct()
    )


def shard_take(*, shard_id: int, holder: uuid.UUID, worker: str, lease_s: float = LEASE_S) -> bool:
    """Take the lease if it is free; False when another worker was first."""
    return _lease(
        "UPDATE assets_pollshard SET holder = %s, worker = %s, taken_at = clock_timestamp(),"
        " lease_until = clock_timestamp() + make_interval(secs => %s)"
        " WHERE id = %s AND (lease_until IS NULL OR lease_until <= clock_timestamp())",
        [holder, worker[:120], lease_s, shard_id],
    )


def shard_hold(*, shard_id: int, holder: uuid.UUID, lease_s: float = LEASE_S) -> bool:
    """Renew the lease; False when it is no longer ours."""
    return _lease(
        "UPDATE assets_pollshard"
        " SET lease_until = clock_timestamp() + make_interval(secs => %s)"
        " WHERE id = %s AND holder = %s AND lease_until > clock_timestamp()",
        [lease_s, shard_id, holder],
    )


def shard_release(*, shard_id: int, holder: uuid.UUID) -> bool:
    """Give the lease up; False when it was no longer ours."""
    return _lease(
        "UPDATE assets_pollshard SET holder = NULL, lease_until = NULL"
        " WHERE id = %s AND holder = %s",
        [shard_id, holder],
    )


def _lease(statement: str, parameters: list[uuid.UUID | str | float]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return bool(cursor.rowcount == 1)
