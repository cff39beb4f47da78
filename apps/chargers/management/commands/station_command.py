"""`station_command --operator NAME ID ACTION [JSON] [--json]`: orders, and waits for the answer.

The station's socket may be held by any live process: the order finds it through the channel layer.
"""

import json
import sys
import time
from argparse import ArgumentParser
from typing import Any, NoReturn

from django.core.management.base import BaseCommand

from apps.chargers.choices import CommandStatus
from apps.chargers.models import Command as Order
from apps.chargers.services.commands import OPEN_STATUSES
from apps.chargers.services.intents import order_send
from apps.tenants.context import operator_context
from cariflex.common.errors import DomainError
from cariflex.common.time import format_rfc3339

ACCEPTED, NOT_ACCEPTED, BAD_INPUT = 0, 1, 2
# A little longer than a station may take, so that its own time-out is what is told.
DEFAULT_TIMEOUT_S = 35.0
_LOOK_AGAIN_S = 0.05


class Command(BaseCommand):
    help = (
        "Order an OCPP action of a station and wait for its answer. Exit code 0: accepted;"
        " 1: rejected, failed or no answer; 2: bad input."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("station_id", metavar="ID")
        parser.add_argument("action", metavar="ACTION", help="e.g. Reset, GetVariables")
        parser.add_argument("payload", metavar="JSON", nargs="?", default="{}")
        parser.add_argument("--operator", required=True, help="schema of the operator")
        parser.add_argument("--reason", default="")
        parser.add_argument("--timeout", type=float, default=DEFAULT_TIMEOUT_S, help="seconds")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            payload = _payload(options["payload"])
            with operator_context(options["operator"]):
                orders = order_send(
                    station_id=options["station_id"],
                    action=options["action"],
                    payload=payload,
                    reason=options["reason"],
                )
                ended = _ended([order.pk for order in orders], options["timeout"])
        except DomainError as err:
            refusal = {"code": err.code, "message": err.message, "field": err.field}
            if options["json"]:
                self.stdout.write(json.dumps({"error": refusal}))
            else:
                self.stderr.write(str(err))
            sys.exit(BAD_INPUT)
        for order in ended:
            self._tell(order, as_json=options["json"])
        if any(order.status != CommandStatus.ACCEPTED for order in ended):
            sys.exit(NOT_ACCEPTED)

    def _tell(self, order: Order, *, as_json: bool) -> None:
        """One line for each command: most often one."""
        if as_json:
            self.stdout.write(
                json.dumps(
                    {
                        "command_id": order.pk,
                        "station_id": order.station.station_id,
                        "action": order.action,
                        "payload": order.payload,
                        "status": order.status,
                        "answer": order.answer,
                        "error": order.error,
                        "requested_at": format_rfc3339(order.requested_at),
                        "latency_s": order.latency_s,
                    }
                )
            )
            return
        told = order.error if order.answer is None else json.dumps(order.answer)
        self.stdout.write(f"{order.action} {order.status} {told}".rstrip())


def _payload(text: str) -> dict[str, Any]:
    try:
        payload = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as err:
        raise DomainError("payload.malformed", f"not JSON: {err}", field="payload") from err
    if not isinstance(payload, dict):
        raise DomainError("payload.malformed", "The request is a JSON object.", field="payload")
    return payload


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _ended(command_ids: list[int], timeout_s: float) -> list[Order]:
    """The orders once all have ended, or as they stand when the time is over."""
    deadline = time.monotonic() + timeout_s
    while True:
        orders = list(Order.objects.select_related("station").filter(pk__in=command_ids))
        is_open = any(order.status in OPEN_STATUSES for order in orders)
        if not is_open or time.monotonic() >= deadline:
            return sorted(orders, key=lambda order: order.pk)
        time.sleep(_LOOK_AGAIN_S)
