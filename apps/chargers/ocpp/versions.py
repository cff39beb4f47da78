"""The OCPP versions that stations may speak here, and what differs between them on the wire."""

from collections.abc import Iterable
from enum import StrEnum


class OcppVersion(StrEnum):
    """A version of OCPP-J, newest first: the order in which one is chosen."""

    V21 = "2.1"
    V201 = "2.0.1"
    V16 = "1.6"

    @property
    def subprotocol(self) -> str:
        """The name in the WebSocket handshake (Part 4 §3.3; OCPP-J 1.6 §3.2)."""
        return f"ocpp{self.value}"

    @property
    def is_16(self) -> bool:
        return self is OcppVersion.V16

    def error_code(self, code: str) -> str:
        """A 2.x error code as this version spells it (OCPP-J 1.6 §4.2.3)."""
        return _CODES_16.get(code, code) if self.is_16 else code


# 1.6 has no codes for frames that are no message, and spells two with the errors of the standard.
_CODES_16 = {
    "FormatViolation": "FormationViolation",
    "RpcFrameworkError": "FormationViolation",
    "MessageTypeNotSupported": "NotSupported",
    "OccurrenceConstraintViolation": "OccurenceConstraintViolation",
}
SERVED = tuple(OcppVersion)
"""The versions that a station may choose, newest first."""
SUBPROTOCOLS = tuple(version.subprotocol for version in SERVED)


def version_chosen(offered: Iterable[str]) -> OcppVersion | None:
    """The newest version among the subprotocols that a station offers; None when none is ours."""
    names = set(offered)
    return next((version for version in SERVED if version.subprotocol in names), None)
