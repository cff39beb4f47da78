"""What stations tell of their sessions, and what is answered: stored and decided together."""

from collections.abc import Sequence

from django.db import transaction

from apps.chargers.ports import TokenDecision, TokenQuestion
from apps.chargers.services.sessions import Arrival, session_events_apply
from apps.chargers.services.tokens import token_authorize


@transaction.atomic
def events_apply(arrivals: Sequence[tuple[Arrival, str]]) -> list[TokenDecision | None]:
    """Store events (each with its station's identity); what each one's token may, if it has one."""
    session_events_apply([arrival for arrival, _station_id in arrivals])
    return [
        token_authorize(
            TokenQuestion(
                arrival.event.id_token, arrival.event.id_token_type, station_id, arrival.at
            )
        )
        if arrival.event.id_token_type
        else None
        for arrival, station_id in arrivals
    ]
