"""Places that share one connection to the grid."""

import zoneinfo

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

LATITUDE = (MinValueValidator(-90), MaxValueValidator(90))
LONGITUDE = (MinValueValidator(-180), MaxValueValidator(180))


def validate_site_time_zone(value: str) -> None:
    """Refuse a name that is not in the time zone database."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError(_("%(value)s is not an IANA time zone."), params={"value": value})


class Site(models.Model):
    """A place (or a whole island grid) whose devices are planned together."""

    code = models.SlugField(_("code"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120)
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        default="America/Guadeloupe",
        validators=[validate_site_time_zone],
    )
    latitude = models.FloatField(_("latitude"), null=True, blank=True, validators=LATITUDE)
    longitude = models.FloatField(_("longitude"), null=True, blank=True, validators=LONGITUDE)
    grid_import_limit_kw = models.FloatField(_("grid import limit (kW)"), null=True, blank=True)
    grid_export_limit_kw = models.FloatField(_("grid export limit (kW)"), null=True, blank=True)

    hands_off = models.BooleanField(
        _("hands off"),
        default=False,
        editable=False,
        help_text=_("On: nothing is written to any device of the site, whoever asks."),
    )

    class Meta:
        verbose_name = _("site")
        verbose_name_plural = _("sites")
        ordering = ("code",)
        constraints = [
            models.CheckConstraint(
                condition=models.Q(grid_import_limit_kw=None)
                | models.Q(grid_import_limit_kw__gte=0),
                name="site_grid_import_limit_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(grid_export_limit_kw=None)
                | models.Q(grid_export_limit_kw__gte=0),
                name="site_grid_export_limit_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.name
