"""What is wrong with a list of devices, in words; the services speak in codes."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cariflex.common.errors import DomainError

FILE_REFUSALS: dict[str, Promise] = {
    "device_import.too_big": gettext_lazy("The file is too big: at most 4 MB."),
    "device_import.too_many": gettext_lazy("The list is too long: at most 10,000 lines."),
    "device_import.not_text": gettext_lazy("This is no text file in UTF-8 or Latin-1."),
    "device_import.empty": gettext_lazy("The list is empty: it needs a header and a line."),
    "device_import.columns_missing": gettext_lazy("These columns are missing: %(detail)s."),
    "device_import.columns_unknown": gettext_lazy("These columns are not known: %(detail)s."),
    "device_import.columns_twice": gettext_lazy("These columns are there twice: %(detail)s."),
    "device_import.not_csv": gettext_lazy(
        "Line %(detail)s cannot be read: a quotation mark is not closed."
    ),
    "device_import.unknown": gettext_lazy("There is no such list."),
    "device_import.busy": gettext_lazy(
        "The same devices are being added elsewhere: please try again."
    ),
}

RULES: dict[str, Promise] = {
    "missing": gettext_lazy("must not be empty"),
    "too_long": gettext_lazy("has at most %(detail)s characters"),
    "not_a_code": gettext_lazy("“%(detail)s”: only letters without accents, digits, - and _"),
    "not_one_of": gettext_lazy("is one of: %(detail)s"),
    "not_a_number": gettext_lazy("“%(detail)s” is no number"),
    "not_a_whole_number": gettext_lazy("“%(detail)s” is no whole number"),
    "not_yes_or_no": gettext_lazy("“%(detail)s” is neither yes nor no"),
    "not_one_line": gettext_lazy("must be on one line"),
    "too_small": gettext_lazy("is at least %(detail)s"),
    "too_large": gettext_lazy("is at most %(detail)s"),
    "battery_needs_capacity": gettext_lazy("a battery needs a capacity"),
    "soc_window": gettext_lazy("must be below soc_max_percent"),
    "only_a_meter": gettext_lazy("only a meter can meter the grid connection"),
    "site_unknown": gettext_lazy("there is no site “%(detail)s”"),
    "driver_unknown": gettext_lazy("there is no device model “%(detail)s”"),
    "address_invalid": gettext_lazy("“%(detail)s” is no host name and no IP address"),
    "address_unknown": gettext_lazy("the name “%(detail)s” is not known"),
    "address_refused": gettext_lazy("“%(detail)s” leads to an address that no device may have"),
    "code_exists": gettext_lazy("a device with this code exists"),
    "address_exists": gettext_lazy("a device with this host, port and unit id exists"),
    "meter_exists": gettext_lazy("the site has a grid meter already"),
    "twice_code": gettext_lazy("the same code is in line %(detail)s"),
    "twice_address": gettext_lazy("the same host, port and unit id is in line %(detail)s"),
    "twice_meter": gettext_lazy("the site gets its grid meter in line %(detail)s"),
}


def rule_words(rule: str) -> str:
    """The words of a stored rule (`code:detail`) in the reader's language."""
    code, _colon, detail = rule.partition(":")
    if code == "cells_count":
        has, header = detail.split("/")
        return _("has %(has)s cells, the header %(header)s") % {"has": has, "header": header}
    words = RULES.get(code)
    return str(words) % {"detail": detail} if words else rule


def file_refusal(error: DomainError) -> str:
    """Why a file is refused."""
    words = FILE_REFUSALS.get(error.code)
    return str(words) % {"detail": error.message} if words else error.message
