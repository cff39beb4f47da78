"""The cars as a load of a site: fills `assets.ports.SiteLoad`."""

from apps.assets.models import Site
from apps.chargers.selectors import charging_power_kw


class ChargingLoad:
    """What all cars draw. Stations count at the operator's first site until each names its own."""

    def load_kw(self, *, site_id: int) -> float:
        first_id = Site.objects.order_by("pk").values_list("pk", flat=True).first()
        return charging_power_kw() if site_id == first_id else 0.0
