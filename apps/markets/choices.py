from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class PriceQuality(TextChoices):
    """Where a price point comes from."""

    ACTUAL = "actual", _("Published")
    ESTIMATED = "estimated", _("Estimated from an earlier day")


class DeliveryStatus(TextChoices):
    """How far the prices of one delivery day are."""

    MISSING = "missing", _("Not fetched yet")
    NOT_PUBLISHED = "not_published", _("Not published yet")
    COMPLETE = "complete", _("Complete")
    REFUSED = "refused", _("Document refused")
    UNREACHABLE = "unreachable", _("Source cannot be reached")


class DocumentStatus(TextChoices):
    """What became of a received document."""

    IMPORTED = "imported", _("Imported")
    NOT_PUBLISHED = "not_published", _("Nothing published yet")
    REFUSED = "refused", _("Refused")
