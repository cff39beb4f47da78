"""Why an order or a change was refused, in the reader's words, by the stable code of the error."""

from typing import Protocol

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.billing.cdr_refusals import CDR_REFUSALS
from apps.billing.exports.words import EXPORT_WORDS
from apps.billing.payment_words import REFUSALS as PAYMENT_WORDS
from apps.billing.tariff_refusals import TARIFF_REFUSALS
from apps.console.billing_refusals import BILLING_WORDS
from apps.console.roaming_refusals import ROAMING_REASONS, ROAMING_WORDS
from apps.flexibility.refusal_words import REFUSALS as FLEXIBILITY_WORDS


class Refusal(Protocol):
    """A DomainError, or anything else that says by a stable code why something cannot be done."""

    @property
    def code(self) -> str: ...

    @property
    def message(self) -> str: ...


WORDS: dict[str, str | Promise] = {
    **CDR_REFUSALS,
    **BILLING_WORDS,
    **TARIFF_REFUSALS,
    **PAYMENT_WORDS,
    **EXPORT_WORDS,
    **ROAMING_WORDS,
    **FLEXIBILITY_WORDS,
    "chargers.station_unknown": gettext_lazy("There is no such station."),
    "command.action_unknown": gettext_lazy("The station's OCPP version has no such action."),
    "command.no_stations": gettext_lazy("No station is chosen."),
    "command.not_for_stations": gettext_lazy("Stations send this action; they do not take it."),
    "load_group.invalid": gettext_lazy("Currents and voltages are not negative."),
    "load_group.name_taken": gettext_lazy("Another load group has this name."),
    "load_group.unknown": gettext_lazy("There is no such load group, or EVSE in it."),
    "profile.external": gettext_lazy("This limit was set by others; it is not ours to clear."),
    "profile.not_in_force": gettext_lazy("The profile is not in force."),
    "reservation.evse_unknown": gettext_lazy("The station has no such EVSE."),
    "reservation.expiry_invalid": gettext_lazy("A reservation ends in the future."),
    "reservation.not_open": gettext_lazy("The reservation has ended already."),
    "reservation.overlaps": gettext_lazy("This place is reserved already."),
}


def refusal_words(error: Refusal) -> str:
    """The sentence for a refusal; what has none is shown as the standard's own words."""
    words = WORDS.get(error.code)
    if words is not None:
        return str(words)
    if error.code == "command.not_in_16":
        return _("OCPP 1.6 has no such order: %(why)s") % {"why": error.message}
    reason = ROAMING_REASONS.get(error.code)
    if reason is not None:
        return str(reason) % {"why": error.message}
    return error.message
