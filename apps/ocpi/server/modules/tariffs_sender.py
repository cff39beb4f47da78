"""Our tariffs, to be fetched (2.2.1 §11.2.1)."""

from apps.ocpi.choices import InterfaceRole, ObjectKind
from apps.ocpi.server.calls import Answer, Call
from apps.ocpi.server.published_lists import list_answer
from apps.ocpi.server.routes import serve


@serve("tariffs", InterfaceRole.SENDER, "GET")
def tariffs_get(call: Call) -> Answer:
    """A page of our tariffs."""
    return list_answer(call, ObjectKind.TARIFFS)
