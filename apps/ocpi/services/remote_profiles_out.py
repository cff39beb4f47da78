"""Charging profiles of ours for sessions at partners' stations (2.2.1 §14, sender).

As with our commands: written down before it is sent, the result at an address with a key that
nobody guesses. Results of PUT and of DELETE look the same: the key says which it is.
"""

import logging
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from apps.ocpi import wire
from apps.ocpi.choices import Direction, InterfaceRole, OcpiVersion, PartnerState, PartyRole
from apps.ocpi.clients.ocpi import call_partner, endpoint
from apps.ocpi.models import Partner, PartnerSession, RemoteProfile
from apps.ocpi.server import routes
from apps.ocpi.server.calls import PartyRef
from apps.ocpi.services.command_words import ACCEPTED, PARTY, REJECTED
from apps.ocpi.services.remote_commands_out import LONGEST_WAIT, MARGIN, WAIT, Sender
from apps.ocpi.services.remote_results import own_ref
from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.exact_json import exact_dumps, exact_loads
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)


def profile_set(
    *, sender: Sender, session: PartnerSession, profile: Mapping[str, Any]
) -> RemoteProfile:
    """PUT: a ChargingProfile (§14.4.3) for a session of one of our customers.

    DomainError: `roaming.partner_away`, `roaming.not_in_version`, `roaming.profile_invalid`.
    """
    try:
        wire.inside_of("SetChargingProfile", _told(profile, _URL))
    except wire.WireError as err:
        raise DomainError("roaming.profile_invalid", err.rule, field=err.field) from err
    return _send(sender, session, "PUT", {"charging_profile": dict(profile)})


def active_profile_ask(
    *, sender: Sender, session: PartnerSession, duration_s: int
) -> RemoteProfile:
    """GET: what the station means to give in the next so many seconds; see `profile_set`."""
    return _send(sender, session, "GET", {"duration": duration_s})


def profile_clear(*, sender: Sender, session: PartnerSession) -> RemoteProfile:
    """DELETE: what we set for the session; see `profile_set`."""
    return _send(sender, session, "DELETE", {})


# Stands for the address that is not known yet.
_URL = "https://example.org/"


def _told(profile: Mapping[str, Any], url: str) -> Any:
    return exact_loads(exact_dumps({"charging_profile": profile, "response_url": url}))


def _send(
    sender: Sender, session: PartnerSession, method: str, content: dict[str, Any]
) -> RemoteProfile:
    row = _write(sender, session, method, content)
    partner = session.partner
    body, params = None, {"response_url": row.response_url}
    if method == "PUT":
        told = _told(content["charging_profile"], row.response_url)
        inside = wire.inside_of("SetChargingProfile", told)
        body, params = wire.encode(wire.from_inside(partner.version, inside)), {}
    elif method == "GET":
        params["duration"] = str(content["duration"])
    try:
        url = endpoint(partner, "chargingprofiles", InterfaceRole.RECEIVER)
        answer = call_partner(
            partner,
            method,
            f"{url}/{session.object_id}",
            module="chargingprofiles",
            body=body,
            params=params or None,
            sender=own_ref(PartyRole.EMSP),
            receiver=PartyRef(session.country_code, session.party_id),
        )
        if not answer.raw:
            raise ExternalError("ocpi", answer.message or "answered nothing", retryable=False)
        response = wire.to_inside(
            partner.version, wire.decode(partner.version, "ChargingProfileResponse", answer.raw)
        )
    except (ExternalError, wire.WireError) as err:
        logger.info("charging profile not sent order=%s error=%s", row.pk, err)
        return _answered(row, "", None)
    except DomainError:
        RemoteProfile.objects.filter(pk=row.pk).delete()
        raise
    return _answered(row, response.result, response.timeout)


def _write(
    sender: Sender, session: PartnerSession, method: str, content: dict[str, Any]
) -> RemoteProfile:
    partner = session.partner
    if partner.state != PartnerState.REGISTERED or not partner.version:
        raise DomainError("roaming.partner_away", f"{partner} is not connected.")
    if partner.version == OcpiVersion.V2_1_1:
        raise DomainError("roaming.not_in_version", "OCPI 2.1.1 has no charging profiles.")
    key = uuid.uuid4()
    ours = routes.address(
        sender.root_url, partner.version, "chargingprofiles", InterfaceRole.SENDER
    )
    party = {"country_code": session.country_code, "party_id": session.party_id}
    return RemoteProfile.objects.create(
        key=key,
        direction=Direction.OUT,
        partner=partner,
        method=method,
        session_id=session.object_id[:36],
        request=exact_loads(exact_dumps({**content, PARTY: party})),
        response_url=f"{ours}/{_RESULTS[method]}/{key}",
        asked_at=sender.now,
        deadline_at=sender.now + WAIT,
    )


_RESULTS = {"PUT": "profile", "GET": "active", "DELETE": "clear"}
RESULT_KINDS = {
    "profile": "ChargingProfileResult",
    "active": "ActiveChargingProfileResult",
    "clear": "ClearProfileResult",
}


@transaction.atomic
def _answered(row: RemoteProfile, response: str, timeout_s: int | None) -> RemoteProfile:
    row = RemoteProfile.objects.select_for_update(of=("self",)).get(pk=row.pk)
    now = utc_now()
    row.response, row.timeout_s = response, timeout_s
    if row.ended_at is None and response != ACCEPTED:
        row.ended_at, row.deadline_at = now, None
        row.result = "" if response else REJECTED
    elif row.ended_at is None and timeout_s:
        row.deadline_at = row.asked_at + min(timedelta(seconds=timeout_s), LONGEST_WAIT) + MARGIN
    row.save()
    return row


# --- results ---


@transaction.atomic
def profile_result_receive(
    *,
    partner: Partner,
    key: uuid.UUID,
    result: str,
    profile: dict[str, Any] | None,
    now: datetime,
) -> bool:
    """Write the result of an order of ours; False when this partner was given none by that key.

    Only the first one counts.
    """
    row = (
        RemoteProfile.objects.select_for_update(of=("self",))
        .filter(direction=Direction.OUT, partner=partner, key=key)
        .first()
    )
    if row is None:
        return False
    if row.ended_at is not None:
        logger.info("late result ignored profile=%s result=%s had=%s", row.pk, result, row.result)
        return True
    row.result, row.profile, row.ended_at = result, profile, now
    row.save(update_fields=["result", "profile", "ended_at"])
    return True


def active_profile_told(
    *, partner: Partner, session_id: str, profile: dict[str, Any], now: datetime
) -> bool:
    """A partner says that the active profile of a session changed (§14.2.2, PUT).

    Kept with the last profile that we set for it; False when we never set one there.
    """
    row = (
        RemoteProfile.objects.filter(
            direction=Direction.OUT, partner=partner, method="PUT", session_id__iexact=session_id
        )
        .order_by("-pk")
        .first()
    )
    if row is None:
        return False
    RemoteProfile.objects.filter(pk=row.pk).update(profile=profile)
    return True


def profiles_out_sweep(*, now: datetime) -> int:
    """End orders whose result did not come in time; how many."""
    return RemoteProfile.objects.filter(
        direction=Direction.OUT, ended_at__isnull=True, deadline_at__lte=now
    ).update(result=REJECTED, ended_at=now)
