"""Words of the tenants app."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class OperatorStatus(models.TextChoices):
    """Whether an operator is served."""

    ACTIVE = "active", _("Active")
    SUSPENDED = "suspended", _("Suspended")
