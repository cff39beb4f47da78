from apps.outbox.services.add import outbox_add
from apps.outbox.services.deliver import outbox_deliver_due, outbox_resend

__all__ = ["outbox_add", "outbox_deliver_due", "outbox_resend"]
