"""Reads of the outbox."""

from apps.outbox.choices import MessageState
from apps.outbox.models import OutboxMessage
from cariflex.common.time import utc_now


def destinations_due() -> list[str]:
    """The destinations that have a message to try now."""
    return list(
        OutboxMessage.objects.filter(state=MessageState.WAITING, next_attempt_at__lte=utc_now())
        .order_by("destination")
        .values_list("destination", flat=True)
        .distinct()
    )
