"""The first island price of an operator: what its form offers, and following it afterwards."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import available_timezones

from apps.console.viewmodels.calendars import ZONES, territory_choices
from apps.markets.choices import Feed, IntensityKind, SeriesKind
from apps.markets.models import IslandPricing, Series, TouCalendar
from apps.markets.selectors.series import leading_series

MAY_SET_UP = "markets.add_islandpricing"
MAY_FOLLOW = "markets.change_series"
SETUP = (
    "area", "territory", "time_zone", "carbon_price_eur_per_tonne", "intensity_kind", "calendar",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SetupForm:
    """The form as it is shown: what was typed, else what the operator's time zone suggests."""

    values: Mapping[str, str]
    territories: tuple[tuple[str, str], ...]
    zones: tuple[str, ...]
    intensity_kinds: tuple[tuple[str, str], ...]
    calendars: tuple[tuple[str, str], ...]


def setup_form(
    *, typed: Mapping[str, str] | None, calendars: Iterable[TouCalendar], time_zone: str
) -> SetupForm:
    """The form of the first island price of an operator that lives in a time zone."""
    return SetupForm(
        values=typed or _suggested(time_zone),
        territories=territory_choices(),
        zones=tuple(sorted(name for name in available_timezones() if name.startswith(ZONES))),
        intensity_kinds=tuple((str(one), str(one.label)) for one in IntensityKind),
        calendars=tuple((str(one.pk), one.name) for one in calendars),
    )


def total_to_follow(pricing: IslandPricing) -> Series | None:
    """The total of a price that plans, tariffs and pages do not follow yet, else None.

    One query when it is followed, two otherwise.
    """
    leading = leading_series(SeriesKind.PRICE)
    total = {"area": pricing.area, "source": Feed.ISLAND, "variant": ""}
    if leading is None or all(getattr(leading, name) == word for name, word in total.items()):
        return None
    return Series.objects.filter(kind=SeriesKind.PRICE, **total).first()


def _suggested(time_zone: str) -> dict[str, str]:
    city = time_zone.rpartition("/")[2].replace("_", " ")
    code = next((code for code, name in territory_choices() if name == city), "")
    return dict.fromkeys(SETUP, "") | {
        "area": code,
        "territory": code,
        "time_zone": time_zone,
        "carbon_price_eur_per_tonne": "0",
        "intensity_kind": str(IntensityKind.LIFECYCLE),
    }
