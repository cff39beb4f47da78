"""How long a certificate is valid, as a coloured word."""

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.chargers.services.certificates import EXPIRY_NOTICE
from cariflex.common.badges import Badges

EXPIRED, EXPIRES, VALID, NONE = "expired", "expires", "valid", ""
EXPIRY_COLOURS = Badges({EXPIRED: "danger", EXPIRES: "warning", VALID: "success"})


def expiry_label(ends_at: datetime | None, *, now: datetime) -> tuple[str, str]:
    """(state, words) of a certificate that ends then; None is one that there is not."""
    if ends_at is None:
        return NONE, "-"
    if ends_at <= now:
        return EXPIRED, _("Expired")
    if ends_at - now <= EXPIRY_NOTICE:
        days = (ends_at - now).days
        words = ngettext("Expires in %(days)d day", "Expires in %(days)d days", days)
        return EXPIRES, words % {"days": days}
    return VALID, _("Valid until %(day)s") % {"day": f"{ends_at:%Y-%m-%d}"}
