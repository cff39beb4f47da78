"""What waits in the outbox for partners."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min

from apps.ocpi.models import Partner
from apps.outbox.choices import MessageState
from apps.outbox.models import OutboxMessage

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Queue:
    """The pushes that a partner has not taken yet."""

    waiting: int = 0
    oldest_at: datetime | None = None


def queues_of(partners: Iterable[Partner]) -> dict[int, Queue]:
    """The queue of each partner that has one, by its key. One query."""
    keys = {partner.destination: partner.pk for partner in partners}
    rows = (
        OutboxMessage.objects.filter(destination__in=keys, state=MessageState.WAITING)
        .order_by()
        .values("destination")
        .annotate(n=Count("pk"), oldest=Min("created_at"))
    )
    return {keys[row["destination"]]: Queue(row["n"], row["oldest"]) for row in rows}


def queue_head(partner: Partner) -> list[OutboxMessage]:
    """The pushes that wait longest, without what they carry. One query."""
    waiting = OutboxMessage.objects.filter(
        destination=partner.destination, state=MessageState.WAITING
    )
    return list(waiting.defer("payload").order_by("pk")[:SHOWN])


def given_up_count(partner: Partner) -> int:
    """How many pushes were given up."""
    return OutboxMessage.objects.filter(
        destination=partner.destination, state=MessageState.DEAD
    ).count()
