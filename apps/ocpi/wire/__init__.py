"""Reading and writing OCPI 2.1.1, 2.2.1 and 2.3.0: pure functions, no Django.

The model inside has the shape of 2.3.0 (`apps.ocpi.v2_3_0.schemas`). How strictly messages are
read: see `apps.ocpi.objects.fields`. What is lost between versions: see the `mapping` module of
each version.
"""

from apps.ocpi.objects.context import Context
from apps.ocpi.objects.errors import WireError
from apps.ocpi.objects.fields import date_time_read, date_time_text
from apps.ocpi.wire.codec import (
    convert,
    decode,
    encode,
    envelope,
    from_inside,
    inside_dict,
    inside_of,
    same_id,
    to_inside,
)
from apps.ocpi.wire.patches import decode_patch

__all__ = [
    "Context",
    "WireError",
    "convert",
    "date_time_read",
    "date_time_text",
    "decode",
    "decode_patch",
    "encode",
    "envelope",
    "from_inside",
    "inside_dict",
    "inside_of",
    "same_id",
    "to_inside",
]
