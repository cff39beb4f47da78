"""Orders to stations through CitrineOS's message API, and their answers."""

import json
import logging
from typing import Any

from apps.chargers.choices import CommandStatus, MessageDirection
from apps.chargers.csms.citrineos.access import active_account, answer_url, api_of
from apps.chargers.csms.citrineos.client import OrderRefused
from apps.chargers.models import ChargingStation, Command
from apps.chargers.ocpp import frames, validation
from apps.chargers.ocpp.actions import is_accepted
from apps.chargers.ocpp.secrets import without_secrets
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services import (
    LoggedFrame,
    command_claim,
    command_finish,
    messages_store,
)
from apps.chargers.services.citrineos import number_of_session
from apps.chargers.services.commands import Order
from cariflex.common.errors import ExternalError
from cariflex.common.http import AddressRefused
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

# What cariflex.common.http says when no request went out.
_NEVER_SENT = frozenset({"cannot be reached", "the name is not known", "TLS failed"})


def order_run(*, station_pk: int, command_id: int) -> None:
    """Send one queued order; nothing when another process took it.

    CitrineOS only says that it passed the order on: the station's answer comes to `answer_url`.
    When it is not known whether the order arrived, it stays sent until the answer or the sweep.
    """
    order = command_claim(command_id=command_id, station_pk=station_pk, now=utc_now())
    if order is None:
        return
    station = ChargingStation.objects.get(pk=station_pk)
    account = active_account()
    if account is None:
        _fail(command_id, "No CitrineOS server is active.")
        return
    version = OcppVersion(station.ocpp_version or OcppVersion.V201)
    try:
        payload = _numbered(station_pk, version, order)
        _log_call(station_pk, order)
        api_of(account).order(
            station_id=station.station_id,
            version=version,
            action=order.action,
            payload=payload,
            callback_url=answer_url(account, order.correlation_id),
        )
    except OrderRefused as refused:
        _fail(command_id, str(refused))
    except ExternalError as err:
        logger.warning("order to citrineos failed command=%s error=%s", command_id, err)
        if not _may_have_arrived(err):
            _fail(command_id, str(err))


def answer_take(*, command: Command, answer: dict[str, Any]) -> bool:
    """End an order by the station's answer; False when it had ended already."""
    version = OcppVersion(command.station.ocpp_version or OcppVersion.V201)
    now = utc_now()
    text = frames.call_result(str(command.correlation_id), answer)
    error, status = "", CommandStatus.FAILED
    # An error of the station comes as CitrineOS's own object, fields underlined or not.
    code = answer.get("_errorCode") or answer.get("errorCode")
    if code is not None and "status" not in answer:
        error = f"{code}: {json.dumps(answer, default=str)[:200]}"
    else:
        violation = validation.response_violation(version, command.action, answer)
        if violation is not None:
            error = f"{violation.code}: the station's answer: {violation}"
    if not error:
        accepted = is_accepted(command.action, answer)
        status = CommandStatus.ACCEPTED if accepted else CommandStatus.REJECTED
    messages_store(
        [
            LoggedFrame(
                command.station_id, MessageDirection.IN, frames.CALL_RESULT,
                str(command.correlation_id), "", text, error, now,
            )
        ]
    )  # fmt: skip
    return command_finish(
        command_id=command.pk,
        status=status,
        answer=None if error else answer,
        error=error,
        now=now,
    )


def _numbered(station_pk: int, version: OcppVersion, order: Order) -> dict[str, Any]:
    """The order with CitrineOS's number of the transaction that it names (1.6)."""
    payload = dict(order.payload)
    if not version.is_16:
        return payload
    if order.action == "RemoteStopTransaction":
        payload["transactionId"] = _number(station_pk, payload["transactionId"])
    profile = payload.get("csChargingProfiles")
    if profile and profile.get("transactionId") is not None:
        number = _number(station_pk, profile["transactionId"])
        payload["csChargingProfiles"] = {**profile, "transactionId": number}
    return payload


def _number(station_pk: int, session_pk: int) -> int:
    number = number_of_session(station_pk=station_pk, session_pk=int(session_pk))
    if number is None:
        raise OrderRefused("CitrineOS has not told the number of this transaction.")
    return number


def _may_have_arrived(err: ExternalError) -> bool:
    """True unless the server surely did not get the request, or refused it by its status."""
    if err.status is not None or isinstance(err, AddressRefused):
        return False
    return err.message not in _NEVER_SENT


def _fail(command_id: int, error: str) -> None:
    command_finish(command_id=command_id, status=CommandStatus.FAILED, error=error, now=utc_now())


def _log_call(station_pk: int, order: Order) -> None:
    text = frames.call(
        order.correlation_id, order.action, without_secrets(order.action, order.payload)
    )
    messages_store(
        [
            LoggedFrame(
                station_pk, MessageDirection.OUT, frames.CALL, order.correlation_id, order.action,
                text, "", utc_now(),
            )
        ]
    )  # fmt: skip
