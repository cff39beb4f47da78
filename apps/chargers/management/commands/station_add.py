"""`station_add --operator NAME (ID [--password P] | --file CSV) [--json]`: adds stations."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from apps.chargers.services.station_imports import (
    DEFAULT_RATED_POWER_KW,
    LineRefused,
    StationLine,
    StationsAdded,
    station_lines,
    stations_add,
)
from apps.tenants.context import OperatorMissing, operator_context

STORED, PARTLY, BAD_INPUT = 0, 1, 2


class Command(BaseCommand):
    help = (
        "Add charging stations: one, or those of a CSV of id,password. A station without password"
        " gets one, which is printed once. Exit code 0: all stored; 1: some lines were refused;"
        " 2: nothing could be stored."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("station_id", nargs="?", metavar="ID")
        parser.add_argument("--operator", required=True, help="schema of the operator")
        parser.add_argument("--password", default="", help="16 to 40 characters")
        parser.add_argument("--file", help="CSV of id,password; `-` reads standard input")
        parser.add_argument("--rated-power-kw", type=float, default=DEFAULT_RATED_POWER_KW)
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            lines = _lines(options)
            if not options["rated_power_kw"] > 0:
                raise ValueError("rated_power_kw: A rated power is above 0 kW.")
            with operator_context(options["operator"]):
                added = stations_add(lines, rated_power_kw=options["rated_power_kw"])
        except (OperatorMissing, OSError, ValueError) as err:
            added = StationsAdded((), (LineRefused(0, "", "", "bad_input", str(err)),))
        self._tell(added, as_json=options["json"])
        if added.refused:
            sys.exit(PARTLY if added.stored else BAD_INPUT)

    def _tell(self, added: StationsAdded, *, as_json: bool) -> None:
        counts = {
            result: sum(one.result == result for one in added.stored)
            for result in ("created", "updated", "unchanged")
        }
        if as_json:
            stations = [
                {name: value for name, value in asdict(one).items() if value != ""}
                for one in added.stored
            ]
            errors = [asdict(one) for one in added.refused]
            self.stdout.write(json.dumps({**counts, "stations": stations, "errors": errors}))
            return
        for stored in added.stored:
            self.stdout.write(f"{stored.station_id} {stored.result} {stored.password}".rstrip())
        for refused in added.refused:
            at = f"line {refused.number}: " if refused.number else ""
            self.stderr.write(f"{at}{refused.field}: {refused.message}")


def _lines(options: dict[str, Any]) -> list[StationLine | LineRefused]:
    """The lines to store; ValueError for a call that names none, or both ways."""
    if (options["station_id"] is None) == (options["file"] is None):
        raise ValueError("Give either a station id or --file.")
    if options["file"] is None:
        return [StationLine(1, options["station_id"], options["password"])]
    if options["password"]:
        raise ValueError("--password is for one station; a file has its own.")
    if options["file"] == "-":
        return list(station_lines(sys.stdin.read()))
    return list(station_lines(Path(options["file"]).read_text("utf-8")))
