"""Stands in for apps.ocpi.wire until it is there."""

import json
from datetime import datetime

from cariflex.common.time import format_rfc3339, utc_now


class WireError(ValueError):
    """A field breaks a rule."""

    field = ""
    rule = ""


def envelope(
    data: bytes | None, status_code: int, message: str = "", now: datetime | None = None
) -> bytes:
    """The envelope."""
    head = b"{" if data is None else b'{"data":' + data + b","
    text = json.dumps(
        {
            "status_code": status_code,
            "status_message": message,
            "timestamp": format_rfc3339(now or utc_now()),
        }
    )
    return head + text[1:].encode()
