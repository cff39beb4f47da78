"""What the grid asks of the sites now: it cuts set-points at once, before any new plan."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Min

from apps.assets.ports import ConnectionLimits
from apps.flexibility.choices import GridRequestKind
from apps.flexibility.models import GridRequest


class GridLimiter:
    """The lowest limit of each kind that is in force at a site."""

    def limits(self, *, now: datetime) -> Mapping[int, ConnectionLimits]:
        """One query."""
        rows = (
            GridRequest.objects.filter(start__lte=now, end__gt=now, cancelled_at=None)
            .values_list("site_id", "kind")
            .annotate(lowest=Min("limit_kw"))
            .order_by()
        )
        lowest = {(site_id, kind): limit_kw for site_id, kind, limit_kw in rows}
        return {
            site_id: ConnectionLimits(
                import_kw=lowest.get((site_id, GridRequestKind.IMPORT_LIMIT)),
                export_kw=lowest.get((site_id, GridRequestKind.EXPORT_LIMIT)),
            )
            for site_id, _kind in lowest
        }
