"""Which function serves which action of a station, by OCPP version."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.chargers.ocpp.frames import Frame
from apps.chargers.ocpp.versions import OcppVersion

if TYPE_CHECKING:
    from apps.chargers.csms.native.link import StationLink

Serve = Callable[["StationLink", Frame], Awaitable[dict[str, Any]]]
V2 = (OcppVersion.V201, OcppVersion.V21)
ALL = tuple(OcppVersion)


@dataclass(frozen=True, slots=True)
class Handler:
    """Serves one action: takes a checked frame, gives the payload of the answer."""

    serve: Serve
    before_acceptance: bool = False
    """True for what a station may send before its boot was accepted."""
    while_pending: bool = False
    """True for what a pending station sends because we asked it to (B02)."""


_handlers: dict[tuple[OcppVersion, str], Handler] = {}


def handles(
    action: str,
    *versions: OcppVersion,
    before_acceptance: bool = False,
    while_pending: bool = False,
) -> Callable[[Serve], Serve]:
    """Serve `action` of these versions (2.0.1 and 2.1 when none is named) with a function."""

    def register(serve: Serve) -> Serve:
        for version in versions or V2:
            _handlers[version, action] = Handler(serve, before_acceptance, while_pending)
        return serve

    return register


def handler_of(version: OcppVersion, action: str) -> Handler | None:
    """The handler of an action; None when we do not serve it."""
    return _handlers.get((version, action))


def actions_served(version: OcppVersion) -> frozenset[str]:
    """Every action of a version that a station may send to us."""
    return frozenset(action for known, action in _handlers if known is version)
