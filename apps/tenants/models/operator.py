"""Operators and the hosts they answer on. Both live in the public schema."""

import zoneinfo

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django_tenants.models import DomainMixin, TenantMixin

from apps.tenants.choices import OperatorStatus

SCHEMA_NAME_PATTERN = r"^[a-z][a-z0-9_]{2,30}$"


def validate_time_zone(value: str) -> None:
    """Refuse a name that is not in the time zone database."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError(_("%(value)s is not an IANA time zone."), params={"value": value})


class Operator(TenantMixin):
    """One island operator: a customer of the platform, with a PostgreSQL schema of its own."""

    # The schema is made by services.operator_create and repaired by operators_migrate, so that a
    # kill in the middle leaves a row that the next start completes.
    auto_create_schema = False
    auto_drop_schema = False

    schema_name = models.CharField(
        _("schema"),
        max_length=31,
        unique=True,
        db_index=True,
        validators=[RegexValidator(SCHEMA_NAME_PATTERN)],
    )
    name = models.CharField(_("name"), max_length=100)
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        default="America/Guadeloupe",
        validators=[validate_time_zone],
    )
    country_code = models.CharField(_("country code"), max_length=2, default="GP")
    party_id = models.CharField(_("party id"), max_length=3, blank=True)
    currency = models.CharField(_("currency"), max_length=3, default="EUR")
    status = models.CharField(
        _("status"),
        max_length=10,
        choices=OperatorStatus.choices,
        default=OperatorStatus.ACTIVE,
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("operator")
        verbose_name_plural = _("operators")
        ordering = ("id",)
        constraints = [
            models.CheckConstraint(
                condition=models.Q(schema_name="public")
                | models.Q(schema_name__regex=SCHEMA_NAME_PATTERN),
                name="operator_schema_name_form",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=OperatorStatus.values), name="operator_status_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_public(self) -> bool:
        """True for the platform itself, which is no operator."""
        return bool(self.schema_name == "public")


class Domain(DomainMixin):
    """A host name (without port) at which one operator answers."""

    class Meta:
        verbose_name = _("domain")
        verbose_name_plural = _("domains")
        ordering = ("domain",)

    def __str__(self) -> str:
        return str(self.domain)
