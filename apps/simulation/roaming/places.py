"""Which addresses the partners have, and the methods of each (OCPI 2.2.1 §6 to §13)."""

from collections.abc import Mapping
from dataclasses import dataclass

from apps.simulation.roaming.link import VERSION

SENDER, RECEIVER = "SENDER", "RECEIVER"
Methods = tuple[str, ...]
_GET: Methods = ("GET",)
_POST: Methods = ("POST",)
_PUSHED: Methods = ("GET", "PUT", "PATCH")

_AS_SENDER: Mapping[str, Mapping[int, Methods]] = {
    # A location, one of its EVSEs, one of its connectors.
    "locations": {0: _GET, 1: _GET, 2: _GET, 3: _GET},
    "sessions": {0: _GET},
    "cdrs": {0: _GET},
    "tariffs": {0: _GET},
    # <uid>/authorize
    "tokens": {0: _GET, 2: _POST},
    # Results come to <kind>/<key>, as `response_url` says.
    "commands": {2: _POST},
}
"""By module and number of segments below its address."""
_AS_RECEIVER: Mapping[str, Mapping[int, Methods]] = {
    "locations": {3: _PUSHED, 4: _PUSHED, 5: _PUSHED},
    "sessions": {3: _PUSHED},
    "cdrs": {0: _POST, 1: _GET},
    "tariffs": {3: ("GET", "PUT", "DELETE")},
    "tokens": {3: _PUSHED},
    "commands": {1: _POST},
}
_OBJECTS = ("locations", "sessions", "cdrs", "tariffs")
SERVED: dict[str, tuple[tuple[str, str], ...]] = {
    "emsp": (
        *((module, RECEIVER) for module in _OBJECTS), ("tokens", SENDER), ("commands", SENDER),
    ),
    "cpo": (
        *((module, SENDER) for module in _OBJECTS), ("tokens", RECEIVER), ("commands", RECEIVER),
    ),
}  # fmt: skip
"""Module and role of each interface, by the kind of partner."""


@dataclass(frozen=True)
class Place:
    """Where an address leads; `role` is empty for the configuration modules."""

    module: str
    methods: Methods
    role: str = ""
    path: tuple[str, ...] = ()

    @property
    def has_routing(self) -> bool:
        """Configuration modules have no routing headers (§4.1.8)."""
        return bool(self.role)

    @property
    def is_list(self) -> bool:
        """Whether it is a sender's list of objects."""
        return self.role == SENDER and not self.path


def place_of(kind: str, segments: list[str]) -> Place | None:
    """The place of an address below a partner's own; None when nothing is there."""
    if segments == ["versions"]:
        return Place("versions", _GET)
    if not segments or segments[0] != VERSION:
        return None
    rest = segments[1:]
    if not rest:
        return Place("version_details", _GET)
    if rest == ["credentials"]:
        # POST is for who is not registered (§7.2.2); the partners register by themselves.
        return Place("credentials", ("GET", "PUT", "DELETE"))
    if len(rest) == 1:
        return None
    role, module, path = rest[0].upper(), rest[1], tuple(rest[2:])
    if (module, role) not in SERVED[kind]:
        return None
    methods = (_AS_SENDER if role == SENDER else _AS_RECEIVER)[module].get(len(path))
    return None if methods is None else Place(module, methods, role, path)


def address(own_url: str, module: str, role: str) -> str:
    """The URL of an interface of a partner's."""
    return f"{own_url}/{VERSION}/{role.lower()}/{module}"
