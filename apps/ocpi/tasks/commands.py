"""Commands and charging profiles that wait for somebody."""

from apps.ocpi.services.remote_commands_out import commands_out_sweep
from apps.ocpi.services.remote_profiles_out import profiles_out_sweep
from apps.ocpi.services.remote_results import commands_in_sweep, profiles_in_sweep
from apps.tenants.tasking import operator_task
from cariflex.common.time import utc_now


@operator_task(name="ocpi.commands_sweep")
def commands_sweep() -> None:
    """Every 10 s: results for what waited too long, sessions tied to their commands."""
    now = utc_now()
    commands_in_sweep(now=now)
    profiles_in_sweep(now=now)
    commands_out_sweep(now=now)
    profiles_out_sweep(now=now)
