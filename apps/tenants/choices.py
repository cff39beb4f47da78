"""Words of the tenants app."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class OperatorStatus(models.TextChoices):
    """Whether an operator is served."""

    ACTIVE = "active", pgettext_lazy("operator", "Active")
    SUSPENDED = "suspended", _("Suspended")
