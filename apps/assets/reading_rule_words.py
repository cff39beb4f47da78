"""The words for each rule that a sent reading may break, in the reader's language."""

from django.utils.translation import gettext_lazy as _

_WORDS = {
    "not_json": _("The line is not JSON."),
    "not_csv": _("The line is not CSV."),
    "not_an_object": _("The element is not a JSON object."),
    "unknown_field": _("There is no such field."),
    "cells": _("The line has not as many cells as the header (%(detail)s)."),
    "missing": _("The field is missing."),
    "sensor_missing": _("Name the sensor, or its device and quantity."),
    "sensor_or_device": _("Name either the sensor, or its device and quantity."),
    "sensor_unknown": _("There is no such sensor, or its readings are not yours to send."),
    "quantity_unknown": _("There is no such quantity."),
    "not_a_time": _("Not a time as RFC 3339 writes it."),
    "time_naive": _("The time has no offset."),
    "clock_ahead": _("The time is %(detail)s s ahead: the sender's clock is wrong."),
    "before_retention": _("Readings before %(detail)s are not kept."),
    "replaced": _("Line %(detail)s has the same sensor and time, and was taken instead."),
    "not_a_number": _("The value is not a number."),
    "not_finite": _("The value is not a finite number."),
    "out_of_range": _("%(detail)s is out of range: stored with bad quality."),
    "quality_unknown": _("The quality is none of %(detail)s."),
    "quality_not_allowed": _("Only operations may send substituted values."),
}


def rule_words(rule: str) -> str:
    """The words for a stored rule (`code`, or `code:detail`)."""
    code, _colon, detail = rule.partition(":")
    words = _WORDS.get(code)
    return rule if words is None else str(words) % {"detail": detail}
