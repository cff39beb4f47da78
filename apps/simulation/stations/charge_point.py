"""What a station answers to the CSMS (OCPP 2.0.1)."""

import logging
from collections.abc import Callable
from typing import Any

from ocpp.routing import after, on
from ocpp.v201 import ChargePoint as OcppChargePoint
from ocpp.v201 import call, call_result

from apps.simulation.stations.ledger import Reservation
from apps.simulation.stations.messages import EVSE, wire_time
from apps.simulation.stations.profiles import (
    EVSE_IDS,
    StoredProfile,
    composite_schedule,
    moment,
    profiles_matching,
)
from apps.simulation.stations.station import Station

log = logging.getLogger(__name__)

VENDOR = "Cariflex Simulation"
MODEL = "Sim AC 22"
FIRMWARE = "1.0.0"
_TRIGGERS = {"BootNotification", "Heartbeat", "StatusNotification", "TransactionEvent"}

_LIMIT_SOURCE = "CSO"
"""Every profile here was set by the CSMS."""


class Variables:
    """The few device-model variables of a station, as text; some may be written."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self.heartbeat_s = 300
        self.local_list_version = 0
        self.local_list: dict[str, dict[str, Any]] = {}
        """Token -> its entry: kept as a station's memory; the simulated cars are never offline."""
        self._fixed = {
            ("ChargingStation", "Model"): MODEL,
            ("ChargingStation", "VendorName"): VENDOR,
            ("ChargingStation", "FirmwareVersion"): FIRMWARE,
            ("ChargingStation", "SerialNumber"): station.asset.station_id,
            ("EVSE", "Power"): str(round(station.asset.rated_power_kw * 1000)),
            ("Connector", "ConnectorType"): station.asset.connector_type,
            ("SampledDataCtrlr", "TxUpdatedMeasurands"): (
                "Energy.Active.Import.Register,Power.Active.Import,SoC"
            ),
            ("TxCtrlr", "TxStartPoint"): "Authorized",
        }

    def read(self, component: str, variable: str) -> str | None:
        """The value; None when the station has no such variable."""
        if (component, variable) == ("OCPPCommCtrlr", "HeartbeatInterval"):
            return str(self.heartbeat_s)
        if (component, variable) == ("SampledDataCtrlr", "TxUpdatedInterval"):
            return str(round(self._station.sample_interval_s))
        if (component, variable) == ("AvailabilityCtrlr", "AvailabilityState"):
            return str(self._station.status)
        return self._fixed.get((component, variable))

    def report(self) -> list[dict[str, Any]]:
        """ReportDataType of every variable (B07)."""
        live = [
            ("OCPPCommCtrlr", "HeartbeatInterval"),
            ("SampledDataCtrlr", "TxUpdatedInterval"),
            ("AvailabilityCtrlr", "AvailabilityState"),
        ]
        return [
            {
                "component": {"name": component},
                "variable": {"name": variable},
                "variable_attribute": [{"value": self.read(component, variable)}],
            }
            for component, variable in [*self._fixed, *live]
        ]

    def local_list_update(
        self, version: int, update_type: str, entries: list[dict[str, Any]]
    ) -> None:
        """Replace the list, or change the tokens named; one without information goes (D01)."""
        kept = {} if update_type == "Full" else self.local_list
        named = {entry["id_token"]["id_token"].upper(): entry for entry in entries}
        self.local_list = {
            token: entry for token, entry in {**kept, **named}.items() if "id_token_info" in entry
        }
        self.local_list_version = version

    def write(self, component: str, variable: str, value: str) -> str:
        """SetVariableStatusEnumType of an attempt to write."""
        current = self.read(component, variable)
        if current is None:
            return self.unknown(component)
        if variable not in ("HeartbeatInterval", "TxUpdatedInterval"):
            return "Rejected"
        if not value.isdigit() or not 1 <= int(value) <= 86400:
            return "Rejected"
        if variable == "HeartbeatInterval":
            self.heartbeat_s = int(value)
        else:
            self._station.sample_interval_s = float(value)
        return "Accepted"

    def unknown(self, component: str) -> str:
        """Which half of a missing variable is not known."""
        components = {name for name, _ in self._fixed} | {"OCPPCommCtrlr", "AvailabilityCtrlr"}
        return "UnknownVariable" if component in components else "UnknownComponent"


class ChargePoint(OcppChargePoint):
    """One connection's conversation; `on_trigger` and `on_reset` reach the link."""

    def __init__(
        self,
        connection: Any,
        station: Station,
        variables: Variables,
        *,
        on_trigger: Callable[[str], None],
        on_reset: Callable[[], None],
    ) -> None:
        super().__init__(station.asset.station_id, connection)
        self._station = station
        self._variables = variables
        self._on_trigger = on_trigger
        self._on_reset = on_reset

    @on("RequestStartTransaction")
    def request_start(
        self, id_token: dict[str, Any], remote_start_id: int, **_: Any
    ) -> call_result.RequestStartTransaction:
        started = self._station.remote_start(id_token["id_token"], remote_start_id)
        if started is None:
            return call_result.RequestStartTransaction(status="Rejected")
        return call_result.RequestStartTransaction(
            status="Accepted", transaction_id=started or None
        )

    @on("RequestStopTransaction")
    def request_stop(self, transaction_id: str, **_: Any) -> call_result.RequestStopTransaction:
        stopped = self._station.remote_stop(transaction_id)
        return call_result.RequestStopTransaction(status="Accepted" if stopped else "Rejected")

    @on("GetVariables")
    def get_variables(
        self, get_variable_data: list[dict[str, Any]], **_: Any
    ) -> call_result.GetVariables:
        results = []
        for wanted in get_variable_data:
            component, variable = wanted["component"]["name"], wanted["variable"]["name"]
            value = self._variables.read(component, variable)
            result = {"component": wanted["component"], "variable": wanted["variable"]}
            if value is None:
                result["attribute_status"] = self._variables.unknown(component)
            else:
                result |= {"attribute_status": "Accepted", "attribute_value": value}
            results.append(result)
        return call_result.GetVariables(get_variable_result=results)

    @on("SetVariables")
    def set_variables(
        self, set_variable_data: list[dict[str, Any]], **_: Any
    ) -> call_result.SetVariables:
        results = [
            {
                "component": wanted["component"],
                "variable": wanted["variable"],
                "attribute_status": self._variables.write(
                    wanted["component"]["name"],
                    wanted["variable"]["name"],
                    wanted["attribute_value"],
                ),
            }
            for wanted in set_variable_data
        ]
        return call_result.SetVariables(set_variable_result=results)

    @on("GetBaseReport")
    def get_base_report(self, **_: Any) -> call_result.GetBaseReport:
        return call_result.GetBaseReport(status="Accepted")

    @after("GetBaseReport")
    async def base_report(self, request_id: int, **_: Any) -> None:
        await self.call(
            call.NotifyReport(
                request_id=request_id,
                generated_at=wire_time(self._station.clock.utc()),
                seq_no=0,
                tbc=False,
                report_data=self._variables.report(),
            )
        )

    @on("GetLocalListVersion")
    def get_local_list_version(self, **_: Any) -> call_result.GetLocalListVersion:
        return call_result.GetLocalListVersion(version_number=self._variables.local_list_version)

    @on("SendLocalList")
    def send_local_list(
        self,
        version_number: int,
        update_type: str,
        local_authorization_list: list[dict[str, Any]] | None = None,
        **_: Any,
    ) -> call_result.SendLocalList:
        self._variables.local_list_update(
            version_number, update_type, local_authorization_list or []
        )
        return call_result.SendLocalList(status="Accepted")

    @on("ClearCache")
    def clear_cache(self, **_: Any) -> call_result.ClearCache:
        return call_result.ClearCache(status="Accepted")

    @on("SetChargingProfile")
    def set_charging_profile(
        self, evse_id: int, charging_profile: dict[str, Any], **_: Any
    ) -> call_result.SetChargingProfile:
        refusal = self._station.profile_set(StoredProfile(evse_id, charging_profile))
        if refusal is not None:
            return call_result.SetChargingProfile(
                status="Rejected", status_info={"reason_code": refusal}
            )
        return call_result.SetChargingProfile(status="Accepted")

    @on("ClearChargingProfile")
    def clear_charging_profile(
        self,
        charging_profile_id: int | None = None,
        charging_profile_criteria: dict[str, Any] | None = None,
        **_: Any,
    ) -> call_result.ClearChargingProfile:
        criteria = charging_profile_criteria or {}
        cleared = profiles_matching(
            self._station.ledger.profiles,
            evse_id=criteria.get("evse_id"),
            profile_ids=None if charging_profile_id is None else [charging_profile_id],
            purpose=criteria.get("charging_profile_purpose"),
            stack_level=criteria.get("stack_level"),
        )
        if not cleared:
            return call_result.ClearChargingProfile(status="Unknown")
        self._station.profiles_clear(cleared)
        return call_result.ClearChargingProfile(status="Accepted")

    @on("GetChargingProfiles")
    def get_charging_profiles(
        self, charging_profile: dict[str, Any], evse_id: int | None = None, **_: Any
    ) -> call_result.GetChargingProfiles:
        held = self._profiles_asked(charging_profile, evse_id)
        return call_result.GetChargingProfiles(status="Accepted" if held else "NoProfiles")

    @after("GetChargingProfiles")
    async def report_charging_profiles(
        self,
        request_id: int,
        charging_profile: dict[str, Any],
        evse_id: int | None = None,
        **_: Any,
    ) -> None:
        held = self._profiles_asked(charging_profile, evse_id)
        evse_ids = sorted({one.evse_id for one in held})
        for number in evse_ids:
            await self.call(
                call.ReportChargingProfiles(
                    request_id=request_id,
                    charging_limit_source=_LIMIT_SOURCE,
                    charging_profile=[one.wire for one in held if one.evse_id == number],
                    evse_id=number,
                    tbc=number != evse_ids[-1],
                )
            )

    def _profiles_asked(
        self, criterion: dict[str, Any], evse_id: int | None
    ) -> tuple[StoredProfile, ...]:
        if _LIMIT_SOURCE not in criterion.get("charging_limit_source", [_LIMIT_SOURCE]):
            return ()
        return profiles_matching(
            self._station.ledger.profiles,
            evse_id=evse_id,
            profile_ids=criterion.get("charging_profile_id"),
            purpose=criterion.get("charging_profile_purpose"),
            stack_level=criterion.get("stack_level"),
        )

    @on("GetCompositeSchedule")
    def get_composite_schedule(
        self, duration: int, evse_id: int, charging_rate_unit: str = "W", **_: Any
    ) -> call_result.GetCompositeSchedule:
        if evse_id not in EVSE_IDS or duration < 0:
            reason = "ValueOutOfRange" if evse_id in EVSE_IDS else "UnknownEvse"
            return call_result.GetCompositeSchedule(
                status="Rejected", status_info={"reason_code": reason}
            )
        start = self._station.clock.utc()
        duration, periods = composite_schedule(
            self._station.ledger.profiles,
            start,
            duration_s=duration,
            unit=charging_rate_unit,
            rated_power_kw=self._station.asset.rated_power_kw,
            started_at=self._station.started_at,
        )
        schedule = {
            "evse_id": evse_id,
            "duration": duration,
            "schedule_start": wire_time(start),
            "charging_rate_unit": charging_rate_unit,
            "charging_schedule_period": periods,
        }
        return call_result.GetCompositeSchedule(status="Accepted", schedule=schedule)

    @on("ReserveNow")
    def reserve_now(
        self,
        id: int,  # noqa: A002 - the wire's name
        expiry_date_time: str,
        id_token: dict[str, Any],
        evse_id: int | None = None,
        connector_type: str | None = None,
        **_: Any,
    ) -> call_result.ReserveNow:
        if evse_id not in (None, EVSE["id"]):
            return _reservation_refused("UnknownEvse")
        if connector_type not in (None, self._station.asset.connector_type):
            return _reservation_refused("UnknownConnectorType")
        try:
            expires_at = wire_time(moment(expiry_date_time))
        except (ValueError, OverflowError):
            return _reservation_refused("InvalidValue")
        reservation = Reservation(id, id_token["id_token"], expires_at)
        return call_result.ReserveNow(status=self._station.reserve(reservation))

    @on("CancelReservation")
    def cancel_reservation(self, reservation_id: int, **_: Any) -> call_result.CancelReservation:
        cancelled = self._station.reservation_cancel(reservation_id)
        return call_result.CancelReservation(status="Accepted" if cancelled else "Rejected")

    @on("TriggerMessage")
    def trigger_message(self, requested_message: str, **_: Any) -> call_result.TriggerMessage:
        if requested_message not in _TRIGGERS:
            return call_result.TriggerMessage(status="NotImplemented")
        if requested_message == "TransactionEvent":
            triggered = self._station.triggered_event()
            return call_result.TriggerMessage(status="Accepted" if triggered else "Rejected")
        self._on_trigger(requested_message)
        return call_result.TriggerMessage(status="Accepted")

    @on("ChangeAvailability")
    def change_availability(
        self, operational_status: str, **_: Any
    ) -> call_result.ChangeAvailability:
        operative = operational_status == "Operative"
        return call_result.ChangeAvailability(
            status=self._station.availability_set(operative=operative)
        )

    @on("Reset")
    def reset(self, type: str, **_: Any) -> call_result.Reset:  # noqa: A002 - the wire's name
        if type == "OnIdle" and self._station.transaction is not None:
            return call_result.Reset(status="Rejected")
        self._station.reset()
        self._on_reset()
        return call_result.Reset(status="Accepted")


def _reservation_refused(reason: str) -> call_result.ReserveNow:
    return call_result.ReserveNow(status="Rejected", status_info={"reason_code": reason})
