"""Why a change of a policy or a request of the grid was refused, in words, by its stable code."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cariflex.common.errors import DomainError

REFUSALS: dict[str, str | Promise] = {
    "plan.site_unknown": _("There is no such site."),
    "policy.evening": _("The evening must end after it begins."),
    "policy.reserve_missing": _("This objective needs a reserve above 0 kW."),
    "policy.reserve": _("All batteries together have less power than that."),
    "policy.site_unknown": _("There is no such site."),
    "grid_request.site_unknown": _("There is no such site."),
    "grid_request.kind": _("Choose what is limited."),
    "grid_request.limit": _("The limit must be 0 kW or more."),
    "grid_request.interval": _("The end must come after the start."),
    "grid_request.past": _("The end must lie in the future."),
    "grid_request.long": _("A request lasts 31 days at most."),
    "grid_request.unknown": _("There is no such request."),
    "grid_request.over": _("The request is over."),
}


def refusal_words(refusal: DomainError) -> str:
    """The sentence for a refusal; its own message where there is none."""
    return str(REFUSALS.get(refusal.code, refusal.message))
