"""Sites."""

from django.db import transaction

from apps.assets.models import Site


@transaction.atomic
def site_register(
    *,
    code: str,
    name: str,
    time_zone: str = "America/Guadeloupe",
    latitude: float | None = None,
    longitude: float | None = None,
    grid_import_limit_kw: float | None = None,
    grid_export_limit_kw: float | None = None,
) -> Site:
    """The site with this code, made or brought up to date. Limits in kW, both not negative."""
    site, _created = Site.objects.update_or_create(
        code=code,
        defaults={
            "name": name,
            "time_zone": time_zone,
            "latitude": latitude,
            "longitude": longitude,
            "grid_import_limit_kw": grid_import_limit_kw,
            "grid_export_limit_kw": grid_export_limit_kw,
        },
    )
    return site
