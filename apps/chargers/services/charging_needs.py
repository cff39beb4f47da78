"""What cars tell of their charging, and what a session may: needs, plans, priority, transfers.

A car's needs are answered at once: Processing when an app above makes a schedule of them
(`ports.NeedsPlanner`), else that there is none and the default of sessions holds.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.chargers.choices import NeedsAnswer, SessionState
from apps.chargers.models import (
    ChargingNeeds,
    ChargingStation,
    Command,
    EvSchedule,
    Session,
    SessionTerms,
)
from apps.chargers.ocpp.v21.needs import BIDIRECTIONAL, car_needs
from apps.chargers.ocpp.values import storable_json
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.ports import needs_planner
from apps.chargers.selectors.discharging import may_discharge, transfers_supported
from apps.chargers.services import command_answers
from apps.chargers.services.charging_limits import ev_schedule_differs
from apps.chargers.services.commands import command_send
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

USE_PRIORITY, ALLOW_TRANSFERS = "UsePriorityCharging", "NotifyAllowedEnergyTransfer"


# --- what stations tell ---


@transaction.atomic
def charging_needs_store(
    *,
    station_pk: int,
    evse_id: int,
    needs: Mapping[str, Any],
    told_at: datetime,
    most_schedules: int | None = None,
) -> NeedsAnswer:
    """Keep what a car wants (K15, Q02) and say what the car is told; a repeat changes nothing."""
    station = ChargingStation.objects.select_for_update(no_key=True).get(pk=station_pk)
    car = car_needs(needs)
    row, is_new = ChargingNeeds.objects.get_or_create(
        station=station,
        evse_number=evse_id,
        told_at=told_at,
        defaults={
            "session": _running(station, evse_id),
            "requested_transfer": car.transfer,
            "departure_at": car.departure_at,
            "most_schedules": most_schedules,
            "needs": storable_json(dict(needs)),
            "answer": _without_plan(station),
        },
    )
    planner = needs_planner()
    if is_new and row.session_id is not None and planner is not None and planner.plan(row.pk):
        row.answer = NeedsAnswer.PROCESSING
        row.save(update_fields=["answer"])
    return NeedsAnswer(row.answer)


def _without_plan(station: ChargingStation) -> NeedsAnswer:
    """2.0.1 has no word for "charge as you may": a schedule of its own is refused."""
    is_21 = station.ocpp_version == OcppVersion.V21
    return NeedsAnswer.NO_PROFILE if is_21 else NeedsAnswer.REJECTED


@transaction.atomic
def ev_schedule_store(
    *,
    station_pk: int,
    evse_id: int,
    time_base: datetime,
    schedule: Mapping[str, Any],
    now: datetime,
    selected_schedule_id: int | None = None,
    is_tolerance_accepted: bool | None = None,
) -> EvSchedule:
    """Keep how a car means to charge (K17), and whether that is above its limit."""
    station = ChargingStation.objects.get(pk=station_pk)
    return EvSchedule.objects.create(
        station=station,
        evse_number=evse_id,
        session=_running(station, evse_id),
        time_base=time_base,
        schedule=storable_json(dict(schedule)),
        selected_schedule_id=selected_schedule_id,
        is_tolerance_accepted=is_tolerance_accepted,
        is_above_limit=ev_schedule_differs(
            station_pk=station_pk, evse_id=evse_id, time_base=time_base, schedule=schedule
        ),
        told_at=now,
    )


def _running(station: ChargingStation, evse_id: int) -> Session | None:
    return (
        Session.objects.filter(station=station, evse__evse_id=evse_id, state=SessionState.ACTIVE)
        .order_by("-started_at")
        .first()
    )


def priority_note(
    *, station_pk: int, transaction_id: str, is_active: bool, now: datetime
) -> SessionTerms | None:
    """A driver switched priority on or off at the station (K22); None for no such session."""
    session = Session.objects.filter(station_id=station_pk, transaction_id=transaction_id).first()
    if session is None:
        logger.warning("priority of an unknown session station=%s", station_pk)
        return None
    terms, _is_new = SessionTerms.objects.get_or_create(session=session)
    if terms.uses_priority != is_active:
        terms.uses_priority, terms.priority_since = is_active, now if is_active else None
        terms.save(update_fields=["uses_priority", "priority_since"])
    return terms


# --- what we ask for ---


def priority_use(
    *, session_id: int, activate: bool, requested_by_id: int | None = None, reason: str = ""
) -> Command:
    """Let a session charge by the station's PriorityCharging profile, or no more (K21).

    DomainError `chargers.session_not_active`; `command.needs_21` for an older station. A station
    without such a profile answers NoProfile: the order is then rejected and nothing changes.
    """
    session = _session_of_21(session_id)
    return command_send(
        station_id=session.station.station_id,
        action=USE_PRIORITY,
        payload={"transactionId": session.transaction_id, "activate": activate},
        requested_by_id=requested_by_id,
        reason=reason,
    )


def energy_transfers_allow(
    *,
    session_id: int,
    transfers: Sequence[str],
    requested_by_id: int | None = None,
    reason: str = "",
) -> Command:
    """Tell which energy transfers a session's car may choose (2.1 Q01).

    DomainError as of `priority_use`; `session.no_discharge` for a transfer both ways where the
    station has not said that it can discharge, `session.transfer_unknown` for one it cannot do.
    """
    session = _session_of_21(session_id)
    station = session.station
    both_ways = sorted(BIDIRECTIONAL.intersection(transfers))
    evse_id = session.evse.evse_id if session.evse is not None else 0
    if both_ways and not may_discharge(station, evse_id):
        raise DomainError(
            "session.no_discharge",
            f"{both_ways[0]}: the station has not said that it can discharge cars.",
            field="transfers",
        )
    known = transfers_supported(station)
    unknown = [] if known is None else [one for one in transfers if one not in known]
    if unknown:
        raise DomainError(
            "session.transfer_unknown", f"The station cannot do {unknown[0]}.", field="transfers"
        )
    return command_send(
        station_id=station.station_id,
        action=ALLOW_TRANSFERS,
        payload={
            "transactionId": session.transaction_id,
            "allowedEnergyTransfer": list(transfers),
        },
        requested_by_id=requested_by_id,
        reason=reason,
    )


def _session_of_21(session_id: int) -> Session:
    session = (
        Session.objects.select_related("station", "evse")
        .filter(pk=session_id, state=SessionState.ACTIVE)
        .first()
    )
    if session is None:
        raise DomainError("chargers.session_not_active", "The session is not active.")
    if session.station.ocpp_version != OcppVersion.V21:
        raise DomainError("command.needs_21", "The station does not speak OCPP 2.1.")
    return session


def _priority_answered(command: Command, answer: dict[str, Any]) -> None:
    if answer["status"] == "Accepted":
        priority_note(
            station_pk=command.station_id,
            transaction_id=command.payload["transactionId"],
            is_active=command.payload["activate"],
            now=command.answered_at or utc_now(),
        )


def _transfers_answered(command: Command, answer: dict[str, Any]) -> None:
    if answer["status"] != "Accepted":
        return
    session = Session.objects.filter(
        station_id=command.station_id, transaction_id=command.payload["transactionId"]
    ).first()
    if session is not None:
        SessionTerms.objects.update_or_create(
            session=session,
            defaults={"allowed_transfers": command.payload["allowedEnergyTransfer"]},
        )


command_answers.register(USE_PRIORITY, _priority_answered)
command_answers.register(ALLOW_TRANSFERS, _transfers_answered)
