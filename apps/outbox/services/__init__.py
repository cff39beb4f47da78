from apps.outbox.services.add import NewMessage, outbox_add, outbox_add_all
from apps.outbox.services.deliver import outbox_deliver_due, outbox_hasten, outbox_resend

__all__ = [
    "NewMessage",
    "outbox_add",
    "outbox_add_all",
    "outbox_deliver_due",
    "outbox_hasten",
    "outbox_resend",
]
