"""What stations send, one module for each functional block of OCPP (Part 2).

A handler is short: map the payload, one service call in one thread hop, answer. It never calls
the station itself: orders go through the command table.
"""

from apps.chargers.csms.native.handlers import (
    authorization,
    availability,
    certificates,
    data_transfer,
    der,
    diagnostics,
    display,
    metering,
    provisioning,
    reservation,
    security,
    smart_charging,
    streams,
    transactions,
    v2x,
    v16,
)

__all__ = [
    "authorization",
    "availability",
    "certificates",
    "data_transfer",
    "der",
    "diagnostics",
    "display",
    "metering",
    "provisioning",
    "reservation",
    "security",
    "smart_charging",
    "streams",
    "transactions",
    "v16",
    "v2x",
]
