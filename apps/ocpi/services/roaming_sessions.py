"""What a partner's customer brings to a session at our stations, and so who pays for it."""

import logging
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Upper

from apps.billing.choices import AuthMethod
from apps.billing.ports import Payer
from apps.chargers.choices import SessionState
from apps.chargers.models import IdToken, Session
from apps.ocpi.choices import AllowedType, AskOutcome, Direction, PartnerState
from apps.ocpi.models import Partner, RoamingSession, TokenAsk
from apps.ocpi.selectors.partner_tokens import cdr_token, tokens_shown
from apps.ocpi.selectors.remote_commands import command_of_session

logger = logging.getLogger(__name__)

# A card is held up, then the cable is plugged in; a station that was alone tells late.
_ASKED_BEFORE = timedelta(hours=1)
# What the sweep looks at: sessions that moved since its last turns.
_MOVED = timedelta(minutes=10)
_CDR_TOKEN = ("country_code", "party_id", "uid", "type", "contract_id")


@transaction.atomic
def roaming_session_begin(
    session_id: int,
    partner: Partner,
    token: Mapping[str, Any],
    auth_method: str,
    authorization_reference: str = "",
) -> RoamingSession:
    """A session is of a partner's customer; safe to repeat.

    `token` is a Token or CdrToken of 2.3.0. What is told last counts (2.2.1 §10.3.1: the last
    auth_method and authorization_reference); a reference is never replaced by none.
    """
    content = {name: token[name] for name in _CDR_TOKEN if token.get(name) is not None}
    roaming, created = RoamingSession.objects.select_for_update().get_or_create(
        session_id=session_id,
        defaults={
            "partner": partner,
            "token": content,
            "auth_method": auth_method,
            "authorization_reference": authorization_reference,
        },
    )
    if created:
        logger.info("roaming session began session=%s partner=%s", session_id, partner.code)
        return roaming
    roaming.partner, roaming.token, roaming.auth_method = partner, content, auth_method
    roaming.authorization_reference = authorization_reference or roaming.authorization_reference
    roaming.save(update_fields=["partner", "token", "auth_method", "authorization_reference"])
    return roaming


def roaming_session_find(session_id: int) -> RoamingSession | None:
    """The partner's side of a session: as it is written down, or found and written down now.

    None when its token is ours or nobody's, or is not known yet. Safe to repeat. One query where
    there are no partners, or it is written down.
    """
    session = (
        Session.objects.select_related("station", "roaming__partner")
        .annotate(
            is_ours=Exists(_own_tokens()),
            has_partners=Exists(Partner.objects.filter(state=PartnerState.REGISTERED)),
        )
        .filter(pk=session_id)
        .first()
    )
    if session is None:
        return None
    known: RoamingSession | None = getattr(session, "roaming", None)
    if known is not None:
        return known
    if not session.has_partners:
        return None
    command = command_of_session(session)
    if command is not None:
        return roaming_session_begin(
            session_id, command.partner, command.request.get("token") or {}, AuthMethod.COMMAND,
            command.authorization_reference,
        )  # fmt: skip
    return None if session.is_ours or not session.id_token else _by_token(session)


def roaming_sessions_sweep(*, now: datetime) -> list[int]:
    """Find the partners of running sessions whose token came late or whose news was lost."""
    open_sessions = Session.objects.filter(
        state=SessionState.ACTIVE, roaming__isnull=True, updated_at__gt=now - _MOVED
    ).exclude(id_token="")
    if not Partner.objects.filter(state=PartnerState.REGISTERED).exists():
        return []
    keys = (
        open_sessions.filter(~Exists(_own_tokens()))
        .order_by("pk")
        .values_list("pk", flat=True)[:1000]
    )
    return [key for key in keys if roaming_session_find(key) is not None]


class RoamingPayers:
    """Fills `billing.ports.SessionPayers`: partners pay for their customers."""

    def settle(self, session_id: int) -> Payer | None:
        """Who pays for a session that ended; written down when it was not."""
        roaming = roaming_session_find(session_id)
        if roaming is None:
            return None
        return Payer(roaming.partner.account_id, roaming.auth_method)

    def payers_of(self, session_ids: Collection[int]) -> Mapping[int, Payer]:
        """The accounts of the partners, by session. One query."""
        rows = RoamingSession.objects.filter(session__in=session_ids).values_list(
            "session_id", "partner__account_id", "auth_method"
        )
        return {session: Payer(account, method) for session, account, method in rows}

    def account_of_token(self, id_token: str) -> int | None:
        """The account of the partner whose token that is, the likeliest where there are several.

        Nothing is asked over the network and nothing written: it is for a price that is shown.
        """
        tokens = (token for token in tokens_shown(id_token, "") if token.is_valid)
        token = next(tokens, None)
        return token.partner.account_id if token is not None else None


def _own_tokens() -> QuerySet[IdToken]:
    """Our own tokens like that of the session around it."""
    return IdToken.objects.annotate(capitals=Upper("id_token")).filter(
        capitals=Upper(OuterRef("id_token"))
    )


def _by_token(session: Session) -> RoamingSession | None:
    ask = _asked(session)
    tokens = tokens_shown(session.id_token, session.id_token_type)
    if ask is not None:
        tokens = [token for token in tokens if token.partner_id == ask.partner_id]
    tokens = [token for token in tokens if token.is_valid or ask is not None]
    if not tokens:
        return None
    token = tokens[0]
    was_asked = ask is not None and ask.outcome == AskOutcome.ANSWERED
    return roaming_session_begin(
        session.pk,
        token.partner,
        cdr_token(token),
        AuthMethod.AUTH_REQUEST if was_asked else AuthMethod.WHITELIST,
        ask.authorization_reference if ask is not None else "",
    )


def _asked(session: Session) -> TokenAsk | None:
    """The last yes of a provider to this token at this station."""
    asks = TokenAsk.objects.filter(
        uid__in={session.id_token[:36], session.id_token[:36].upper()},
        at__gte=session.started_at - _ASKED_BEFORE,
        direction=Direction.OUT,
        allowed=AllowedType.ALLOWED,
        location_id=session.station.station_id[:36],
    )
    if session.ended_at is not None:
        asks = asks.filter(at__lte=session.ended_at)
    return asks.order_by("-at").first()
