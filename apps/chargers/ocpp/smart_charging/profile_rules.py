"""Whether a charging profile may be set: each rule of the standard that it breaks, by its name.

The requirements are those of OCPP 2.0.1 Part 2, K01, and of OCPP 2.1 where a comment says so.
Rules that no requirement states in words are named by the type that they follow from. The payload
has passed its JSON schema.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from apps.chargers.ocpp.smart_charging.facts import RuleBroken, StationFacts
from apps.chargers.ocpp.smart_charging.profiles import (
    EXTERNAL,
    LOCAL_GENERATION,
    PERIOD_OF,
    PRIORITY,
    STATION_MAX,
    TX,
    TX_DEFAULT,
    Profile,
)
from apps.chargers.ocpp.smart_charging.rules_21 import rules_broken_21
from apps.chargers.ocpp.versions import OcppVersion
from cariflex.common.time import parse_rfc3339

__all__ = ["RuleBroken", "StationFacts", "rules_broken"]
Payload = Mapping[str, Any]
_FOR_SESSIONS = (TX, TX_DEFAULT)
_OF_21 = (
    "setpoint", "setpoint_L2", "setpoint_L3",
    "dischargeLimit", "dischargeLimit_L2", "dischargeLimit_L3",
    "operationMode", "v2xBaseline", "v2xFreqWattCurve", "v2xSignalWattCurve",
)  # fmt: skip


def rules_broken(
    profile: Payload,
    *,
    evse_id: int,
    facts: StationFacts,
    now: datetime,
    with_start: bool = False,
) -> list[RuleBroken]:
    """Every rule that a ChargingProfileType at an EVSE breaks; empty when it may be set.

    `with_start`: it goes with a RequestStartTransaction, so that it has no transaction yet.
    """
    broken = [
        *_purpose(profile, evse_id, facts, with_start=with_start),
        *_validity(profile, now),
        *_kind(profile, facts),
        *_neighbours(profile, evse_id, facts),
        *_station(profile, evse_id, facts),
    ]
    schedules = profile["chargingSchedule"]
    if facts.version is OcppVersion.V16 and len(schedules) > 1:
        broken.append(RuleBroken("1.6 §7.8", "chargingSchedule", "A 1.6 profile has one schedule."))
    if len(schedules) > 1 and profile["chargingProfilePurpose"] != TX:
        broken.append(
            RuleBroken(
                "ChargingProfileType.chargingSchedule",
                "chargingSchedule",
                "Several schedules are for one session's car only.",
            )
        )
    for index, schedule in enumerate(schedules):
        broken += _schedule(profile, schedule, f"chargingSchedule[{index}]", facts)
    if facts.version is OcppVersion.V21:
        broken += rules_broken_21(profile, evse_id=evse_id, facts=facts)
    return broken


def _purpose(
    profile: Payload, evse_id: int, facts: StationFacts, *, with_start: bool
) -> Iterator[RuleBroken]:
    purpose = profile["chargingProfilePurpose"]
    if purpose == EXTERNAL:
        yield RuleBroken(
            "K01.FR.22",
            "chargingProfilePurpose",
            "External limits are reported by the station, never set by the CSMS.",
        )
    if purpose == STATION_MAX and evse_id != 0:
        yield RuleBroken(
            "ChargingProfilePurposeEnumType.ChargingStationMaxProfile",
            "evseId",
            "A limit of the whole station is set at EVSE 0.",
        )
    if purpose in (PRIORITY, LOCAL_GENERATION) and facts.version is not OcppVersion.V21:
        yield RuleBroken("K01.FR.120", "chargingProfilePurpose", f"{purpose} needs OCPP 2.1.")
    if purpose != TX:
        if profile.get("transactionId"):
            yield RuleBroken(
                "ChargingProfileType.transactionId",
                "transactionId",
                "Only a TxProfile names a transaction.",
            )
        return
    if evse_id == 0:
        yield RuleBroken("K01.FR.16", "evseId", "A TxProfile is for one EVSE, not for EVSE 0.")
    transaction_id = profile.get("transactionId")
    if with_start:
        if transaction_id:
            yield RuleBroken(
                "RequestStartTransactionRequest.chargingProfile",
                "transactionId",
                "The transaction has not begun yet.",
            )
        return
    if not transaction_id:
        yield RuleBroken("K01.FR.03", "transactionId", "A TxProfile names its transaction.")
    elif evse_id not in facts.transactions:
        if evse_id:
            yield RuleBroken("K01.FR.09", "transactionId", "No transaction runs on this EVSE.")
    elif facts.transactions[evse_id] != transaction_id:
        yield RuleBroken("K01.FR.33", "transactionId", "Another transaction runs on this EVSE.")


def _validity(profile: Payload, now: datetime) -> Iterator[RuleBroken]:
    instants = {}
    for name in ("validFrom", "validTo"):
        if profile.get(name):
            try:
                instants[name] = parse_rfc3339(profile[name])
            except ValueError:
                yield RuleBroken("dateTime", name, "This is no date-time.")
    start, end = instants.get("validFrom"), instants.get("validTo")
    if start is not None and end is not None and end <= start:
        yield RuleBroken("ChargingProfileType.validTo", "validTo", "It ends before it begins.")
    if end is not None and end <= now:
        yield RuleBroken("K01.FR.37", "validTo", "It has ended already.")


def _kind(profile: Payload, facts: StationFacts) -> Iterator[RuleBroken]:
    kind, purpose = profile["chargingProfileKind"], profile["chargingProfilePurpose"]
    if kind == "Recurring" and not profile.get("recurrencyKind"):
        yield RuleBroken(
            "ChargingProfileType.recurrencyKind",
            "recurrencyKind",
            "A recurring profile says whether it recurs daily or weekly.",
        )
    if kind != "Recurring" and profile.get("recurrencyKind"):
        yield RuleBroken(
            "ChargingProfileType.recurrencyKind",
            "recurrencyKind",
            "Only a recurring profile recurs.",
        )
    if kind == "Relative" and purpose == STATION_MAX:
        yield RuleBroken(
            "K01.FR.38", "chargingProfileKind", "The whole station has no start to count from."
        )
    if kind == "Dynamic" and facts.version is not OcppVersion.V21:
        yield RuleBroken("K01.FR.121", "chargingProfileKind", "Dynamic profiles need OCPP 2.1.")
    if kind != "Dynamic" and (profile.get("dynUpdateInterval") or profile.get("dynUpdateTime")):
        yield RuleBroken(
            "K01.FR.122", "dynUpdateInterval", "Only a dynamic profile is updated by messages."
        )


def _neighbours(profile: Payload, evse_id: int, facts: StationFacts) -> Iterator[RuleBroken]:
    """What else is set: one profile of a purpose and stack level for one EVSE at a time."""
    purpose, level = profile["chargingProfilePurpose"], profile["stackLevel"]
    for other in facts.profiles:
        if other.profile_id == profile["id"]:
            if other.purpose == EXTERNAL:
                yield RuleBroken("K01.FR.05", "id", "The station's external limit has this id.")
            continue
        if (other.purpose, other.stack_level) != (purpose, level) or _apart(other, profile):
            continue
        if purpose == TX:
            if other.transaction_id == profile.get("transactionId"):
                yield _taken("K01.FR.39", other)
        elif other.evse_id == evse_id:
            yield _taken("K01.FR.06", other)
        elif purpose == TX_DEFAULT and 0 in (other.evse_id, evse_id):
            yield _taken("K01.FR.52" if evse_id == 0 else "K01.FR.53", other)


def _taken(rule: str, other: Profile) -> RuleBroken:
    return RuleBroken(
        rule,
        "stackLevel",
        f"Profile {other.profile_id} at EVSE {other.evse_id} has this purpose and stack level.",
    )


def _apart(other: Profile, profile: Payload) -> bool:
    """True when the two are never valid at the same moment."""
    try:
        start = parse_rfc3339(profile["validFrom"]) if profile.get("validFrom") else None
        end = parse_rfc3339(profile["validTo"]) if profile.get("validTo") else None
    except ValueError:
        return False
    return bool(
        (end is not None and other.valid_from is not None and end <= other.valid_from)
        or (start is not None and other.valid_to is not None and start >= other.valid_to)
    )


def _station(profile: Payload, evse_id: int, facts: StationFacts) -> Iterator[RuleBroken]:
    if facts.evse_ids and evse_id != 0 and evse_id not in facts.evse_ids:
        yield RuleBroken("K01.FR.28", "evseId", f"The station has no EVSE {evse_id}.")
    if facts.most_stack_level is not None and profile["stackLevel"] > facts.most_stack_level:
        yield RuleBroken(
            "SmartChargingCtrlr.ProfileStackLevel",
            "stackLevel",
            f"The station knows stack levels up to {facts.most_stack_level}.",
        )
    others = [one for one in facts.profiles if one.profile_id != profile["id"]]
    if facts.most_profiles is not None and len(others) >= facts.most_profiles:
        yield RuleBroken(
            "SmartChargingCtrlr.Entries",
            "id",
            f"The station holds {facts.most_profiles} profiles at most.",
        )


def _schedule(
    profile: Payload, schedule: Payload, path: str, facts: StationFacts
) -> Iterator[RuleBroken]:
    kind, start = profile["chargingProfileKind"], schedule.get("startSchedule")
    if kind in ("Absolute", "Recurring") and not start:
        yield RuleBroken("K01.FR.40", f"{path}.startSchedule", f"{kind} needs a start.")
    if kind == "Relative" and start:
        yield RuleBroken(
            "K01.FR.41", f"{path}.startSchedule", "It begins with charging, not at an instant."
        )
    if start:
        try:
            parse_rfc3339(start)
        except ValueError:
            yield RuleBroken("dateTime", f"{path}.startSchedule", "This is no date-time.")
    if facts.units is not None and schedule["chargingRateUnit"] not in facts.units:
        yield RuleBroken(
            "K01.FR.26",
            f"{path}.chargingRateUnit",
            f"The station takes {' and '.join(sorted(facts.units))} only.",
        )
    if (
        profile["chargingProfilePurpose"] not in _FOR_SESSIONS
        and (schedule.get("randomizedDelay") or 0) > 0
    ):
        yield RuleBroken(
            "K01.FR.95", f"{path}.randomizedDelay", "Only profiles of sessions are delayed."
        )
    duration = schedule.get("duration")
    if profile["chargingProfilePurpose"] == PRIORITY and duration is not None:
        yield RuleBroken("K01.FR.70", f"{path}.duration", "Priority lasts until the session ends.")
    yield from _length(profile, schedule, path)
    yield from _periods(schedule, path, facts)


def _length(profile: Payload, schedule: Payload, path: str) -> Iterator[RuleBroken]:
    duration = schedule.get("duration")
    if duration is None:
        return
    if duration <= 0:
        yield RuleBroken(
            "ChargingScheduleType.duration", f"{path}.duration", "It lasts no time at all."
        )
    period = PERIOD_OF.get(profile.get("recurrencyKind") or "")
    if period is not None and duration > period.total_seconds():
        yield RuleBroken(
            "ChargingScheduleType.duration",
            f"{path}.duration",
            "It lasts longer than the time after which it begins anew.",
        )


def _periods(schedule: Payload, path: str, facts: StationFacts) -> Iterator[RuleBroken]:
    periods = schedule["chargingSchedulePeriod"]
    where = f"{path}.chargingSchedulePeriod"
    if periods[0]["startPeriod"] != 0:
        yield RuleBroken("K01.FR.31", f"{where}[0].startPeriod", "The first period begins at 0.")
    for index in range(1, len(periods)):
        if periods[index]["startPeriod"] <= periods[index - 1]["startPeriod"]:
            yield RuleBroken(
                "K01.FR.35",
                f"{where}[{index}].startPeriod",
                "Periods begin one after the other.",
            )
    if facts.most_periods is not None and len(periods) > facts.most_periods:
        yield RuleBroken(
            "SmartChargingCtrlr.PeriodsPerSchedule",
            where,
            f"The station takes {facts.most_periods} periods a schedule.",
        )
    for index, period in enumerate(periods):
        yield from _period(period, f"{where}[{index}]", facts)


def _period(period: Payload, path: str, facts: StationFacts) -> Iterator[RuleBroken]:
    phases = period.get("numberPhases")
    if phases is not None and not 1 <= phases <= 3:
        yield RuleBroken(
            "ChargingSchedulePeriodType.numberPhases", f"{path}.numberPhases", "1 to 3 phases."
        )
    elif phases is not None and facts.is_dc:
        yield RuleBroken(
            "K01.FR.44", f"{path}.numberPhases", "Direct current is not drawn from phases."
        )
    elif phases is not None and phases > facts.supply_phases:
        yield RuleBroken(
            "K01.FR.45",
            f"{path}.numberPhases",
            f"The station is fed with {facts.supply_phases} phases.",
        )
    if period.get("phaseToUse") is not None:
        if phases != 1:
            yield RuleBroken(
                "K01.FR.19", f"{path}.phaseToUse", "A phase is named for one phase only."
            )
        if facts.can_switch_phases is False:
            yield RuleBroken(
                "K01.FR.20", f"{path}.phaseToUse", "The station cannot choose the phase."
            )
    yield from _limits(period, path, facts)


def _limits(period: Payload, path: str, facts: StationFacts) -> Iterator[RuleBroken]:
    for name in _named(period, ("limit", "limit_L2", "limit_L3")):
        if period[name] < 0:
            yield RuleBroken(
                "ChargingSchedulePeriodType.limit",
                f"{path}.{name}",
                "A limit is 0 or more; discharging has fields of its own in OCPP 2.1.",
            )
    if facts.version is not OcppVersion.V21:
        if period.get("limit") is None:
            yield RuleBroken(
                "ChargingSchedulePeriodType.limit", f"{path}.limit", "A period has a limit."
            )
        for name in _named(period, _OF_21):
            yield RuleBroken(
                f"ChargingSchedulePeriodType.{name}",
                f"{path}.{name}",
                "Discharging needs OCPP 2.1.",
            )


def _named(period: Payload, names: Iterable[str]) -> list[str]:
    return [name for name in names if period.get(name) is not None]
