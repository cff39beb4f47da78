"""Runs the real supervisor on a service table given as JSON: python -m tests.runtime.tiny JSON."""

import json
import os
import sys

from cariflex.runtime.layout import Layout
from cariflex.runtime.probes import FileProbe, Probe, TcpProbe
from cariflex.runtime.services import Service
from cariflex.runtime.state import InstanceLock
from cariflex.runtime.supervise import end_leftovers
from cariflex.runtime.supervisor import Supervisor


def main() -> int:
    layout = Layout.from_environment()
    table = []
    for entry in json.loads(sys.argv[1]):
        name, script, port = entry["name"], entry.pop("script"), entry.get("port")
        entry["needs"] = tuple(entry.get("needs", ()))
        pattern = entry.pop("ready_line", None)
        probe: Probe | None = TcpProbe((port,)) if port else None
        if pattern:
            probe = FileProbe(layout.ready_files / name, layout.log(name), pattern)
        table.append(
            Service(
                command=("/bin/sh", "-c", script),
                probe=probe,
                environment=dict(os.environ),
                folder=str(layout.var),
                **entry,
            )
        )
    lock = InstanceLock(layout)
    end_leftovers(layout)
    return Supervisor(layout, table, lock).run()


if __name__ == "__main__":
    sys.exit(main())
