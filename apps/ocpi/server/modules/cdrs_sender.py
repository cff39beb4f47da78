"""CDRs of partners' customers, to be fetched by the partner (2.2.1 §10.2.1)."""

from apps.ocpi.choices import InterfaceRole, ObjectKind
from apps.ocpi.server.calls import Answer, Call
from apps.ocpi.server.published_lists import list_answer
from apps.ocpi.server.routes import serve


@serve("cdrs", InterfaceRole.SENDER, "GET")
def cdrs_get(call: Call) -> Answer:
    """A page of the partner's CDRs."""
    return list_answer(call, ObjectKind.CDRS)
