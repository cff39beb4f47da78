"""Doubtful sessions: looked at by somebody, then billed."""

import logging
from datetime import datetime

from apps.chargers.models import Session
from cariflex.common.errors import DomainError

logger = logging.getLogger(__name__)


def session_check(*, session_id: int, now: datetime) -> None:
    """Say that a doubtful session may be billed as it stands; the next sweep issues its CDR.

    DomainError for a session that has not ended: it may still change.
    """
    checked = Session.objects.filter(pk=session_id, ended_at__isnull=False).update(checked_at=now)
    if not checked:
        raise DomainError("chargers.session_not_ended", f"Session {session_id} has not ended.")
    logger.info("session checked session=%s", session_id)
