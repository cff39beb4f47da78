"""What a calendar begins with: one level all year, or the name of a copy."""

from collections.abc import Collection
from datetime import date

from django.utils.translation import gettext as _

from apps.console.viewmodels.calendars_form import DAY_TYPES, JsonObject

MOST_NAME = 80


def first_definition(today: date) -> JsonObject:
    """One validity from the first of this year on with one level at every time."""
    level = _("Standard")
    plan = {"day_types": list(DAY_TYPES), "windows": [], "default_level": level}
    season = {"name": _("All year"), "first": "01-01", "last": "12-31", "plans": [plan]}
    return {
        "periods": [
            {
                "valid_from": today.replace(month=1, day=1).isoformat(),
                "valid_to": None,
                "levels": [{"label": level, "price_eur_per_mwh": "0"}],
                "seasons": [season],
            }
        ]
    }


def copy_name(name: str, taken: Collection[str]) -> str:
    """A name for a copy that no other calendar has."""
    number = 2
    while True:
        made = f"{name[: MOST_NAME - 8]} ({number})"
        if made not in taken:
            return made
        number += 1
