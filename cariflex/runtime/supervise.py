"""The supervisor's process: `python -m cariflex.runtime.supervise PROFILE`."""

import os
import signal
import sys
import time

from cariflex.runtime import postgres, privileges
from cariflex.runtime.checks import START_FREE_BYTES, check_disk, check_ports
from cariflex.runtime.credentials import load_secrets
from cariflex.runtime.environment import Outside, product_environment
from cariflex.runtime.errors import StartError
from cariflex.runtime.install import flexmeasures_unavailable
from cariflex.runtime.layout import Layout
from cariflex.runtime.ports import DEVICE_OFFSET, SPAN
from cariflex.runtime.procfs import ProcessId, end_processes, instance_processes
from cariflex.runtime.services import (
    Service,
    data_services,
    prerequisites,
    product_services,
    server_services,
)
from cariflex.runtime.state import (
    AlreadyRunningError,
    InstanceLock,
    InstanceState,
    read_state,
)
from cariflex.runtime.supervisor import Supervisor

LOCK_TAKEN = 75
TIED = "CARIFLEX_TIED"
"""Set when the supervisor shall end with the process that started it."""


def end_leftovers(layout: Layout) -> int:
    """End what a killed supervisor left: marked processes, recorded ones, an old PostgreSQL."""
    recorded = []
    state = read_state(layout.state_file)
    for service in state.services if state else []:
        if service.pid and service.start_ticks:
            recorded.append(ProcessId(service.pid, service.start_ticks))
    found = {*recorded, *instance_processes(layout.var)}
    # PostgreSQL has its own way to end, below: ended by force it would have to recover.
    ended = end_processes(
        process for process in found if not postgres.serves(process.pid, layout.postgres_data)
    )
    if layout.postgres_data.exists():
        postgres.end_stale_server(layout.postgres_data)
    return ended + end_processes(instance_processes(layout.var))


def _needed_ports(layout: Layout, table: list[Service]) -> dict[str, int]:
    ports = {s.name: s.port for s in table if s.port and not s.unavailable}
    if "sim-devices" in ports:
        base = layout.ports.base
        ports |= {f"device {base + n}": base + n for n in range(DEVICE_OFFSET, SPAN)}
    return ports


def build_table(layout: Layout, profile: str) -> list[Service]:
    """The services of a profile.

    `full`: everything; `servers`: PostgreSQL, Redis and FlexMeasures without the product; `data`:
    PostgreSQL and Redis; `throwaway`: the same for tests, not safe against crashes.
    """
    secrets = load_secrets(layout)
    if profile in ("data", "throwaway"):
        inside = Outside(postgres=False, redis=False, flexmeasures=True)
        return data_services(layout, secrets, inside, throwaway=profile == "throwaway")
    outside = Outside.from_environment(os.environ)
    environment = product_environment(layout, secrets)
    servers = server_services(layout, secrets, environment, outside, flexmeasures_unavailable())
    if profile == "servers":
        return servers
    return servers + product_services(layout, environment, prerequisites(servers))


def _refuse(layout: Layout, lock: InstanceLock, err: StartError) -> int:
    me = lock.identity
    state = InstanceState(me.pid, me.start_ticks, time.time(), layout.ports.base)
    state.state, state.error = "failed", str(err)
    print(err, file=sys.stderr, flush=True)
    state.write(layout.state_file)
    return 1


def main(arguments: list[str]) -> int:
    """Take the lock, clear leftovers, run the table."""
    if os.environ.pop(TIED, ""):
        privileges.set_parent_death_signal(signal.SIGTERM)
    layout = Layout.from_environment()
    layout.prepare()
    try:
        lock = InstanceLock(layout)
    except AlreadyRunningError:
        return LOCK_TAKEN
    try:
        end_leftovers(layout)
        check_disk(layout.var, START_FREE_BYTES, "a start")
        table = build_table(layout, arguments[0] if arguments else "full")
        check_ports(_needed_ports(layout, table))
        supervisor = Supervisor(layout, table, lock)
    except StartError as err:
        return _refuse(layout, lock, err)
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
