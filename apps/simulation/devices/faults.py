"""What can be wrong with a simulated device or gateway."""

from enum import StrEnum

FLAP_S = 2.0
"""A flapping device serves this long, then is gone as long."""


class Fault(StrEnum):
    """What can be wrong with a device."""

    SILENT = "silent"
    """Accepts the connection and never answers."""
    EXCEPTION = "exception"
    """Answers each request with exception 4 (device failure)."""
    GARBAGE = "garbage"
    """Answers random bytes and frames of another transaction, in turn."""
    REFUSE = "refuse"
    """Closes its connections and its port."""
    FLAP = "flap"
    """Serves and closes, in turn, every FLAP_S seconds."""
