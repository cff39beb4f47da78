"""What billing does when something happens at a station: enqueue, nothing else."""

from apps.billing.tasks import cdr_issue
from apps.chargers.events import SessionEnded, SessionRevised


def on_session_ended(event: SessionEnded | SessionRevised) -> None:
    """The session's CDR is due; a late event may have completed it."""
    cdr_issue.enqueue(event.session_id)
