"""Work in the background, for one operator at a time."""

from apps.chargers.services import commands_sweep, messages_prune
from apps.chargers.services import connections_sweep as sweep
from apps.chargers.services.ad_hoc import ad_hoc_watch as stays_watch
from apps.chargers.services.certificates import certificate_alarms_keep
from apps.chargers.services.certificates import certificates_watch as watch
from apps.chargers.services.charging_limits import session_profiles_end
from apps.chargers.services.command_batches import BATCH_TASK, batch_run, batches_sweep
from apps.chargers.services.cost_display import costs_tell as running_costs_tell
from apps.chargers.services.customer_information import customer_information_prune
from apps.chargers.services.display_messages import display_messages_end as displays_end
from apps.chargers.services.event_streams import stream_values_prune
from apps.chargers.services.forgotten_sessions import forgotten_sessions_end
from apps.chargers.services.load_groups import balance_all
from apps.chargers.services.local_lists import local_lists_send as lists_send
from apps.chargers.services.reservations import reservations_expire as reservations_end
from apps.chargers.services.webhooks import webhook_events_relay
from apps.chargers.services.webhooks import webhooks_prune as webhooks_cut
from apps.tenants.tasking import operator_task
from cariflex.common.time import utc_now


@operator_task(name="chargers.connections_sweep")
def connections_sweep() -> None:
    """Every 30 s: silent stations are offline, orders that nobody will end are ended."""
    now = utc_now()
    sweep(now=now)
    commands_sweep(now=now)
    batches_sweep(now=now)


@operator_task(name=BATCH_TASK)
def command_batch_run(batch_id: int) -> None:
    """Give a bulk order to its stations, slice by slice; safe to run twice."""
    pause = batch_run(batch_id=batch_id, clock=utc_now)
    if pause is not None:
        options = {"countdown": pause.total_seconds()}
        command_batch_run.enqueue_with(args=[batch_id], options=options)


@operator_task(name="chargers.messages_retain")
def messages_retain() -> None:
    """Every hour: the message log and the values of streams keep their limits."""
    now = utc_now()
    messages_prune(now=now)
    stream_values_prune(now=now)


@operator_task(name="chargers.certificates_watch")
def certificates_watch() -> None:
    """Every hour: certificates that end soon: a security event and an alarm."""
    now = utc_now()
    watch(now=now)
    certificate_alarms_keep(now=now)


@operator_task(name="chargers.sessions_forgotten_end")
def sessions_forgotten_end() -> None:
    """Every minute: sessions that a 1.6 station lost in a power cut end at what it told last."""
    forgotten_sessions_end(now=utc_now())


@operator_task(name="chargers.local_lists_send")
def local_lists_send() -> None:
    """Every minute: connected stations get the tokens that they should know when alone."""
    lists_send(now=utc_now())


@operator_task(name="chargers.load_balance", queue="dispatch")
def load_balance() -> None:
    """Every 5 s, and whenever a car or a cap moves: each load group keeps its cap."""
    now = utc_now()
    session_profiles_end(now=now)
    balance_all(now=now)


@operator_task(name="chargers.reservations_expire")
def reservations_expire() -> None:
    """Every minute: reservations whose time is over are over, whatever the station says."""
    reservations_end(now=utc_now())


@operator_task(name="chargers.ad_hoc_watch")
def ad_hoc_watch() -> None:
    """Every 10 s: stays without a contract go on, whatever was lost on the way."""
    stays_watch(now=utc_now())


@operator_task(name="chargers.costs_tell")
def costs_tell() -> None:
    """Every 20 s: stations that show costs hear what running sessions cost."""
    running_costs_tell(now=utc_now())


@operator_task(name="chargers.webhooks_relay", queue="deliver")
def webhooks_relay() -> None:
    """Every 10 s, and whenever there is news: hand out what webhooks are to tell."""
    while webhook_events_relay():
        pass


@operator_task(name="chargers.webhooks_prune")
def webhooks_prune() -> None:
    """Every hour: events for webhooks are kept for replays for a limited time."""
    webhooks_cut(now=utc_now())


@operator_task(name="chargers.display_messages_end")
def display_messages_end() -> None:
    """Every minute: messages whose time or transaction is over are shown no more."""
    displays_end(now=utc_now())


@operator_task(name="chargers.customers_forget")
def customers_forget() -> None:
    """Every hour: what stations told of customers is not kept for long."""
    customer_information_prune(now=utc_now())
