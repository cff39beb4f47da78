"""What Celery's beat sends, and how often. The settings take it from here."""

from datetime import timedelta


def _every(task: str, seconds: float, queue: str = "default") -> dict[str, object]:
    """A beat entry that sends `task` to each active operator; a late one is dropped, not piled."""
    return {
        "task": "tenants.fan_out",
        "args": (task,),
        "schedule": timedelta(seconds=seconds),
        "options": {"expires": seconds, "queue": queue},
    }


BEAT_SCHEDULE = {
    "assets poll dispatch": _every("assets.poll_dispatch", 2, queue="dispatch"),
    "assets jobs sweep": _every("assets.jobs_sweep", 5, queue="dispatch"),
    "assets partitions": _every("assets.partitions_ensure", 3600),
    "assets rollups": _every("assets.rollups_update", 10),
    "assets retention": _every("assets.retention_apply", 3600),
    "assets alarms": _every("assets.alarms_watch", 10),
    "assets alarm digests": _every("assets.alarm_digests_send", 60),
    "chargers load balance": _every("chargers.load_balance", 5, queue="dispatch"),
    "chargers connections sweep": _every("chargers.connections_sweep", 30),
    "chargers messages retain": _every("chargers.messages_retain", 3600),
    "chargers local lists": _every("chargers.local_lists_send", 60),
    "chargers reservations": _every("chargers.reservations_expire", 60),
    "chargers ad hoc watch": _every("chargers.ad_hoc_watch", 10),
    "chargers costs": _every("chargers.costs_tell", 20),
    "chargers sessions forgotten": _every("chargers.sessions_forgotten_end", 60),
    "chargers display messages": _every("chargers.display_messages_end", 60),
    "chargers customers forget": _every("chargers.customers_forget", 3600),
    "chargers webhooks relay": _every("chargers.webhooks_relay", 10, queue="deliver"),
    "chargers webhooks prune": _every("chargers.webhooks_prune", 3600),
    "chargers certificates watch": _every("chargers.certificates_watch", 3600),
    "markets feeds fetch": _every("markets.feeds_fetch", 60),
    "markets feeds tidy": _every("markets.feeds_tidy", 3600),
    "markets island price": _every("markets.island_price", 900),
    "markets pv forecast": _every("markets.pv_forecast", 900),
    "flexibility slot means": _every("flexibility.slot_means_post", 30),
    "flexibility plan refresh": _every("flexibility.plan_refresh", 20),
    "flexibility cars refresh": _every("flexibility.cars_refresh", 30, queue="schedule"),
    "flexibility dispatch": _every("flexibility.dispatch", 2, queue="dispatch"),
    "flexibility reports refresh": _every("flexibility.reports_refresh", 3600, queue="schedule"),
    "billing cdrs sweep": _every("billing.cdrs_sweep", 30),
    "billing exceptions": _every("billing.exceptions_refresh", 60),
    "billing reconciliations": _every("billing.reconciliations_sweep", 60),
    "billing invoice papers": _every("billing.invoice_papers_sweep", 60),
    "billing dynamic prices": _every("billing.dynamic_prices_fix", 300),
    "billing reminders": _every("billing.reminders", 3600),
    "billing drafts refresh": _every("billing.drafts_refresh", 3600),
    "billing taxes load": _every("billing.taxes_load", 86400),
    "billing exports sweep": _every("billing.exports_sweep", 30),
    "billing exports expire": _every("billing.exports_expire", 600),
    "ocpi commands sweep": _every("ocpi.commands_sweep", 10),
    "ocpi exchanges prune": _every("ocpi.exchanges_prune", 3600),
    "ocpi sessions push": _every("ocpi.sessions_push", 10, queue="deliver"),
    "ocpi publish sweep": _every("ocpi.publish_sweep", 120, queue="deliver"),
    "ocpi tokens sweep": _every("ocpi.tokens_sweep", 3600, queue="deliver"),
    "ocpi pulls dispatch": _every("ocpi.pulls_dispatch", 300),
    "ocpi pulls prune": _every("ocpi.pulls_prune", 86400),
    "ocpi roaming sessions": _every("ocpi.roaming_sessions_sweep", 15),
    "outbox sweep": _every("outbox.sweep", 10),
}
