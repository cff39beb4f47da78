"""Why tariffs refuse something, in the reader's language, by the stable code of the error."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TARIFF_REFUSALS: dict[str, str | Promise] = {
    "billing.assignment_ad_hoc": _("Who pays at the station has no contract: choose a place."),
    "billing.assignment_ends_before_start": _("The end is not after the start."),
    "billing.assignment_exists": _("Another tariff applies there from the same instant on."),
    "billing.assignment_scope": _("A tariff cannot be assigned to this."),
    "billing.assignment_starts_in_past": _(
        "The start lies in the past: say that sessions which have begun are meant too."
    ),
    "billing.assignment_target": _("What it is to be assigned to does not exist."),
    "billing.assignment_unknown": _("There is no such assignment."),
    "billing.dynamic_cap_below_floor": _("The highest price is below the lowest."),
    "billing.dynamic_currency": _("The market's prices are in another currency."),
    "billing.dynamic_invalid": _("This figure is negative or too high."),
    "billing.dynamic_no_energy": _(
        "A tariff that follows a market needs a row with an energy price and no conditions."
    ),
    "billing.import_too_long": _("The file is too long."),
    "billing.place_unknown": _("There is no such place to charge."),
    "billing.series_unknown": _("There is no such price series."),
    "billing.tariff_archived": _("The tariff is archived."),
    "billing.tariff_code_invalid": _(
        "The id of a tariff has up to 36 letters, digits and signs, and no spaces."
    ),
    "billing.tariff_code_taken": _("Another tariff has this id."),
    "billing.tariff_draft_moved": _(
        "Somebody else has changed this draft since you opened it: open it again."
    ),
    "billing.tariff_ends_before_start": _("The end is not after the start."),
    "billing.tariff_exists": _("Another tariff starts at this instant."),
    "billing.tariff_has_draft": _("This tariff has a draft: issue or discard it first."),
    "billing.tariff_in_use": _("The tariff is assigned: end that first."),
    "billing.tariff_name_missing": _("A tariff has a name."),
    "billing.tariff_starts_in_past": _(
        "The start lies in the past: say that sessions which have begun are meant too."
    ),
    "billing.tariff_type_unknown": _("There is no such type of tariff."),
    "billing.tariff_unknown": _("There is no such tariff or version."),
    "billing.tariff_version_issued": _("An issued version is never changed: make a new one."),
    "billing.time_invalid": _("A day and a time."),
    "json.invalid": _("This is not JSON of one tariff object."),
}
