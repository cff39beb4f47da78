"""Refusals in the reader's language; the services speak in codes and English."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.chargers.services.station_imports import LineRefused
from apps.chargers.services.token_imports import TokenLineRefused
from cariflex.common.errors import DomainError

REFUSALS: dict[str, Promise] = {
    "chargers.authority_exists": _("There is an authority of this name already."),
    "chargers.authority_name": _("The name has 1 to 64 printable characters."),
    "chargers.certificate_hash_unknown": _("Ask the station first which certificates it has."),
    "chargers.certificate_not_held": _("The station does not hold it."),
    "chargers.certificate_own": _("A station's own certificate is taken back, not deleted."),
    "chargers.certificate_unreadable": _("It is no certificate in PEM."),
    "chargers.columns": _("The line has too many cells."),
    "chargers.group_unknown": _("There is no group of this id."),
    "chargers.list_empty": _("The list is empty."),
    "chargers.list_too_long": _("The list has too many lines."),
    "chargers.local_list_busy": _("The station is answering about its list."),
    "chargers.not_a_time": _("It is no date or time."),
    "chargers.not_yes_or_no": _("It is yes or no."),
    "chargers.note_invalid": _("A note has at most 200 printable characters."),
    "chargers.password_length": _("A station password has 16 to 40 characters."),
    "chargers.password_unprintable": _("A station password has printable characters only."),
    "chargers.session_not_ended": _("The session has not ended."),
    "chargers.station_id_invalid": _(
        "A station id has 1 to 48 characters of a-z A-Z 0-9 *-_=+|@.:"
    ),
    "chargers.station_twice": _("The station is listed twice."),
    "chargers.token_exists": _("There is such a token already."),
    "chargers.token_invalid": _("A token has 1 to 36 printable characters."),
    "chargers.token_never_valid": _("The token would expire before it is valid."),
    "chargers.token_priority_invalid": _("A charging priority is between -9 and 9."),
    "webhook.url_refused": _("The address must be https and lead to a public server."),
    "webhook.url_unknown": _("The name in the address is not known."),
    "webhook.event_type_unknown": _("No event has such a type."),
    "webhook.filter_invalid": _("Such a filter matches no station."),
    "webhook.inactive": _("The webhook is switched off."),
    "display.empty": _("A message has a text."),
    "display.ends_before_start": _("The message would end before it starts."),
    "display.not_shown": _("The station does not show the message."),
    "customer.nothing_asked": _("Ask for a report, for forgetting, or both."),
    "chargers.token_twice": _("The token is listed twice."),
}


def refusal(refused: DomainError | LineRefused | TokenLineRefused) -> str:
    """Why it was refused; what has no words here is said as the service says it."""
    return str(REFUSALS.get(refused.code, refused.message))
