"""Alarms that no poll sees, and the mails about all of them."""

from apps.assets.services.alarm_digests import alarm_digests_send
from apps.assets.services.alarm_sweep import alarms_watch
from apps.tenants.tasking import operator_task
from cariflex.common.time import utc_now


@operator_task(name="assets.alarms_watch")
def alarms_watch_task() -> None:
    """Look for values that stay away, set-points not followed and a SoC that lies."""
    alarms_watch(now=utc_now())


@operator_task(name="assets.alarm_digests_send")
def alarm_digests_send_task() -> None:
    """Send the digests that are due."""
    alarm_digests_send(now=utc_now())
