"""May a partner's customer charge here? The provider is asked, or was trusted before (§12.2.2).

The whitelist of a token says which (2.2.1 §12.4.5): ALWAYS and ALLOWED are decided here,
ALLOWED_OFFLINE asks and lets charge when nobody answers, NEVER asks and refuses then. A token that
came with a command is not asked about for 15 minutes; those of apps never are (§13.3.4, §13.3.5).
"""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

from django.conf import settings
from django.db import close_old_connections

from apps.chargers.choices import AuthorizationStatus, SessionState, TokenType
from apps.chargers.ports import TokenDecision, TokenQuestion
from apps.ocpi.choices import (
    AllowedType,
    AskOutcome,
    Direction,
    InterfaceRole,
    PartnerState,
    PartyRole,
    WhitelistType,
)
from apps.ocpi.models import Partner, PartnerToken, RoamingSession, TokenAsk
from apps.ocpi.selectors.partner_tokens import RFID, tokens_shown
from apps.ocpi.selectors.remote_commands import recent
from apps.ocpi.services.authorize_ask import Asked, Question, question_at, token_ask
from apps.tenants.context import current_schema, operator_context
from cariflex.common.errors import ExternalError

logger = logging.getLogger(__name__)

# What deciding takes beside the waiting, within the station's budget.
_OWN_SHARE_S = 0.2
_MOST_PARTNERS = 10
_LONGEST_UID = 36
_REMEMBERED_FOR = timedelta(hours=24)
_ASKED_FOR = timedelta(minutes=1)
# Rates are reported by the year.
_KEPT_FOR = timedelta(days=400)
_NEVER_ASKED = frozenset({"APP_USER", "AD_HOC_USER"})
_ROAMING = {
    TokenType.ISO14443: RFID,
    TokenType.ISO15693: RFID,
    TokenType.EMAID: "EMAID",
}
STATUSES = {
    AllowedType.ALLOWED: AuthorizationStatus.ACCEPTED,
    AllowedType.BLOCKED: AuthorizationStatus.BLOCKED,
    AllowedType.EXPIRED: AuthorizationStatus.EXPIRED,
    AllowedType.NO_CREDIT: AuthorizationStatus.NO_CREDIT,
    AllowedType.NOT_ALLOWED: AuthorizationStatus.NOT_AT_THIS_LOCATION,
}
# Threads of our own: a partner that hangs holds these back and no station's thread.
_pool = ThreadPoolExecutor(32, thread_name_prefix="ocpi-tokens")


class PartnerAuthorizer:
    """Fills `chargers.ports.TokenAuthorizer` with the tokens of roaming partners."""

    def authorize(self, question: TokenQuestion) -> TokenDecision | None:
        """The decision on a partner's token; None for a token of nobody.

        Raises ExternalError when only partners that did not answer could know it.
        """
        command = recent(question.id_token, question.station_id[:36], "", question.now)
        if command is not None:
            _remember(
                command.partner, question, command.token_uid, "",
                AllowedType.ALLOWED, command.authorization_reference,
            )  # fmt: skip
            return TokenDecision(AuthorizationStatus.ACCEPTED, question.now + _ASKED_FOR)
        tokens = tokens_shown(question.id_token, question.token_type)
        if question.since is not None and _is_charging(question):
            return TokenDecision(AuthorizationStatus.ACCEPTED, question.now + _ASKED_FOR)
        if tokens:
            return _decide(tokens[0], question)
        return _ask_everybody(question)


def token_asks_prune(*, now: datetime) -> int:
    """Forget questions that no report is made of any more, of both directions; how many."""
    return TokenAsk.objects.filter(at__lt=now - _KEPT_FOR).delete()[0]


def _decide(token: PartnerToken, question: TokenQuestion) -> TokenDecision:
    """By the whitelist of a known token."""
    is_asked = token.whitelist in (WhitelistType.NEVER, WhitelistType.ALLOWED_OFFLINE)
    if token.type in _NEVER_ASKED or not is_asked or not _may_be_valid(token):
        may = token.is_valid and token.whitelist != WhitelistType.NEVER
        allowed = AllowedType.ALLOWED if may else AllowedType.BLOCKED
        _remember(token.partner, question, token.object_id, token.type, allowed, "")
        status = AuthorizationStatus.ACCEPTED if may else AuthorizationStatus.INVALID
        return _decision(status, token, question, _REMEMBERED_FOR)
    asked = _asked_of([token.partner], question, token)[0]
    if asked.outcome == AskOutcome.ANSWERED:
        return _answered(asked, token, question)
    may = token.is_valid and token.whitelist == WhitelistType.ALLOWED_OFFLINE
    _keep(asked, question, AllowedType.ALLOWED if may else "")
    # Not None: the offline policy of the operator must not let a token in that is to be asked.
    status = AuthorizationStatus.ACCEPTED if may else AuthorizationStatus.UNKNOWN
    return _decision(status, token, question, _ASKED_FOR)


def _may_be_valid(token: PartnerToken) -> bool:
    """NEVER: only the provider knows; what was said of it before is not trusted either."""
    return token.is_valid or token.whitelist == WhitelistType.NEVER


def _ask_everybody(question: TokenQuestion) -> TokenDecision | None:
    """Nobody told us of the token: whoever it could be of is asked, all at once."""
    if question.token_type not in _ROAMING or len(question.id_token) > _LONGEST_UID:
        return None
    partners = list(
        Partner.objects.filter(
            state=PartnerState.REGISTERED,
            role__in=(PartyRole.EMSP, PartyRole.HUB),
            endpoints__identifier="tokens",
            endpoints__role=InterfaceRole.SENDER,
        ).order_by("pk")[:_MOST_PARTNERS]
    )
    if not partners:
        return None
    asks = _asked_of(partners, question, None)
    known = [one for one in asks if one.allowed]
    known.sort(key=lambda one: one.allowed != AllowedType.ALLOWED)
    for asked in asks:
        if asked not in known[:1]:
            _keep(asked, question, asked.allowed)
    if known:
        return _answered(known[0], None, question)
    silent = [one for one in asks if one.outcome != AskOutcome.ANSWERED]
    if silent:
        names = ", ".join(one.partner.code for one in silent)
        raise ExternalError("OCPI", f"no answer about a token from {names}", retryable=True)
    return None


def _asked_of(
    partners: Sequence[Partner], question: TokenQuestion, token: PartnerToken | None
) -> list[Asked]:
    """Ask partners at once; each has its own time, and all have the station's."""
    asking = question_at(
        question.station_id,
        token.object_id if token is not None else question.id_token[:36],
        token.type if token is not None else _ROAMING[TokenType(question.token_type)],
        token,
    )
    most_s = settings.AUTHORIZATION_BUDGET_S - _OWN_SHARE_S
    started = time.monotonic()
    schema_name = current_schema()
    futures: list[Future[Asked]] = []
    for partner in partners:
        timeout_s = min(partner.authorize_timeout_s, most_s)
        futures.append(_pool.submit(_ask_in, schema_name, partner, asking, timeout_s))
    wait(futures, timeout=max(min(one.authorize_timeout_s, most_s) for one in partners))
    elapsed_ms = (time.monotonic() - started) * 1000
    asks = []
    for partner, future in zip(partners, futures, strict=True):
        if future.cancel() or not future.done():
            asks.append(Asked(partner, asking, AskOutcome.SLOW, elapsed_ms))
        else:
            asks.append(future.result())
    return asks


def _ask_in(schema_name: str, partner: Partner, asking: Question, timeout_s: float) -> Asked:
    close_old_connections()
    try:
        with operator_context(schema_name):
            return token_ask(partner, asking, timeout_s=timeout_s)
    finally:
        close_old_connections()


def _answered(asked: Asked, token: PartnerToken | None, question: TokenQuestion) -> TokenDecision:
    _keep(asked, question, asked.allowed)
    status = STATUSES[AllowedType(asked.allowed)] if asked.allowed else AuthorizationStatus.UNKNOWN
    told = asked.token or {}
    return TokenDecision(
        status,
        question.now + _ASKED_FOR,
        group_id=told.get("group_id") or (token.group_id if token is not None else ""),
        language=asked.language or told.get("language") or "",
        personal_message=asked.message,
    )


def _decision(
    status: AuthorizationStatus, token: PartnerToken, question: TokenQuestion, kept: timedelta
) -> TokenDecision:
    return TokenDecision(
        status,
        question.now + kept,
        group_id=token.group_id,
        language=token.content.get("language") or "",
    )


def _is_charging(question: TokenQuestion) -> bool:
    """Whether the token is shown to a roaming session of its own, which it may end."""
    return RoamingSession.objects.filter(
        session__state=SessionState.ACTIVE,
        session__station__station_id=question.station_id,
        session__id_token__iexact=question.id_token,
    ).exists()


def _remember(
    partner: Partner, question: TokenQuestion, uid: str, kind: str, allowed: str, reference: str
) -> None:
    """Write down a decision that nobody was asked for."""
    asking = Question(question.station_id[:36], "", uid or question.id_token[:36], kind, None)
    asked = Asked(partner, asking, AskOutcome.REMEMBERED, 0.0, reference=reference)
    _keep(asked, question, allowed)


def _keep(asked: Asked, question: TokenQuestion, allowed: str) -> None:
    TokenAsk.objects.create(
        direction=Direction.OUT,
        partner=asked.partner,
        at=question.now,
        # As the station shows it: its session is found by it.
        uid=question.id_token[:36],
        type=asked.question.type,
        location_id=asked.question.location_id,
        evse_uid=asked.question.evse_uid,
        outcome=asked.outcome,
        allowed=allowed,
        authorization_reference=asked.reference,
        latency_ms=asked.latency_ms,
    )
    logger.info(
        "token asked partner=%s outcome=%s allowed=%s ms=%d",
        asked.partner.code, asked.outcome, allowed, asked.latency_ms,
    )  # fmt: skip
