"""Tokens: the operator's own list, and the decision whether a token may charge."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypedDict, Unpack

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Value
from django.db.models.functions import Upper

from apps.chargers.choices import AuthorizationStatus, SessionState, TokenStatus, TokenType
from apps.chargers.events import TokenChanged
from apps.chargers.models import IdToken, Session, TokenGroup
from apps.chargers.ports import TokenDecision, TokenQuestion
from apps.chargers.services.token_authorizers import authorizers_ask
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError
from cariflex.common.events import publish

DE_AUTHORIZED = "DeAuthorized"
ACCEPTED = TokenDecision(AuthorizationStatus.ACCEPTED)


def token_register(
    *,
    id_token: str,
    token_type: str = TokenType.ISO14443,
    status: str = TokenStatus.ACCEPTED,
    expires_at: datetime | None = None,
    note: str = "",
    group: TokenGroup | None = None,
    valid_from: datetime | None = None,
    charging_priority: int = 0,
    is_in_local_lists: bool = True,
) -> IdToken:
    """Add a token to the operator's list, or change the one that is the same but for case."""
    id_token = token_text(id_token, token_type)
    values: dict[str, Any] = {
        "type": token_type, "status": status, "expires_at": expires_at, "note": note,
        "group": group, "valid_from": valid_from, "charging_priority": charging_priority,
        "is_in_local_lists": is_in_local_lists,
    }  # fmt: skip
    token_rules_check(IdToken(**values))
    token, created = IdToken.objects.get_or_create(
        id_token__iexact=id_token, defaults={"id_token": id_token, **values}
    )
    if not created:
        IdToken.objects.filter(pk=token.pk).update(**values)
        token.refresh_from_db()
    publish(TokenChanged(current_schema(), token.pk))
    return token


class TokenFields(TypedDict, total=False):
    """What may be said of a token beside its text."""

    type: str
    status: str
    expires_at: datetime | None
    note: str
    group: TokenGroup | None
    valid_from: datetime | None
    charging_priority: int
    is_in_local_lists: bool


def token_add(*, id_token: str, **fields: Unpack[TokenFields]) -> IdToken:
    """Add a token to the operator's list; DomainError `chargers.token_exists` when it is there."""
    token = IdToken(**fields)
    token.id_token = token_text(id_token, token.type)
    token_rules_check(token)
    _token_save(token)
    return token


@transaction.atomic
def token_update(*, token_id: int, **fields: Unpack[TokenFields]) -> IdToken:
    """Change what is said of a token; what is not given stays. Its text is what it is."""
    token = IdToken.objects.select_for_update().filter(pk=token_id).first()
    if token is None:
        raise _token_unknown()
    for name, value in fields.items():
        setattr(token, name, value)
    token.id_token = token_text(token.id_token, token.type)
    token_rules_check(token)
    _token_save(token)
    return token


def token_remove(*, token_id: int) -> None:
    """Take a token off the operator's list; its sessions keep what they were charged with."""
    removed, _each = IdToken.objects.filter(pk=token_id).delete()
    if not removed:
        raise _token_unknown()
    publish(TokenChanged(current_schema(), token_id))


def token_text(id_token: str, token_type: str) -> str:
    """A token as the list has it; DomainError for what no station could send."""
    id_token = id_token.strip()
    if not 0 < len(id_token) <= 36 or not id_token.isprintable():
        raise DomainError(
            "chargers.token_invalid", "A token has 1 to 36 printable characters.", field="id_token"
        )
    return _without_hyphens(id_token) if token_type == TokenType.EMAID else id_token


def token_rules_check(token: IdToken) -> None:
    """DomainError for a priority that OCPP does not have, or a token that is never valid."""
    if not -9 <= token.charging_priority <= 9:
        raise DomainError(
            "chargers.token_priority_invalid",
            "A charging priority is between -9 and 9.",
            field="charging_priority",
        )
    if token.valid_from and token.expires_at and token.expires_at <= token.valid_from:
        raise DomainError(
            "chargers.token_never_valid",
            "The token would expire before it is valid.",
            field="expires_at",
        )


def _token_save(token: IdToken) -> None:
    try:
        with transaction.atomic():
            token.save()
    except IntegrityError as err:
        raise DomainError(
            "chargers.token_exists", "There is such a token already.", field="id_token"
        ) from err
    publish(TokenChanged(current_schema(), token.pk))


def _token_unknown() -> DomainError:
    return DomainError("chargers.token_unknown", "There is no such token.")


def token_authorize(question: TokenQuestion) -> TokenDecision:
    """The first answer of: the operator's own list, then each registered authorizer."""
    return tokens_authorize([question])[0]


def tokens_authorize(questions: Sequence[TokenQuestion]) -> list[TokenDecision]:
    """The decision on each question; the own list is read once for all of them (C01 to C09)."""
    decisions: dict[int, TokenDecision] = {}
    own = _own_tokens(questions)
    busy = _charging_since(own.values())
    for one, question in enumerate(questions):
        if question.token_type == TokenType.NO_AUTHORIZATION:
            # C02: the station is set to charge without asking; it only tells.
            decisions[one] = ACCEPTED
            continue
        token = next((own[name] for name in _names(question) if name in own), None)
        if token is not None:
            decisions[one] = _decision(token, question, busy)
    others = [one for one in range(len(questions)) if one not in decisions]
    asked = authorizers_ask([questions[one] for one in others]) if others else []
    for one, result in zip(others, asked, strict=True):
        decision = result.decision
        if decision is None and result.is_incomplete:
            decision = _while_offline(questions[one])
        decisions[one] = decision or TokenDecision(AuthorizationStatus.UNKNOWN)
    return [decisions[one] for one in range(len(questions))]


def status_now(token: IdToken, now: datetime) -> AuthorizationStatus:
    """What a token of the own list may at an instant, wherever it is shown."""
    if token.expires_at is not None and token.expires_at <= now:
        return AuthorizationStatus.EXPIRED
    if (
        token.status == TokenStatus.ACCEPTED
        and token.valid_from is not None
        and token.valid_from > now
    ):
        return AuthorizationStatus.NOT_AT_THIS_TIME
    return AuthorizationStatus(token.status)


def decision_of(token: IdToken, status: AuthorizationStatus) -> TokenDecision:
    """The answer for a token of the own list, with all that stations are told of it."""
    return TokenDecision(
        status,
        token.expires_at,
        group_id="" if token.group is None else token.group.group_id,
        charging_priority=token.charging_priority,
    )


def _decision(
    token: IdToken, question: TokenQuestion, busy: dict[str, list[tuple[str, datetime]]]
) -> TokenDecision:
    status = status_now(token, question.now)
    since = question.since or question.now
    if status == AuthorizationStatus.ACCEPTED and any(
        # Of two sessions, the one that began first goes on.
        station_id != question.station_id and started_at < since
        for station_id, started_at in busy.get(token.id_token.upper(), ())
    ):
        status = AuthorizationStatus.CONCURRENT_TX
    return decision_of(token, status)


def _own_tokens(questions: Iterable[TokenQuestion]) -> dict[str, IdToken]:
    """The operator's tokens that are asked for, by their upper case."""
    names = sorted({name for question in questions for name in _names(question)})
    if not names:
        return {}
    tokens = (
        IdToken.objects.select_related("group")
        .annotate(upper=Upper("id_token"))
        # The database's own upper case, which its unique index is made of.
        .filter(upper__in=[Upper(Value(name)) for name in names])
    )
    return {token.id_token.upper(): token for token in tokens}


def _names(question: TokenQuestion) -> tuple[str, ...]:
    """What the token may be listed as; the hyphens of a contract's id mean nothing."""
    shown = question.id_token.upper()
    if not shown or question.token_type == TokenType.NO_AUTHORIZATION:
        return ()
    if question.token_type == TokenType.EMAID:
        return tuple(dict.fromkeys((shown, _without_hyphens(shown))))
    return (shown,)


def _without_hyphens(contract: str) -> str:
    """An eMAID without its optional separators (ISO 15118-2 annex H)."""
    return contract.replace("-", "")


def _charging_since(tokens: Iterable[IdToken]) -> dict[str, list[tuple[str, datetime]]]:
    """Where tokens that may charge once at a time are charging, and since when."""
    names = [
        token.id_token.upper()
        for token in tokens
        if token.group is not None and token.group.is_one_at_a_time
    ]
    if not names:
        return {}
    charging: dict[str, list[tuple[str, datetime]]] = {}
    sessions = Session.objects.annotate(upper=Upper("id_token")).filter(
        state=SessionState.ACTIVE, upper__in=[Upper(Value(name)) for name in names]
    )
    for id_token, station_id, started_at in sessions.values_list(
        "id_token", "station__station_id", "started_at"
    ):
        charging.setdefault(id_token.upper(), []).append((station_id, started_at))
    return charging


def _while_offline(question: TokenQuestion) -> TokenDecision | None:
    """The decision on a token while who could know it does not answer.

    With the policy "known", it may charge when its last session at this operator gave energy and
    was not ended for want of authorization.
    """
    if settings.AUTHORIZATION_OFFLINE_POLICY != "known":
        return None
    last = (
        Session.objects.filter(
            id_token__iexact=question.id_token,
            id_token_type=question.token_type,
            state=SessionState.ENDED,
        )
        .order_by("-ended_at")
        .values_list("energy_kwh", "stopped_reason")
        .first()
    )
    if last is None or last[0] <= 0 or last[1] == DE_AUTHORIZED:
        return None
    return ACCEPTED
