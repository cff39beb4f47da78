"""Wait until the island is alive and print what was measured."""

import json
import time
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.console.island_check import CheckLine, operator_lines, session_energies
from apps.tenants.context import operator_context
from apps.tenants.selectors import active_schemas
from cariflex.common.time import utc_now

PAUSE_S = 1.0
# A session reports its energy every 5 s.
MEMORY_S = 8.0


class Command(BaseCommand):
    requires_system_checks: list[str] = []
    help = "Check devices, stations, sessions, plan, batteries and CDRs of every operator."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
        parser.add_argument("--timeout", type=float, default=180.0, help="seconds to wait")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        before: dict[str, dict[int, Decimal]] = {}
        remembered_at = started
        while True:
            lines = self._lines(before)
            passed = bool(lines) and all(line.passed for line in lines)
            if passed or time.monotonic() - started > options["timeout"]:
                break
            if not before or time.monotonic() - remembered_at > MEMORY_S:
                before = self._energies()
                remembered_at = time.monotonic()
            time.sleep(PAUSE_S)
        waited_s = time.monotonic() - started
        if options["json"]:
            self._print_json(lines, passed=passed, waited_s=waited_s)
        else:
            self._print_table(lines, waited_s=waited_s)
        if not passed:
            raise SystemExit(1)

    def _energies(self) -> dict[str, dict[int, Decimal]]:
        found = {}
        for schema_name in active_schemas():
            with operator_context(schema_name):
                found[schema_name] = session_energies()
        return found

    def _lines(self, before: dict[str, dict[int, Decimal]]) -> list[CheckLine]:
        lines: list[CheckLine] = []
        for schema_name in active_schemas():
            with operator_context(schema_name):
                lines += operator_lines(
                    operator=schema_name,
                    now=utc_now(),
                    energies_before=before.get(schema_name, {}),
                )
        return lines

    def _print_table(self, lines: list[CheckLine], *, waited_s: float) -> None:
        width = max((len(line.name) for line in lines), default=0)
        for line in lines:
            verdict = "ok  " if line.passed else "FAIL"
            name = f"{line.operator:<12} {line.name:<{width}}"
            self.stdout.write(f"{verdict}  {name}  {line.measured}")
        failed = sum(1 for line in lines if not line.passed)
        self.stdout.write(f"{len(lines) - failed} of {len(lines)} after {waited_s:.0f} s")

    def _print_json(self, lines: list[CheckLine], *, passed: bool, waited_s: float) -> None:
        document = {
            "passed": passed,
            "waited_s": round(waited_s, 1),
            "lines": [vars(line) for line in lines],
        }
        self.stdout.write(json.dumps(document, indent=1))
