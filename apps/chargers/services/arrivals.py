"""What stations tell of their sessions, and what is answered."""

from collections.abc import Sequence

from apps.chargers.ports import TokenDecision, TokenQuestion
from apps.chargers.services.sessions import Arrival, session_events_apply
from apps.chargers.services.tokens import tokens_authorize


def events_apply(arrivals: Sequence[tuple[Arrival, str]]) -> list[TokenDecision | None]:
    """Store events (each with its station's identity); what each one's token may, if it has one.

    The events are stored first, all or none: no row of a session is locked while tokens are
    decided on.
    """
    sessions = session_events_apply([arrival for arrival, _station_id in arrivals])
    questions = {
        one: TokenQuestion(
            arrival.event.id_token,
            arrival.event.id_token_type,
            station_id,
            arrival.at,
            since=session.started_at,
        )
        for one, ((arrival, station_id), session) in enumerate(zip(arrivals, sessions, strict=True))
        if arrival.event.id_token_type
    }
    if not questions:
        return [None] * len(arrivals)
    decided = dict(zip(questions, tokens_authorize(list(questions.values())), strict=True))
    return [decided.get(one) for one in range(len(arrivals))]
