"""Our side of OCPI: what partners call. Modules register handlers with `routes.serve`."""

from apps.ocpi.server import ownership, paging, routes
from apps.ocpi.server.calls import ALL, Answer, Call, OcpiError, PartyRef, not_allowed, not_found

__all__ = [
    "ALL",
    "Answer",
    "Call",
    "OcpiError",
    "PartyRef",
    "not_allowed",
    "not_found",
    "ownership",
    "paging",
    "routes",
]
