"""What a station knows of a customer: asked for, or made forgotten (N09, N10).

The answer comes in parts, in any order and more than once. It is personal: kept encrypted, and not
longer than `KEPT_FOR`.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Unpack

from django.db import transaction

from apps.chargers.choices import CommandStatus, CustomerReference, TokenType, UpkeepStatus
from apps.chargers.models import Command, CustomerInformation, mask_token
from apps.chargers.ocpp.v201.displays import CustomerReport
from apps.chargers.services import command_answers
from apps.chargers.services.intents import Asker, customer_information_ask
from cariflex.common.errors import DomainError

ACTION = "CustomerInformation"
KEPT_FOR = timedelta(days=30)
_MOST_PARTS = 1_000
_OPEN = (UpkeepStatus.REQUESTED, UpkeepStatus.RUNNING)


@transaction.atomic
def customer_ask(
    *,
    station_id: str,
    reference: str,
    customer: str | Mapping[str, Any],
    token_type: str = TokenType.ISO14443,
    report: bool = True,
    clear: bool = False,
    **asker: Unpack[Asker],
) -> CustomerInformation:
    """Ask a station what it knows of a customer, or to forget it, or both.

    `customer` is the token, the identifier, or the CertificateHashDataType of a certificate.
    DomainError as of `order_send`, and `customer.nothing_asked`.
    """
    if not report and not clear:
        raise DomainError(
            "customer.nothing_asked", "Ask for a report, for forgetting, or both.", field="report"
        )
    whose: dict[str, Any] = {reference: customer}
    if reference == CustomerReference.ID_TOKEN:
        whose = {reference: {"idToken": customer, "type": token_type}}
    command = customer_information_ask(
        station_id=station_id, report=report, clear=clear, whose=whose, **asker
    )
    row = _row_of(command)
    if command.status == CommandStatus.FAILED:
        row.status, row.ended_at = UpkeepStatus.FAILED, command.requested_at
    row.save()
    return row


@transaction.atomic
def customer_report_store(*, station_pk: int, report: CustomerReport, now: datetime) -> bool:
    """Keep a part of a station's report (NotifyCustomerInformation, N09).

    False for one of a question that we did not ask, or that had its answer: nothing personal is
    kept that nobody asked for.
    """
    row = (
        CustomerInformation.objects.select_for_update()
        .filter(station_id=station_pk, request_id=report.request_id, status__in=_OPEN)
        .first()
    )
    if row is None or not row.wants_report:
        return False
    parts: dict[str, str] = json.loads(row.parts or "{}")
    if len(parts) < _MOST_PARTS:
        parts.setdefault(str(report.number), report.text)
    row.parts, row.generated_at = json.dumps(parts), report.generated_at
    if report.is_last:
        row.last_part = report.number
    # seqNo counts from 0: whole when the last part and all before it are there.
    if row.last_part is not None and all(str(n) in parts for n in range(row.last_part + 1)):
        row.status, row.ended_at = UpkeepStatus.DONE, now
    else:
        row.status = UpkeepStatus.RUNNING
    row.save()
    return True


def customer_text(row: CustomerInformation) -> str:
    """What the station told, in order; parts that did not come leave a gap."""
    parts: dict[str, str] = json.loads(row.parts or "{}")
    return "".join(parts[number] for number in sorted(parts, key=int))


def customer_information_prune(*, now: datetime, kept_for: timedelta = KEPT_FOR) -> int:
    """Forget what stations told of customers long ago; the question itself is kept. How many."""
    return (
        CustomerInformation.objects.filter(requested_at__lt=now - kept_for)
        .exclude(parts="")
        .update(parts="")
    )


def _row_of(command: Command) -> CustomerInformation:
    payload = command.payload
    reference = next(one for one in CustomerReference.values if one in payload)
    named = ""
    if reference == CustomerReference.ID_TOKEN:
        named = mask_token(str(payload[reference]["idToken"]))
    elif reference == CustomerReference.IDENTIFIER:
        named = mask_token(str(payload[reference]))
    return CustomerInformation(
        station_id=command.station_id,
        command=command,
        requested_by_id=command.requested_by_id,
        requested_at=command.requested_at,
        request_id=payload.get("requestId", command.pk),
        reference=reference,
        customer=named[:80],
        wants_report=payload["report"],
        wants_clear=payload["clear"],
    )


def _answered(command: Command, answer: dict[str, Any]) -> None:
    row = CustomerInformation.objects.select_for_update().filter(command=command).first()
    if row is None:
        if not any(one in command.payload for one in CustomerReference.values):
            return
        # Given as a plain order.
        row = _row_of(command)
    row.station_status = answer["status"]
    if answer["status"] != "Accepted":
        row.status, row.ended_at = UpkeepStatus.FAILED, command.answered_at
    elif not row.wants_report:
        row.status, row.ended_at = UpkeepStatus.DONE, command.answered_at
    elif row.status == UpkeepStatus.REQUESTED:
        row.status = UpkeepStatus.RUNNING
    row.save()


def _failed(command: Command) -> None:
    CustomerInformation.objects.filter(command=command, status=UpkeepStatus.REQUESTED).update(
        status=UpkeepStatus.FAILED, ended_at=command.answered_at
    )


command_answers.register(ACTION, _answered, failed=_failed)
