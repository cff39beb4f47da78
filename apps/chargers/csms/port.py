"""The port of a CSMS back-end: how an order gets to the station's socket.

What comes from a station enters through apps.chargers.services, whichever back-end carried it.
"""

from typing import Protocol


class Csms(Protocol):
    """Carries orders; the order's row says what to send and receives the answer.

    Called in the operator's context.
    """

    def command_deliver(self, *, schema_name: str, station_pk: int, command_id: int) -> None:
        """Wake whoever holds the station's socket; raises nothing when nobody does."""

    def connection_end(self, *, schema_name: str, station_pk: int) -> None:
        """Close the station's socket, if it is open; the station will connect again."""


_back_ends: dict[str, Csms] = {}
NATIVE = "native"


def register_csms(name: str, csms: Csms) -> None:
    """Make a back-end known under a name; done in AppConfig.ready."""
    _back_ends[name] = csms


def csms(name: str = NATIVE) -> Csms:
    """The back-end of that name; KeyError when it is not installed."""
    return _back_ends[name]


def is_installed(name: str) -> bool:
    """True when there is a back-end of that name."""
    return name in _back_ends
