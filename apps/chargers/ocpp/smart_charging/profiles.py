"""Charging profiles as dataclasses, out of the payloads of 2.x and 1.6 (schema already checked).

Instants are cut to whole seconds, the grain of every schedule.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cariflex.common.time import parse_rfc3339

Payload = Mapping[str, Any]
EXTERNAL = "ChargingStationExternalConstraints"
STATION_MAX = "ChargingStationMaxProfile"
TX_DEFAULT = "TxDefaultProfile"
TX = "TxProfile"
PRIORITY = "PriorityCharging"
LOCAL_GENERATION = "LocalGeneration"
_PURPOSE_OF_16 = {"ChargePointMaxProfile": STATION_MAX}
PERIOD_OF = {"Daily": timedelta(days=1), "Weekly": timedelta(days=7)}

PerPhase = tuple[float | None, float | None, float | None]
"""(L1 or all phases, L2, L3); None in L2 and L3 of a value that is meant for all."""
NOTHING: PerPhase = (None, None, None)


@dataclass(frozen=True, slots=True)
class Period:
    """ChargingSchedulePeriodType, from `start_s` after the schedule's start to the next period."""

    start_s: int
    limit: PerPhase = NOTHING
    discharge_limit: PerPhase = NOTHING
    """<= 0 (2.1 Q)."""
    setpoint: PerPhase = NOTHING
    number_phases: int | None = None
    phase_to_use: int | None = None
    operation_mode: str = ""


@dataclass(frozen=True, slots=True)
class Schedule:
    """ChargingScheduleType."""

    unit: str
    """W or A: A is for each phase, W for all phases together unless L2 or L3 is named."""
    periods: tuple[Period, ...]
    duration_s: int | None = None
    start: datetime | None = None
    min_rate: float | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """ChargingProfileType, at the EVSE where it is set; EVSE 0 is the whole station."""

    profile_id: int
    evse_id: int
    stack_level: int
    purpose: str
    kind: str
    schedules: tuple[Schedule, ...]
    recurrency: str = ""
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    transaction_id: str = ""
    updated_at: datetime | None = None
    """Of a Dynamic profile (2.1 dynUpdateTime)."""

    @property
    def schedule(self) -> Schedule:
        """The one that counts: a car that was offered several takes the first until it says so."""
        return self.schedules[0]


def profile_of(payload: Payload, *, evse_id: int) -> Profile:
    """A ChargingProfileType of 2.0.1 or 2.1. ValueError for what is no date-time."""
    schedules = payload["chargingSchedule"]
    if isinstance(schedules, Mapping):
        schedules = [schedules]
    return Profile(
        profile_id=int(payload["id"]),
        evse_id=evse_id,
        stack_level=int(payload["stackLevel"]),
        purpose=payload["chargingProfilePurpose"],
        kind=payload["chargingProfileKind"],
        schedules=tuple(schedule_of(one) for one in schedules),
        recurrency=payload.get("recurrencyKind") or "",
        valid_from=_instant(payload.get("validFrom")),
        valid_to=_instant(payload.get("validTo")),
        transaction_id=payload.get("transactionId") or "",
        updated_at=_instant(payload.get("dynUpdateTime")),
    )


def profile_of_16(payload: Payload, *, connector_id: int, transaction_id: str = "") -> Profile:
    """A ChargingProfile of 1.6 (§7.8): one schedule, connector n is EVSE n."""
    purpose = payload["chargingProfilePurpose"]
    return profile_of(
        {
            **payload,
            "id": payload["chargingProfileId"],
            "chargingProfilePurpose": _PURPOSE_OF_16.get(purpose, purpose),
            "transactionId": transaction_id,
        },
        evse_id=connector_id,
    )


def schedule_of(payload: Payload) -> Schedule:
    """A ChargingScheduleType."""
    return Schedule(
        unit=payload["chargingRateUnit"],
        periods=periods_of(payload["chargingSchedulePeriod"]),
        duration_s=payload.get("duration"),
        start=_instant(payload.get("startSchedule")),
        min_rate=_number(payload.get("minChargingRate")),
    )


def periods_of(payloads: Sequence[Payload]) -> tuple[Period, ...]:
    """ChargingSchedulePeriodType objects, by their start."""
    return tuple(sorted((_period(one) for one in payloads), key=lambda one: one.start_s))


def _period(payload: Payload) -> Period:
    return Period(
        start_s=int(payload["startPeriod"]),
        limit=_per_phase(payload, "limit"),
        discharge_limit=_per_phase(payload, "dischargeLimit"),
        setpoint=_per_phase(payload, "setpoint"),
        number_phases=payload.get("numberPhases"),
        phase_to_use=payload.get("phaseToUse"),
        operation_mode=payload.get("operationMode") or "",
    )


def _per_phase(payload: Payload, name: str) -> PerPhase:
    return (
        _number(payload.get(name)),
        _number(payload.get(f"{name}_L2")),
        _number(payload.get(f"{name}_L3")),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _instant(text: str | None) -> datetime | None:
    return None if not text else parse_rfc3339(text).replace(microsecond=0)
