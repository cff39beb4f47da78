"""A partner's station asks whether a customer of ours may charge there (eMSP, 2.2.1 §12.2.2)."""

import logging
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from apps.chargers.choices import AuthorizationStatus
from apps.chargers.models import IdToken
from apps.chargers.services.tokens import status_now
from apps.ocpi.choices import AllowedType, AskOutcome, Direction, ObjectKind
from apps.ocpi.models import Partner, PartnerLocation, Published, TokenAsk
from apps.ocpi.objects.fields import date_time_text
from apps.ocpi.selectors.audience import owner_of
from apps.ocpi.selectors.tokens_out import ROAMING_TYPES, token_content
from cariflex.common.errors import DomainError
from cariflex.common.ids import new_id

logger = logging.getLogger(__name__)

UNKNOWN_TOKEN = "ocpi.token_unknown"  # noqa: S105 - the name of an error
_ALLOWED = {
    AuthorizationStatus.ACCEPTED: AllowedType.ALLOWED,
    AuthorizationStatus.BLOCKED: AllowedType.BLOCKED,
    AuthorizationStatus.INVALID: AllowedType.BLOCKED,
    AuthorizationStatus.EXPIRED: AllowedType.EXPIRED,
    AuthorizationStatus.NO_CREDIT: AllowedType.NO_CREDIT,
}


def token_answer(
    *,
    partner: Partner,
    uid: str,
    kind: str,
    place: Mapping[str, Any] | None,
    now: datetime,
    started: float,
) -> dict[str, Any]:
    """The AuthorizationInfo of 2.3.0 for a token of ours; `place` is a LocationReferences.

    `kind` empty: whatever its type. Only the token and what we know of the place count: whether
    the EVSE is free or open is for the station to say (§12.2.2.1). Places that we do not know are
    allowed as named. The answer is written down with its time since `started` (monotonic).
    DomainError `ocpi.token_unknown`.
    """
    party = owner_of(ObjectKind.TOKENS)
    token = (
        IdToken.objects.select_related("group")
        .filter(id_token__iexact=uid, type__in=ROAMING_TYPES)
        .first()
    )
    content = None if token is None or party is None else token_content(token, party, now=now)
    if token is None or content is None or kind not in ("", content["type"]):
        _keep(partner, uid, kind, place, "", "", now, started)
        raise DomainError(UNKNOWN_TOKEN, f"The token {uid} is not known here.")
    allowed = _ALLOWED.get(status_now(token, now), AllowedType.NOT_ALLOWED)
    content["last_updated"] = _last_updated(token, now)
    info: dict[str, Any] = {"allowed": allowed.value, "token": content}
    if place is not None and allowed == AllowedType.ALLOWED:
        within = _within(partner, place)
        if within is None:
            info["allowed"] = AllowedType.NOT_ALLOWED.value
        else:
            info["location"] = within
    if info["allowed"] == AllowedType.ALLOWED:
        info["authorization_reference"] = str(new_id())
    reference = info.get("authorization_reference", "")
    _keep(partner, uid, content["type"], place, info["allowed"], reference, now, started)
    return info


def _within(partner: Partner, place: Mapping[str, Any]) -> dict[str, Any] | None:
    """The place with its EVSEs that exist; None when none of those that were named does."""
    copy = PartnerLocation.objects.filter(
        partner=partner, object_id__iexact=place["location_id"]
    ).first()
    asked = place.get("evse_uids") or []
    if copy is None or not asked:
        return dict(place)
    known = {
        evse["uid"].upper()
        for evse in copy.content.get("evses") or ()
        if evse["status"] != "REMOVED"
    }
    left = [uid for uid in asked if uid.upper() in known]
    return {"location_id": place["location_id"], "evse_uids": left} if left else None


def _last_updated(token: IdToken, now: datetime) -> str:
    published = (
        Published.objects.filter(
            kind=ObjectKind.TOKENS, audience=None, object_id__iexact=token.id_token
        )
        .order_by()
        .values_list("last_updated", flat=True)
        .first()
    )
    return date_time_text(published or min(token.created_at, now))


def _keep(
    partner: Partner,
    uid: str,
    kind: str,
    place: Mapping[str, Any] | None,
    allowed: str,
    reference: str,
    now: datetime,
    started: float,
) -> None:
    evses = (place or {}).get("evse_uids") or []
    TokenAsk.objects.create(
        direction=Direction.IN,
        partner=partner,
        at=now,
        uid=uid[:36],
        type=kind[:12],
        location_id=(place or {}).get("location_id", ""),
        evse_uid=evses[0] if len(evses) == 1 else "",
        outcome=AskOutcome.ANSWERED,
        allowed=allowed,
        authorization_reference=reference,
        latency_ms=(time.monotonic() - started) * 1000,
    )
    logger.info("token answered partner=%s allowed=%s", partner.code, allowed)
