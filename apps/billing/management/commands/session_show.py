"""`session_show --operator NAME TRANSACTION_ID [--station ID] [--json]`: a session and its CDR."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from apps.billing.selectors import SessionShown, sessions_shown
from apps.tenants.context import OperatorMissing, operator_context

NOT_FOUND, BAD_INPUT = 1, 2


class Command(BaseCommand):
    help = (
        "Show a charging session: state, energy, meter rows and CDR. Exit code 1: there is none;"
        " 2: bad input, or several stations have the transaction and --station is missing."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("transaction_id", metavar="TRANSACTION_ID")
        parser.add_argument("--operator", required=True, help="schema of the operator")
        parser.add_argument("--station", help="OCPP identity of the station")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with operator_context(options["operator"]):
                found = sessions_shown(
                    transaction_id=options["transaction_id"], station_id=options["station"]
                )
        except OperatorMissing as err:
            self._refuse("operator.missing", str(err), options["json"], BAD_INPUT)
        if not found:
            message = f"There is no transaction {options['transaction_id']}."
            self._refuse("session.unknown", message, options["json"], NOT_FOUND)
        if len(found) > 1:
            stations = ", ".join(session.station_id for session in found)
            message = f"Several stations have it; give --station: {stations}."
            self._refuse("session.ambiguous", message, options["json"], BAD_INPUT)
        self._tell(found[0], as_json=options["json"])

    def _refuse(self, code: str, message: str, as_json: bool, status: int) -> None:
        if as_json:
            self.stdout.write(json.dumps({"error": {"code": code, "message": message}}))
        else:
            self.stderr.write(message)
        sys.exit(status)

    def _tell(self, session: SessionShown, *, as_json: bool) -> None:
        shown = {
            "transaction_id": session.transaction_id,
            "station_id": session.station_id,
            "state": session.state,
            "energy_kwh": format(session.energy_kwh.normalize(), "f"),
            "meter_rows": session.meter_rows,
            "cdr_id": str(session.cdr_id) if session.cdr_id else None,
        }
        if as_json:
            self.stdout.write(json.dumps(shown))
            return
        for name, value in shown.items():
            self.stdout.write(f"{name}: {value}")
