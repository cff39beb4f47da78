"""Our locations, to be fetched: lists, and one location, EVSE or connector (2.2.1 §8.2.1)."""

from typing import Any

from apps.ocpi.choices import InterfaceRole, ObjectKind
from apps.ocpi.selectors.audience import may_see
from apps.ocpi.selectors.published import published_one, published_text
from apps.ocpi.server.calls import Answer, Call, not_found
from apps.ocpi.server.published_lists import list_answer
from apps.ocpi.server.routes import serve
from cariflex.common.exact_json import exact_dumps, exact_loads

_MOST_SEGMENTS = 3


@serve("locations", InterfaceRole.SENDER, "GET")
def locations_get(call: Call) -> Answer:
    """A page of our locations, or `/{location_id}[/{evse_uid}[/{connector_id}]]`."""
    if not call.segments:
        return list_answer(call, ObjectKind.LOCATIONS)
    if len(call.segments) > _MOST_SEGMENTS or not may_see(call.partner, ObjectKind.LOCATIONS):
        raise not_found("There is no such location.")
    row = published_one(partner=call.partner, kind=ObjectKind.LOCATIONS, object_id=call.segments[0])
    if row is None:
        raise not_found("There is no such location.")
    text = published_text(row, call.version)
    if len(call.segments) == 1:
        return Answer(data=text.encode())
    found: Any = exact_loads(text)
    for names, wanted in zip(
        (("evses", "uid"), ("connectors", "id")), call.segments[1:], strict=False
    ):
        found = _part(found.get(names[0]) or (), names[1], wanted)
    return Answer(data=exact_dumps(found).encode())


def _part(parts: Any, name: str, wanted: str) -> Any:
    for part in parts:
        if part[name].upper() == wanted.upper():
            return part
    raise not_found("There is no such EVSE or connector.")
