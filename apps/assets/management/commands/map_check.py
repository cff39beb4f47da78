"""`map_check [FILE ...] [--json] [--list]`: whether register maps are right. Needs no database."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.assets.drivers.map_library import SHIPPED_MAPS, MapCollection, map_files, maps_load
from apps.assets.drivers.register_map import RegisterMap

HONESTY = {
    "documentation": "from documentation, not tried on hardware",
    "simulator": "tried on a simulator",
    "hardware": "tried on hardware",
}


class Command(BaseCommand):
    help = "Check register maps: those named, or all that this deployment would load."
    requires_system_checks: list[str] = []  # noqa: RUF012

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
        parser.add_argument("--json", action="store_true", help="print one JSON document")
        parser.add_argument("--list", action="store_true", help="print a line for each map")

    def handle(self, *args: Any, **options: Any) -> None:
        files = options["files"] or map_files([SHIPPED_MAPS, *map(Path, settings.DEVICE_MAPS)])
        found = maps_load(files)
        if options["json"]:
            self.stdout.write(orjson.dumps(_report(found), option=orjson.OPT_INDENT_2).decode())
        else:
            for problem in found.problems:
                self.stdout.write(str(problem))
            if options["list"]:
                for register_map in found.maps:
                    self.stdout.write(_line(register_map))
        count = len({problem.file for problem in found.problems})
        if count:
            raise CommandError(f"{count} of {len(files)} register maps are wrong")
        if not options["json"] and not options["list"]:
            self.stdout.write(f"{len(found.maps)} register maps are right")


def _line(register_map: RegisterMap) -> str:
    return "  ".join(
        [
            f"{register_map.id:<22}",
            f"v{register_map.version}",
            f"{register_map.vendor} {register_map.model}",
            f"[{', '.join(register_map.kinds)}]",
            "set-points" if register_map.can_control else "read only",
            HONESTY[register_map.tried_on],
        ]
    )


def _report(found: MapCollection) -> dict[str, Any]:
    return {
        "maps": [
            {
                "id": each.id,
                "version": each.version,
                "vendor": each.vendor,
                "model": each.model,
                "kinds": list(each.kinds),
                "tried_on": each.tried_on,
                "can_control": each.can_control,
                "points": len(each.points),
                "sensors": len(each.sensors),
                "file": each.file,
            }
            for each in found.maps
        ],
        "problems": [
            {"file": each.file, "line": each.line, "field": each.field, "rule": each.rule}
            for each in found.problems
        ],
    }
