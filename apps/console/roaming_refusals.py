"""Why roaming refused something, in the reader's words, by the stable code of the error."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ROAMING_WORDS: dict[str, str | Promise] = {
    "ocpi.address_missing": _("Enter our address for partners in the back office first."),
    "ocpi.endpoint_missing": _("The partner does not serve this list."),
    "ocpi.name_missing": _("Give the partner a name."),
    "ocpi.not_registered": _("The partner is not registered."),
    "ocpi.nothing_to_pull": _("The partner serves no list that could be read."),
    "ocpi.partner_state": _("The partner's state does not allow this now."),
    "ocpi.party_missing": _("Enter our own party id in the back office first."),
    "ocpi.role_unknown": _("Choose what the partner is."),
    "ocpi.token_form": _("This is not a token: up to 64 characters without spaces."),
    "ocpi.token_used": _("This token is not good any more."),
    "ocpi.versions_url": _("The versions URL begins with https:// and names a host."),
}
# The partner's own words follow: they say what to tell its people.
ROAMING_REASONS: dict[str, str | Promise] = {
    "ocpi.handshake_3001": _("The partner's pages cannot be used: %(why)s"),
    "ocpi.handshake_3002": _("The partner speaks no version that we speak: %(why)s"),
    "ocpi.handshake_3003": _("The partner lacks an endpoint that we need: %(why)s"),
}
