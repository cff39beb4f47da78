"""The messages of 2.1 over a real socket, judged by the schemas; what is not served says so."""

import json
from typing import Any

from apps.chargers.models import (
    ChargingNeeds,
    ChargingProfile,
    DerAlarm,
    DerControl,
    EventStream,
    EvSchedule,
    SessionTerms,
    StreamValue,
)
from apps.chargers.services.charging_profiles import profile_set
from apps.chargers.services.dynamic_schedules import dynamic_schedule_offer
from tests.chargers.conformance.client import V21, V201, Checking
from tests.chargers.conftest import STATION_ID
from tests.chargers.events import event
from tests.chargers.server import A, B, Csms, at, eventually
from tests.chargers.v21.test_der import DROOP
from tests.chargers.v21.test_needs import V2X
from tests.chargers.v21.test_streams import bundle

SCHEDULE = {
    "id": 1, "chargingRateUnit": "W",
    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 7000}],
}  # fmt: skip
AT = "2026-03-10T12:00:00Z"
NOT_SERVED: list[tuple[str, dict[str, Any]]] = [
    (
        "NotifySettlement",
        {"pspRef": "1", "status": "Settled", "settlementAmount": 1, "settlementTime": AT},
    ),
    ("VatNumberValidation", {"vatNumber": "FR1"}),
    (
        "BatterySwap",
        {
            "batteryData": [{"evseId": 1, "serialNumber": "1", "soC": 50, "soH": 90}],
            "eventType": "BatteryIn",
            "idToken": {"idToken": "AA", "type": "Central"},
            "requestId": 1,
        },
    ),
]


def test_a_bidirectional_station(csms: Csms) -> None:
    station = Checking(csms, V21).boot()
    started = event(0, "Started", "2026-03-10T11:00:00Z", evse_id=1, chargingState="Charging")
    station.tell("TransactionEvent", started)
    transaction_id = started["transactionInfo"]["transactionId"]

    # Block K and Q.
    needs = {"evseId": 1, "chargingNeeds": V2X, "timestamp": AT}
    assert station.tell("NotifyEVChargingNeeds", needs) == {"status": "NoChargingProfile"}
    plan = {"timeBase": AT, "evseId": 1, "chargingSchedule": SCHEDULE}
    assert station.tell("NotifyEVChargingSchedule", plan) == {"status": "Accepted"}
    station.tell("NotifyPriorityCharging", {"transactionId": transaction_id, "activated": True})
    wrong = needs | {"chargingNeeds": V2X | {"departureTime": "soon"}}
    assert station.refusal("NotifyEVChargingNeeds", wrong) == "FormatViolation"

    # A dynamic profile, and what it comes to.
    dynamic = {
        "stackLevel": 1,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Dynamic",
        "chargingSchedule": [SCHEDULE],
    }
    row = at(A, lambda: profile_set(station_id=STATION_ID, evse_id=1, profile=dynamic))
    message_id, _asked = station.asked("SetChargingProfile")
    station.answer(message_id, {"status": "Accepted"})
    eventually(lambda: at(A, lambda: ChargingProfile.objects.get(pk=row.pk).updated_at))
    at(A, lambda: dynamic_schedule_offer(profile_pk=row.pk, update={"limit": 6000}))
    ask = {"chargingProfileId": row.profile_id}
    assert station.tell("PullDynamicScheduleUpdate", ask) == {
        "status": "Accepted",
        "scheduleUpdate": {"limit": 6000},
    }
    unknown = station.tell("PullDynamicScheduleUpdate", {"chargingProfileId": 999})
    assert (unknown["status"], unknown["statusInfo"]["reasonCode"]) == ("Rejected", "NotFound")

    # Block R.
    told = {"id": "c-1", "isDefault": True, "isSuperseded": False, "freqDroop": DROOP}
    assert station.tell("ReportDERControl", {"requestId": 1, "freqDroop": [told]}) == {}
    alarm = {"controlType": "FreqDroop", "gridEventFault": "UnderFrequency", "timestamp": AT}
    assert station.tell("NotifyDERAlarm", alarm) == {}
    stopped = {"controlId": "c-1", "started": False, "timestamp": AT}
    assert station.tell("NotifyDERStartStop", stopped) == {}

    # Block N: a stream by SEND, which nobody answers; as a CALL it is refused.
    opened = {"constantStreamData": {"id": 1, "variableMonitoringId": 9, "params": {"values": 5}}}
    assert station.tell("OpenPeriodicEventStream", opened) == {"status": "Accepted"}
    values = bundle((0, "1"), (1, "2"))
    station.send(json.dumps([6, "send-1", "NotifyPeriodicEventStream", values]))
    assert station.refusal("NotifyPeriodicEventStream", values) == "ProtocolError"
    assert station.tell("ClosePeriodicEventStream", {"id": 1}) == {}

    # What the product does not have.
    for action, payload in NOT_SERVED:
        assert station.refusal(action, payload) == "NotSupported"
    station.heartbeat()

    def counts() -> list[int]:
        kept = (ChargingNeeds, EvSchedule, DerControl, DerAlarm, EventStream)
        return [model.objects.count() for model in kept]

    assert at(A, counts) == [1, 1, 1, 1, 1]
    assert at(B, counts) == [0, 0, 0, 0, 0]
    assert at(A, StreamValue.objects.count) == 2
    assert at(A, lambda: SessionTerms.objects.get().uses_priority) is True
    assert at(A, lambda: str(DerControl.objects.get().status)) == "ended"
    assert at(A, lambda: EventStream.objects.get().closed_at) is not None


def test_a_station_of_2_0_1_tells_its_needs_and_knows_no_2_1(csms: Csms) -> None:
    station = Checking(csms, V201).boot()
    needs = {"requestedEnergyTransfer": "DC", "dcChargingParameters": {
        "evMaxCurrent": 100, "evMaxVoltage": 400, "energyAmount": 20000,
    }}  # fmt: skip

    answer = station.tell("NotifyEVChargingNeeds", {"evseId": 1, "chargingNeeds": needs})

    assert answer == {"status": "Rejected"}
    assert station.refusal("NotifyDERAlarm", {}) == "NotImplemented"
    assert at(A, ChargingNeeds.objects.count) == 1
