"""Tokens of our customers, to be fetched (2.2.1 §12.2.2). Authorize is beside it."""

from apps.ocpi.choices import InterfaceRole, ObjectKind
from apps.ocpi.server.calls import Answer, Call
from apps.ocpi.server.published_lists import list_answer
from apps.ocpi.server.routes import serve


@serve("tokens", InterfaceRole.SENDER, "GET")
def tokens_get(call: Call) -> Answer:
    """A page of our tokens."""
    return list_answer(call, ObjectKind.TOKENS)
