"""Tokens: the operator's own list, and the decision whether a token may charge."""

from datetime import datetime

from apps.chargers.choices import AuthorizationStatus, TokenStatus, TokenType
from apps.chargers.models import IdToken
from apps.chargers.ports import TokenDecision, TokenQuestion, token_authorizers
from cariflex.common.errors import DomainError


def token_register(
    *,
    id_token: str,
    token_type: str = TokenType.ISO14443,
    status: str = TokenStatus.ACCEPTED,
    expires_at: datetime | None = None,
    note: str = "",
) -> IdToken:
    """Add a token to the operator's list, or change the one that is the same but for case."""
    id_token = id_token.strip()
    if not 0 < len(id_token) <= 36 or not id_token.isprintable():
        raise DomainError(
            "chargers.token_invalid", "A token has 1 to 36 printable characters.", field="id_token"
        )
    values = {"type": token_type, "status": status, "expires_at": expires_at, "note": note}
    token, created = IdToken.objects.get_or_create(
        id_token__iexact=id_token, defaults={"id_token": id_token, **values}
    )
    if not created:
        IdToken.objects.filter(pk=token.pk).update(**values)
        token.refresh_from_db()
    return token


def token_authorize(question: TokenQuestion) -> TokenDecision:
    """The first answer of: the operator's own list, then each registered authorizer."""
    if question.token_type == TokenType.NO_AUTHORIZATION:
        # C02: the station is set to charge without asking; it only tells.
        return TokenDecision(AuthorizationStatus.ACCEPTED)
    for authorizer in (LocalTokens(), *token_authorizers()):
        decision = authorizer.authorize(question)
        if decision is not None:
            return decision
    return TokenDecision(AuthorizationStatus.UNKNOWN)


class LocalTokens:
    """The operator's own IdToken table."""

    def authorize(self, question: TokenQuestion) -> TokenDecision | None:
        """The stored status; Expired once its time is over; None for a token not in the list."""
        token = IdToken.objects.filter(id_token__iexact=question.id_token).first()
        if token is None:
            return None
        if token.expires_at is not None and token.expires_at <= question.now:
            return TokenDecision(AuthorizationStatus.EXPIRED, token.expires_at)
        return TokenDecision(AuthorizationStatus(token.status), token.expires_at)
