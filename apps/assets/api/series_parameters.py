"""Which readings are asked for."""

from datetime import timedelta
from typing import Any

from rest_framework import serializers

from apps.assets.choices import Quantity
from apps.assets.selectors.api import RAW, RESOLUTIONS
from cariflex.common.api.fields import InstantField
from cariflex.common.api.parameters import Parameters

HIGHEST_LIMIT = 10_000
DEFAULT_LIMIT = 1_000
LONGEST = {
    "raw": timedelta(days=31),
    "1m": timedelta(days=366),
    "15m": timedelta(days=3_660),
    "1h": timedelta(days=3_660),
}
"""A longer range would keep a web thread busy for minutes: ask for it in parts."""


class SeriesParameters(Parameters):
    """One sensor, by its id or by device, quantity and channel, over [start, end)."""

    sensor = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    device = serializers.SlugField(required=False, help_text="Code of a device, with `quantity`.")
    quantity = serializers.ChoiceField(Quantity.choices, required=False)
    channel = serializers.SlugField(
        required=False, allow_blank=True, help_text="Empty: the whole device."
    )
    start = InstantField(help_text="With offset; included.")
    end = InstantField(help_text="With offset; not included.")
    resolution = serializers.ChoiceField(
        RESOLUTIONS,
        default=RAW,
        help_text="`raw`, or roll-ups that begin in [start, end). A gap stays a gap.",
    )
    limit = serializers.IntegerField(
        min_value=1, max_value=HIGHEST_LIMIT, default=DEFAULT_LIMIT, help_text="Rows of a page."
    )
    after = InstantField(
        required=False, help_text="Continue after this instant; follow `next` instead."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One sensor, and a range that begins before it ends."""
        by_name = [name for name in ("device", "quantity", "channel") if name in attrs]
        if "sensor" in attrs and by_name:
            _refuse(by_name[0], "Give either sensor, or device and quantity.")
        if "sensor" not in attrs and not {"device", "quantity"} <= attrs.keys():
            _refuse("sensor", "Give sensor, or device and quantity.", code="required")
        if attrs["end"] <= attrs["start"]:
            _refuse("end", "The end is not after the start.")
        longest = LONGEST[attrs["resolution"]]
        if attrs["end"] - attrs["start"] > longest:
            _refuse("end", f"At this resolution ask for at most {longest.days} days at once.")
        return attrs


def _refuse(field: str, message: str, *, code: str = "invalid") -> None:
    raise serializers.ValidationError({field: [message]}, code=code)
