"""What assets asks of the apps above: which loads does a site have beside its devices?

The upper app fills the port in its AppConfig.ready().
"""

from typing import Protocol


class SiteLoad(Protocol):
    """A load behind a site's grid connection that is no device; asked in the operator's schema."""

    def load_kw(self, *, site_id: int) -> float:
        """What it draws now, in kW; consumption is positive."""


_loads: list[SiteLoad] = []


def register_site_load(load: SiteLoad) -> None:
    """Count this load too; twice counts once."""
    if load not in _loads:
        _loads.append(load)


def site_loads() -> tuple[SiteLoad, ...]:
    """The loads in the order they were registered."""
    return tuple(_loads)
