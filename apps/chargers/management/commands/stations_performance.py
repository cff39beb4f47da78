"""`stations_performance --operator NAME [--month YYYY-MM] [--connectors] [--json]`: a month's work.

Uptime, plug-ins that charged and mean time to recover; what is counted is told in
apps/chargers/ocpp/availability.py.
"""

import json
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand

from apps.chargers.selectors.availability import (
    Performance,
    connectors_performance,
    month_of,
    stations_performance,
)
from apps.tenants.context import operator_context
from cariflex.common.time import utc_now


class Command(BaseCommand):
    help = "The uptime, plug-in success and time to recover of every station in a month."
    requires_system_checks: list[str] = []  # noqa: RUF012

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--operator", required=True, help="schema of the operator")
        parser.add_argument("--month", type=_month, help="YYYY-MM; the present one if left out")
        parser.add_argument("--connectors", action="store_true", help="a line for each connector")
        parser.add_argument("--json", action="store_true", help="print JSON lines")

    def handle(self, *args: Any, **options: Any) -> None:
        now = utc_now()
        with operator_context(options["operator"]) as operator:
            day = options["month"] or now.astimezone(ZoneInfo(operator.time_zone)).date()
            rows = connectors_performance(period=month_of(day, operator.time_zone), now=now)
        for row in rows if options["connectors"] else stations_performance(rows):
            told = _told(row)
            text = json.dumps(told) if options["json"] else "  ".join(map(str, told.values()))
            self.stdout.write(text)


def _month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError as err:
        raise ArgumentTypeError("a month is YYYY-MM") from err


def _told(row: Performance) -> dict[str, Any]:
    up, recovery = row.uptime, row.outages.mean_time_to_recover
    return {
        "station_id": row.station_id,
        "evse_id": row.evse_id,
        "connector_id": row.connector_id,
        "uptime_percent": _rounded(up.percent),
        "known_h": _hours(up.known),
        "offline_h": _hours(up.offline),
        "faulted_h": _hours(up.faulted),
        "unavailable_h": _hours(up.unavailable),
        "outages": row.outages.count,
        "mean_time_to_recover_h": None if recovery is None else _hours(recovery),
        "plug_ins": row.plug_ins.count,
        "plug_in_success_percent": _rounded(row.plug_ins.success_percent),
    }


def _hours(duration: timedelta) -> float:
    return round(duration / timedelta(hours=1), 3)


def _rounded(percent: float | None) -> float | None:
    return None if percent is None else round(percent, 3)
