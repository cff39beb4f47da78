"""`citrineos_bridge`: the process that takes what CitrineOS servers tell, for every operator."""

import os
import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error as DatabaseError
from django.db import connection

from apps.chargers.csms.citrineos.access import active_account
from apps.chargers.csms.citrineos.bridge import OperatorBridge, Pace
from apps.chargers.services.citrineos import LEASE_S
from apps.tenants.choices import OperatorStatus
from apps.tenants.context import OperatorMissing, operator_context
from apps.tenants.models import Operator
from apps.tenants.schema import PUBLIC


class Command(BaseCommand):
    help = (
        "Bridge the operators that have a CitrineOS server. Several may run: for each operator one"
        " works, the others wait to go on. Ends on SIGTERM and SIGINT."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--operator", action="append", help="only this one (schema name)")
        parser.add_argument("--look-s", type=float, default=10.0, help="look for operators each")
        parser.add_argument("--fill-s", type=float, default=60.0, help="compare tables each")
        parser.add_argument("--lease-s", type=float, default=LEASE_S, help="a dead one is followed")
        parser.add_argument("--follow-s", type=float, default=15.0, help="look for sockets each")

    def handle(self, *_args: Any, **options: Any) -> None:
        self._pace = Pace(
            lease_s=options["lease_s"], fill_s=options["fill_s"], follow_s=options["follow_s"]
        )
        self._ending = threading.Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: self._ending.set())
        running: dict[str, tuple[OperatorBridge, threading.Thread]] = {}
        self.stdout.write("citrineos bridge ready.")
        if path := os.environ.get("CARIFLEX_READY_FILE"):
            Path(path).touch()
        while not self._ending.is_set():
            self._adjust(running, options["operator"])
            self._ending.wait(options["look_s"])
        for bridge, _thread in running.values():
            bridge.end()
        for _bridge, thread in running.values():
            thread.join(timeout=15)
        self.stdout.write("citrineos bridge ended.")

    def _adjust(
        self,
        running: dict[str, tuple[OperatorBridge, threading.Thread]],
        only: list[str] | None,
    ) -> None:
        """Begin the bridges that are wanted, end those that are not."""
        try:
            wanted = self._wanted(only)
        except DatabaseError as err:
            self.stderr.write(f"database away: {err}")
            connection.close()
            return
        for schema_name in list(running):
            bridge, thread = running[schema_name]
            if schema_name not in wanted:
                bridge.end()
            if not thread.is_alive():
                del running[schema_name]
        for schema_name in wanted - set(running):
            bridge = OperatorBridge(schema_name, pace=self._pace)
            thread = threading.Thread(target=bridge.run, name=f"citrineos-{schema_name}")
            running[schema_name] = bridge, thread
            thread.start()

    def _wanted(self, only: list[str] | None) -> set[str]:
        connection.set_schema_to_public()
        operators = Operator.objects.filter(status=OperatorStatus.ACTIVE).exclude(
            schema_name=PUBLIC
        )
        names = operators.values_list("schema_name", flat=True)
        found = set()
        for schema_name in names:
            if only and schema_name not in only:
                continue
            try:
                with operator_context(schema_name):
                    if active_account() is not None:
                        found.add(schema_name)
            except OperatorMissing:
                continue
        return found
