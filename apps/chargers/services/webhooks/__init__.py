"""Webhooks out: what happens at stations, told to partners.

`recording` writes events down where they happen, `relay` hands them out, `deliveries` calls the
addresses, `subscriptions` keeps who wants what.
"""

from apps.chargers.services.webhooks.deliveries import POLICY, webhook_deliver
from apps.chargers.services.webhooks.recording import recorders_register
from apps.chargers.services.webhooks.relay import (
    DESTINATION,
    webhook_events_relay,
    webhooks_prune,
)
from apps.chargers.services.webhooks.subscriptions import (
    Replay,
    webhook_create,
    webhook_delete,
    webhook_replay,
    webhook_secret_renew,
    webhook_test,
    webhook_update,
)

__all__ = [
    "DESTINATION",
    "POLICY",
    "Replay",
    "recorders_register",
    "webhook_create",
    "webhook_delete",
    "webhook_deliver",
    "webhook_events_relay",
    "webhook_replay",
    "webhook_secret_renew",
    "webhook_test",
    "webhook_update",
    "webhooks_prune",
]
