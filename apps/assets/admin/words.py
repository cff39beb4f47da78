"""Figures in the admin's lists."""

from django.utils.formats import number_format


def kilowatts(value: float | None) -> str:
    """`12,5 kW` in the user's language; a dash when unknown."""
    return "–" if value is None else f"{number_format(value, 1)} kW"
