"""What profiles a station holds, what they come to, and whether another may be set (K)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from apps.chargers.choices import ProfileStatus, SessionState
from apps.chargers.models import ChargingProfile, ChargingStation, DeviceVariable, Evse, Session
from apps.chargers.ocpp.smart_charging.composite import (
    CompositePeriod,
    Supply,
    Transaction,
    composite,
)
from apps.chargers.ocpp.smart_charging.profile_rules import (
    RuleBroken,
    StationFacts,
    rules_broken,
)
from apps.chargers.ocpp.smart_charging.profiles import Profile, profile_of
from apps.chargers.ocpp.smart_charging.rules_21 import FEATURES
from apps.chargers.ocpp.validation import request_violation
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.selectors.charging_needs import discharge_limits_w
from apps.chargers.selectors.discharging import discharging
from apps.chargers.selectors.load_groups import group_holds
from cariflex.common.errors import DomainError
from cariflex.common.time import format_rfc3339, utc_now

IN_FORCE = (ProfileStatus.REQUESTED, ProfileStatus.ACCEPTED)
_CONTROLLER = "SmartChargingCtrlr"
_UNITS = {"A": "A", "W": "W", "CURRENT": "A", "POWER": "W"}
# Variables of 2.x (Part 2 appendix, SmartChargingCtrlr) and the 1.6 keys that mean the same (§9.4).
_STACK_LEVEL = ("ProfileStackLevel", "ChargeProfileMaxStackLevel")
_PERIODS = ("PeriodsPerSchedule", "ChargingScheduleMaxPeriods")
_ENTRIES = ("Entries", "MaxChargingProfilesInstalled")
_RATE_UNITS = ("RateUnit", "ChargingScheduleAllowedChargingRateUnit")
_EXTERNAL_IDS = ("MaxExternalConstraintsId",)


@dataclass(frozen=True, slots=True)
class ProfileDraft:
    """A profile that somebody thinks of setting: a ChargingProfileType of 2.x, as on the wire.

    `id` and the ids of its schedules may be left out; they are chosen when it is set.
    """

    station_id: str
    evse_id: int
    profile: Mapping[str, Any]


def profiles_of_station(*, station_id: str, ended: bool = False) -> QuerySet[ChargingProfile]:
    """The profiles at a station, newest first; those of the past too when `ended`."""
    profiles = ChargingProfile.objects.filter(station__station_id=station_id).select_related(
        "station", "session", "command", "requested_by"
    )
    return profiles if ended else profiles.filter(status__in=IN_FORCE)


def profile_draft_check(draft: ProfileDraft) -> list[RuleBroken]:
    """Every rule that a draft breaks, with its field; empty when it may be set.

    A payload that does not fit its JSON schema breaks one rule, `schema`. DomainError
    (`chargers.station_unknown`) for no such station.
    """
    station = _station(draft.station_id)
    facts = station_facts(station)
    payload = draft_payload(draft.profile, profile_id=draft.profile.get("id", 0))
    version = OcppVersion.V21 if facts.version is OcppVersion.V21 else OcppVersion.V201
    violation = request_violation(
        version, "SetChargingProfile", {"evseId": draft.evse_id, "chargingProfile": payload}
    )
    if violation is not None:
        field = violation.path.removeprefix("chargingProfile").lstrip(".")
        return [RuleBroken("schema", field, violation.rule)]
    broken = rules_broken(payload, evse_id=draft.evse_id, facts=facts, now=utc_now())
    purpose = payload["chargingProfilePurpose"]
    held_by = group_holds(station_id=draft.station_id, evse_id=draft.evse_id, purpose=purpose)
    if held_by:
        message = f"Load group {held_by} limits this EVSE; a {purpose} would stand above it."
        broken.append(RuleBroken("load group", "chargingProfilePurpose", message))
    return broken


def composite_preview(
    *,
    station_id: str,
    evse_id: int,
    start: datetime,
    duration_s: int,
    unit: str = "A",
    draft: ProfileDraft | None = None,
) -> tuple[CompositePeriod, ...]:
    """The composite schedule of an EVSE by our own calculation, to be drawn.

    With a draft: as if it were in force, in place of the profile with its id. The session that
    runs on the EVSE counts. The draft must have passed `profile_draft_check`.
    """
    station = _station(station_id)
    held = profiles_held(station)
    if draft is not None:
        payload = draft_payload(draft.profile, profile_id=draft.profile.get("id", 0))
        ours = profile_of(payload, evse_id=draft.evse_id)
        held = [one for one in held if one.profile_id != ours.profile_id] + [ours]
    return composite(
        held,
        evse_id=evse_id,
        start=start,
        duration_s=duration_s,
        unit=unit,
        supply=supply_of(station),
        transaction=transaction_at(station, evse_id),
    )


def draft_payload(profile: Mapping[str, Any], *, profile_id: int) -> dict[str, Any]:
    """The ChargingProfileType of a draft, with the ids that it left out."""
    schedules = profile.get("chargingSchedule")
    if isinstance(schedules, Sequence):
        schedules = [
            {"id": number, **one} if isinstance(one, Mapping) else one
            for number, one in enumerate(schedules, start=1)
        ]
    return {**profile, "id": profile_id, "chargingSchedule": schedules}


def station_facts(station: ChargingStation) -> StationFacts:
    """What the rules need to know, from the device model as the station reported it."""
    variables = dict(
        DeviceVariable.objects.filter(station=station, attribute="Actual")
        .filter(
            Q(component=_CONTROLLER)
            | Q(component="Configuration")
            | Q(component="ChargingStation", variable="SupplyPhases")
            | Q(component="V2XChargingCtrlr", variable="SupportedOperationModes")
        )
        .values_list("variable", "value")
    )
    active = Session.objects.filter(
        station=station, state=SessionState.ACTIVE, evse__isnull=False
    ).order_by("started_at")
    units = _text(variables, _RATE_UNITS)
    phases = _number(variables, ("SupplyPhases",))
    switching = _text(variables, ("ACPhaseSwitchingSupported", "ConnectorSwitch3to1PhaseSupported"))
    modes = variables.get("SupportedOperationModes")
    v2x = discharging(station)
    return StationFacts(
        version=OcppVersion(station.ocpp_version or OcppVersion.V201),
        evse_ids=frozenset(Evse.objects.filter(station=station).values_list("evse_id", flat=True)),
        transactions=dict(active.values_list("evse__evse_id", "transaction_id")),
        profiles=tuple(profiles_held(station)),
        most_stack_level=_number(variables, _STACK_LEVEL),
        most_periods=_number(variables, _PERIODS),
        most_profiles=_number(variables, _ENTRIES),
        units=(
            frozenset(_UNITS[one] for one in units.upper().split(",") if one in _UNITS)
            if units
            else None
        )
        or None,
        supply_phases=phases if phases in (1, 2, 3) else 3,
        is_dc=phases == 0,
        can_switch_phases=None if switching is None else switching.lower() == "true",
        can_discharge=v2x.of_station,
        discharge_at=v2x.of_evses,
        operation_modes=frozenset(one.strip() for one in modes.split(",")) if modes else None,
        lacks=frozenset(one for one in FEATURES if variables.get(one, "").lower() == "false"),
        most_external_id=_number(variables, _EXTERNAL_IDS),
        discharge_w=discharge_limits_w(station),
    )


def profiles_held(station: ChargingStation) -> list[Profile]:
    """The profiles at a station that are in force or on their way, without limits not told."""
    rows = ChargingProfile.objects.filter(station=station, status__in=IN_FORCE).select_related(
        "session"
    )
    return [
        profile_of(profile_payload(row), evse_id=row.evse_number) for row in rows if row.schedules
    ]


def profile_payload(row: ChargingProfile) -> dict[str, Any]:
    """A stored profile as a ChargingProfileType."""
    told: dict[str, Any] = {
        "id": row.profile_id,
        "stackLevel": row.stack_level,
        "chargingProfilePurpose": row.purpose,
        "chargingProfileKind": row.kind,
        "chargingSchedule": row.schedules,
    }
    if row.recurrency:
        told["recurrencyKind"] = row.recurrency
    if row.valid_from is not None:
        told["validFrom"] = format_rfc3339(row.valid_from)
    if row.valid_to is not None:
        told["validTo"] = format_rfc3339(row.valid_to)
    if row.session is not None:
        told["transactionId"] = row.session.transaction_id
    if row.update_interval_s is not None:
        told["dynUpdateInterval"] = row.update_interval_s
    if row.updated_at is not None:
        told["dynUpdateTime"] = format_rfc3339(row.updated_at)
    if row.offline_limit_s is not None:
        told["maxOfflineDuration"] = row.offline_limit_s
        told["invalidAfterOfflineDuration"] = row.ends_offline
    return told


def supply_of(station: ChargingStation) -> Supply:
    """What its EVSEs are fed with, as far as the device model says."""
    facts = dict(
        DeviceVariable.objects.filter(
            station=station, attribute="Actual", variable="SupplyPhases"
        ).values_list("variable", "value")
    )
    phases = _number(facts, ("SupplyPhases",))
    return Supply(phases=phases if phases in (1, 2, 3) else (1 if phases == 0 else 3))


def transaction_at(station: ChargingStation, evse_id: int) -> Transaction | None:
    """The session that runs on an EVSE."""
    session = (
        Session.objects.filter(station=station, evse__evse_id=evse_id, state=SessionState.ACTIVE)
        .select_related("terms")
        .order_by("-started_at")
        .first()
    )
    if session is None:
        return None
    terms = getattr(session, "terms", None)
    return Transaction(
        session.transaction_id,
        session.started_at,
        uses_priority=terms is not None and terms.uses_priority,
    )


def _station(station_id: str) -> ChargingStation:
    station = ChargingStation.objects.filter(station_id=station_id).first()
    if station is None:
        raise DomainError("chargers.station_unknown", f"There is no station {station_id}.")
    return station


def _text(variables: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((variables[name] for name in names if variables.get(name)), None)


def _number(variables: Mapping[str, str], names: Sequence[str]) -> int | None:
    text = _text(variables, names)
    return int(text) if text is not None and text.isdecimal() else None
