"""What a person wants of a station, in the words of 2.x, whatever version the station speaks.

An intent names the functional block it is of. For a 1.6 station it is translated: what 1.6 has no
words for is refused with `command.not_in_16`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NotRequired, TypedDict, Unpack

from apps.chargers.choices import SessionState, TokenType
from apps.chargers.models import ChargingStation, Command, CommandBatch, Session
from apps.chargers.ocpp import actions, validation
from apps.chargers.ocpp.v16.requests import TRANSLATED, Call, NotIn16, calls
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services.commands import (
    REMOTE_START,
    REMOTE_STOP,
    command_send,
    payload_check,
)
from cariflex.common.errors import DomainError
from cariflex.common.time import format_rfc3339


class Asker(TypedDict):
    """Who asks a station for something, and why."""

    requested_by_id: NotRequired[int | None]
    reason: NotRequired[str]
    batch: NotRequired[CommandBatch | None]


def order_send(
    *,
    station_id: str,
    action: str,
    payload: Mapping[str, Any],
    requested_by_id: int | None = None,
    reason: str = "",
    batch: CommandBatch | None = None,
) -> tuple[Command, ...]:
    """Order an action of the station's own version; a 1.6 station also takes those of 2.x.

    Most often one command; a 1.6 station is asked for several variables one by one. DomainError as
    of `command_send`, and `command.not_in_16`.
    """
    station = ChargingStation.objects.filter(station_id=station_id).first()
    wanted: Sequence[Call] = (Call(action, dict(payload)),)
    if station is not None and station.ocpp_version == OcppVersion.V16:
        wanted = _calls_16(station, action, payload)
    return tuple(
        command_send(
            station_id=station_id,
            action=call.action,
            payload=call.payload,
            requested_by_id=requested_by_id,
            reason=reason,
            batch=batch,
        )
        for call in wanted
    )


def _calls_16(station: ChargingStation, action: str, payload: Mapping[str, Any]) -> Sequence[Call]:
    """The order as it is when it is one of 1.6, else what means the same."""
    is_own = action in actions.to_stations(OcppVersion.V16)
    if is_own and validation.request_violation(OcppVersion.V16, action, payload) is None:
        return (Call(action, dict(payload)),)
    if action not in TRANSLATED:
        if is_own or action not in actions.to_stations(OcppVersion.V21):
            # command_send says what is wrong with it.
            return (Call(action, dict(payload)),)
        raise DomainError(
            "command.not_in_16", f"OCPP 1.6 has nothing like {action}.", field="action"
        )
    payload_check(version=OcppVersion.V201, action=action, payload=payload)
    number = actions.NUMBERS.get(action)
    ours = number is not None and number not in payload
    filled = {**payload, number: 0} if ours and number is not None else payload

    def number_of(transaction_id: str) -> int:
        session = Session.objects.filter(station=station, transaction_id=transaction_id).first()
        if session is None:
            raise NotIn16(f"transaction {transaction_id} is not known")
        return session.pk

    try:
        translated = calls(action, filled, number_of=number_of)
    except NotIn16 as err:
        raise DomainError("command.not_in_16", f"{err}.", field="payload") from err
    for call in translated:
        if ours and number is not None:
            call.payload.pop(number, None)
    return translated


def _order(station_id: str, action: str, payload: Mapping[str, Any], asker: Asker) -> Command:
    """An order that is one command in every version."""
    return order_send(station_id=station_id, action=action, payload=payload, **asker)[0]


# --- F: remote control ---


def start(
    *,
    station_id: str,
    id_token: str,
    token_type: str = TokenType.CENTRAL,
    evse_id: int | None = None,
    charging_profile: Mapping[str, Any] | None = None,
    requested_by_id: int | None = None,
    reason: str = "",
) -> Command:
    """Ask a station to start charging for a token (F01, F02)."""
    payload: dict[str, Any] = {"idToken": {"idToken": id_token, "type": token_type}}
    if evse_id is not None:
        payload["evseId"] = evse_id
    if charging_profile is not None:
        payload["chargingProfile"] = dict(charging_profile)
    return _order(
        station_id, REMOTE_START, payload, {"requested_by_id": requested_by_id, "reason": reason}
    )


def stop(*, session_id: int, requested_by_id: int | None = None, reason: str = "") -> Command:
    """Ask the station to end a session (F03); DomainError when it has ended."""
    session = Session.objects.select_related("station").filter(pk=session_id).first()
    if session is None or session.state == SessionState.ENDED:
        raise DomainError("chargers.session_not_active", "The session is not active.")
    return _order(
        session.station.station_id,
        REMOTE_STOP,
        {"transactionId": session.transaction_id},
        {"requested_by_id": requested_by_id, "reason": reason},
    )


def unlock(
    *, station_id: str, evse_id: int, connector_id: int = 1, **asker: Unpack[Asker]
) -> Command:
    """Unlock a connector (F05)."""
    payload = {"evseId": evse_id, "connectorId": connector_id}
    return _order(station_id, "UnlockConnector", payload, asker)


def trigger(
    *,
    station_id: str,
    message: str,
    evse_id: int | None = None,
    connector_id: int | None = None,
    **asker: Unpack[Asker],
) -> Command:
    """Ask the station to send a message now (F06); `message` is a MessageTriggerEnumType."""
    payload = {"requestedMessage": message, **_evse(evse_id, connector_id)}
    return _order(station_id, "TriggerMessage", payload, asker)


# --- B: provisioning ---


def reset(
    *,
    station_id: str,
    immediately: bool = False,
    evse_id: int | None = None,
    **asker: Unpack[Asker],
) -> Command:
    """Restart a station or an EVSE (B11, B12); unless `immediately`, once sessions have ended."""
    payload: dict[str, Any] = {"type": "Immediate" if immediately else "OnIdle"}
    if evse_id is not None:
        payload["evseId"] = evse_id
    return _order(station_id, "Reset", payload, asker)


def variables_get(
    *, station_id: str, variables: Sequence[Mapping[str, Any]], **asker: Unpack[Asker]
) -> tuple[Command, ...]:
    """Ask for variables (B06), each a GetVariableDataType; see `variable`."""
    return order_send(
        station_id=station_id,
        action="GetVariables",
        payload={"getVariableData": list(variables)},
        **asker,
    )


def variables_set(
    *, station_id: str, values: Sequence[Mapping[str, Any]], **asker: Unpack[Asker]
) -> tuple[Command, ...]:
    """Set variables (B05), each a SetVariableDataType: `variable(...)` with an attributeValue."""
    return order_send(
        station_id=station_id,
        action="SetVariables",
        payload={"setVariableData": list(values)},
        **asker,
    )


def variable(
    component: str,
    name: str,
    *,
    value: str | None = None,
    evse_id: int | None = None,
    connector_id: int | None = None,
    component_instance: str = "",
    instance: str = "",
    attribute: str = "",
) -> dict[str, Any]:
    """A GetVariableDataType, or with a `value` a SetVariableDataType."""
    told: dict[str, Any] = {
        "component": {"name": component, **_evse(evse_id, connector_id)},
        "variable": {"name": name},
    }
    if component_instance:
        told["component"]["instance"] = component_instance
    if instance:
        told["variable"]["instance"] = instance
    if attribute:
        told["attributeType"] = attribute
    if value is not None:
        told["attributeValue"] = value
    return told


def base_report_ask(
    *, station_id: str, kind: str = "FullInventory", **asker: Unpack[Asker]
) -> Command:
    """Ask for the device model (B07); `kind` is a ReportBaseEnumType."""
    return _order(station_id, "GetBaseReport", {"reportBase": kind}, asker)


def report_ask(
    *,
    station_id: str,
    criteria: Sequence[str] = (),
    variables: Sequence[Mapping[str, Any]] = (),
    **asker: Unpack[Asker],
) -> Command:
    """Ask for part of the device model (B08): ComponentCriterionEnumType, ComponentVariableType."""
    payload = _told(componentCriteria=list(criteria), componentVariable=list(variables))
    return _order(station_id, "GetReport", payload, asker)


def network_profile_set(
    *, station_id: str, slot: int, connection: Mapping[str, Any], **asker: Unpack[Asker]
) -> Command:
    """Give the station another way to a CSMS (B09); `connection` is NetworkConnectionProfileType.

    The profile is used once OCPPCommCtrlr.NetworkConfigurationPriority names the slot (B10).
    """
    payload = {"configurationSlot": slot, "connectionData": dict(connection)}
    return _order(station_id, "SetNetworkProfile", payload, asker)


# --- C, E, G ---


def cache_clear(*, station_id: str, **asker: Unpack[Asker]) -> Command:
    """Make the station forget the tokens it remembers (C11)."""
    return _order(station_id, "ClearCache", {}, asker)


def transaction_status(
    *, station_id: str, transaction_id: str | None = None, **asker: Unpack[Asker]
) -> Command:
    """Ask whether the station still has messages of a transaction to send (E14)."""
    return _order(station_id, "GetTransactionStatus", _told(transactionId=transaction_id), asker)


def availability_change(
    *,
    station_id: str,
    is_operative: bool,
    evse_id: int | None = None,
    connector_id: int | None = None,
    **asker: Unpack[Asker],
) -> Command:
    """Put a station, an EVSE or a connector in or out of service (G03, G04)."""
    payload = {
        "operationalStatus": "Operative" if is_operative else "Inoperative",
        **_evse(evse_id, connector_id),
    }
    return _order(station_id, "ChangeAvailability", payload, asker)


# --- N: diagnostics and monitoring ---


def diagnostics(
    *,
    station_id: str,
    upload_url: str,
    log_type: str = "DiagnosticsLog",
    oldest: datetime | None = None,
    latest: datetime | None = None,
    retries: int | None = None,
    retry_interval_s: int | None = None,
    **asker: Unpack[Asker],
) -> Command:
    """Ask the station to upload a log (N01); `log_type` is a LogEnumType."""
    log = _told(
        remoteLocation=upload_url,
        oldestTimestamp=format_rfc3339(oldest) if oldest else None,
        latestTimestamp=format_rfc3339(latest) if latest else None,
    )
    payload = _told(logType=log_type, log=log, retries=retries, retryInterval=retry_interval_s)
    return _order(station_id, "GetLog", payload, asker)


def monitors_set(
    *, station_id: str, monitors: Sequence[Mapping[str, Any]], **asker: Unpack[Asker]
) -> Command:
    """Watch variables (N04), each a SetMonitoringDataType; the ids are in the answer."""
    payload = {"setMonitoringData": list(monitors)}
    return _order(station_id, "SetVariableMonitoring", payload, asker)


def monitors_clear(*, station_id: str, ids: Sequence[int], **asker: Unpack[Asker]) -> Command:
    """End monitors by their ids (N06)."""
    return _order(station_id, "ClearVariableMonitoring", {"id": list(ids)}, asker)


def monitoring_report_ask(
    *,
    station_id: str,
    criteria: Sequence[str] = (),
    variables: Sequence[Mapping[str, Any]] = (),
    **asker: Unpack[Asker],
) -> Command:
    """Ask which monitors there are (N02); they come into the command's answer as `parts`."""
    payload = _told(monitoringCriteria=list(criteria), componentVariable=list(variables))
    return _order(station_id, "GetMonitoringReport", payload, asker)


def monitoring_base_set(*, station_id: str, base: str, **asker: Unpack[Asker]) -> Command:
    """Which monitors are at work (N03): All, FactoryDefault or HardWiredOnly."""
    return _order(station_id, "SetMonitoringBase", {"monitoringBase": base}, asker)


def monitoring_level_set(*, station_id: str, severity: int, **asker: Unpack[Asker]) -> Command:
    """Tell only of events of this severity and graver ones (N05): 0 danger to 9 debug."""
    return _order(station_id, "SetMonitoringLevel", {"severity": severity}, asker)


def customer_information_ask(
    *, station_id: str, report: bool, clear: bool, whose: Mapping[str, Any], **asker: Unpack[Asker]
) -> Command:
    """Ask what the station knows of a customer, or make it forget that (N09, N10).

    `whose` has one of idToken, customerCertificate and customerIdentifier.
    """
    payload = {"report": report, "clear": clear, **whose}
    return _order(station_id, "CustomerInformation", payload, asker)


# --- P: data transfer ---


def data_transfer(
    *,
    station_id: str,
    vendor_id: str,
    message_id: str = "",
    content: Any = None,
    **asker: Unpack[Asker],
) -> Command:
    """Send what only a vendor's stations understand (P01)."""
    payload = _told(vendorId=vendor_id, messageId=message_id or None, data=content)
    return _order(station_id, "DataTransfer", payload, asker)


def _evse(evse_id: int | None, connector_id: int | None) -> dict[str, Any]:
    if evse_id is None:
        return {}
    return {"evse": _told(id=evse_id, connectorId=connector_id)}


def _told(**fields: Any) -> dict[str, Any]:
    """The fields that have a value; an empty list is none."""
    return {name: value for name, value in fields.items() if value is not None and value != []}
