"""Names and numbers that 1.6 does not give: of a transaction, and of its messages.

Both are made of what the message says, so that a message that comes again gets the same ones and
the order of arrival does not matter.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

FIRST = 0
"""The number of the StartTransaction."""
LAST = 2**62
"""The number of the StopTransaction: above that of any meter value."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HASH_BITS = 20


def transaction_id(connector: int, at: datetime, meter_start_wh: int, id_tag: str) -> str:
    """A transaction by its start: `2-20260310T120000-` and ten digits of a hash (≤ 36 characters).

    A start whose answer was lost is sent again as it was, and is the same transaction.
    """
    told = f"{connector}|{at.isoformat()}|{meter_start_wh}|{id_tag.upper()}"
    return f"{connector}-{at:%Y%m%dT%H%M%S}-{hashlib.sha256(told.encode()).hexdigest()[:10]}"


def of_values(at: datetime, meter_values: Sequence[Mapping[str, Any]]) -> int:
    """The number of a MeterValues message: by its time, then by what it says.

    Milliseconds since 1970 fill 42 bits until 2109, so it stays below LAST and above FIRST.
    """
    text = json.dumps(meter_values, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).digest()
    tail = int.from_bytes(digest[:4]) >> (32 - _HASH_BITS)
    milliseconds = int((at - _EPOCH).total_seconds() * 1000)
    return 1 + (milliseconds << _HASH_BITS | tail)
