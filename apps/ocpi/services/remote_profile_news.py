"""Partners that set a charging profile are told when what holds changes (2.2.1 §14.2.2, PUT).

It changes when a station took another profile, or forgot one, that was not of the partner's own
order: of a load group, a plan, an operator. What is sent is reckoned when it is sent.
"""

from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from apps.chargers.choices import CommandStatus, SessionState
from apps.chargers.models import Command, Session
from apps.chargers.ocpp.smart_charging.composite import wire_periods
from apps.chargers.selectors.charging_profiles import composite_preview, supply_of
from apps.chargers.services import command_answers
from apps.ocpi import wire
from apps.ocpi.choices import Direction, InterfaceRole, PartnerState, PartyRole, ProfileMethod
from apps.ocpi.clients.ocpi import call_partner, endpoint
from apps.ocpi.models import PartnerEndpoint, RemoteProfile
from apps.ocpi.services.command_words import ACCEPTED
from apps.ocpi.services.remote_results import POLICY, own_ref, party_noted
from apps.outbox.models import OutboxMessage
from apps.outbox.services import outbox_add
from cariflex.common.errors import DomainError
from cariflex.common.time import format_rfc3339, utc_now

DESTINATION, NEWS = "ocpi-profile", "active"
# "Between 5 and 60 minutes" (§14.2.2).
TOLD = timedelta(minutes=15)
ACTIONS = ("SetChargingProfile", "ClearChargingProfile")
_PHASE_VOLTS = 230
_TENTH = Decimal("0.1")


def profile_changed(command: Command, _answer: dict[str, Any]) -> None:
    """Queue news for the partners whose profiles hold at this station; not of their own order."""
    if command.status != CommandStatus.ACCEPTED:
        return
    own = RemoteProfile.objects.filter(command=command).values_list("session_id", flat=True)
    sessions = Session.objects.filter(station=command.station_id, state=SessionState.ACTIVE)
    names = {str(pk) for pk in sessions.values_list("pk", flat=True)} - set(own)
    for order in _last_orders(names):
        serves = PartnerEndpoint.objects.filter(
            partner=order.partner_id,
            identifier="chargingprofiles",
            role=InterfaceRole.SENDER,
        )
        if serves.exists():
            outbox_add(
                destination=f"{DESTINATION}:{order.partner_id}",
                kind=NEWS,
                payload={"id": order.pk},
                order_key=f"{NEWS}:{order.session_id}",
                dedupe_key=f"{NEWS}:{order.session_id}:{command.pk}",
            )


def _last_orders(session_ids: set[str]) -> list[RemoteProfile]:
    """The last profile that was set for each session by a partner, if one ever was."""
    rows = RemoteProfile.objects.filter(
        direction=Direction.IN,
        method=ProfileMethod.PUT,
        result=ACCEPTED,
        session_id__in=session_ids,
    ).order_by("pk")
    return list({row.session_id: row for row in rows}.values())


def news_deliver(message: OutboxMessage) -> None:
    """PUT the ActiveChargingProfile of a session that goes on. ExternalError, DomainError."""
    order = RemoteProfile.objects.select_related("partner").get(pk=message.payload["id"])
    partner = order.partner
    session = (
        Session.objects.select_related("station", "evse")
        .filter(pk=int(order.session_id), state=SessionState.ACTIVE)
        .first()
    )
    if session is None or session.evse is None:
        return
    if partner.state != PartnerState.REGISTERED:
        raise DomainError("ocpi.partner_gone", f"{partner} is not connected any more.")
    unit = order.request["charging_profile"]["charging_rate_unit"]
    content = active_profile_now(session, unit, utc_now())
    body = wire.from_inside(partner.version, wire.inside_of("ActiveChargingProfile", content))
    call_partner(
        partner,
        "PUT",
        f"{endpoint(partner, 'chargingprofiles', InterfaceRole.SENDER)}/{order.session_id}",
        module="chargingprofiles",
        body=wire.encode(body),
        sender=own_ref(PartyRole.CPO),
        receiver=party_noted(order.request),
    ).expect_success(partner)


def active_profile_now(session: Session, unit: str, now: datetime) -> dict[str, Any]:
    """The ActiveChargingProfile of a session by our own reckoning, in A or W.

    Where nothing limits, it is what the EVSE can give (§14.2.2).
    """
    now = now.replace(microsecond=0)
    station, evse = session.station, session.evse
    if evse is None:
        raise DomainError("ocpi.evse_unknown", "The session has told no EVSE.")
    most = Decimal(str(station.rated_power_kw)) * 1000
    if unit == "A":
        most /= _PHASE_VOLTS * supply_of(station).phases
    periods = composite_preview(
        station_id=station.station_id,
        evse_id=evse.evse_id,
        start=now,
        duration_s=int(TOLD.total_seconds()),
        unit=unit,
    )
    told = [
        {
            "start_period": one["startPeriod"],
            "limit": min(Decimal(str(one.get("limit", most))), most).quantize(_TENTH, ROUND_FLOOR),
        }
        for one in wire_periods(periods)
    ]
    start = format_rfc3339(now)
    return {
        "start_date_time": start,
        "charging_profile": {
            "start_date_time": start,
            "duration": int(TOLD.total_seconds()),
            "charging_rate_unit": unit,
            "charging_profile_period": told
            or [{"start_period": 0, "limit": most.quantize(_TENTH, ROUND_FLOOR)}],
        },
    }


__all__ = ["DESTINATION", "POLICY", "active_profile_now", "news_deliver", "profile_changed"]

for action in ACTIONS:
    command_answers.register(action, profile_changed)
