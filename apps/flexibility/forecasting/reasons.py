"""Why a method has no new forecast: one line of words for the operator."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ForecastReason(TextChoices):
    """What came of the last attempt; empty: a forecast."""

    NONE = "", ""
    NOTHING_KNOWN = "nothing_known", _("Nothing has been measured or published yet")
    TOO_LITTLE = "too_little_history", _("Too little history")
    NO_METER = "no_meter", _("The site has no meter at its grid connection")
    NO_PLANT = "no_plant", _("No PV plant is set up, or its weather is missing")
    PLANTS_MISSING = "plants_missing", _("Not every PV device has a plant that is set up")
    NO_SENSOR = "no_sensor", _("FlexMeasures does not have this series yet")
    UNAVAILABLE = "unavailable", _("FlexMeasures cannot be reached")
    RATE_LIMITED = "rate_limited", _("FlexMeasures accepts no more requests for now")
    UNKNOWN_THERE = "unknown_there", _("FlexMeasures does not know this operator or series")
    REFUSED = "refused", _("FlexMeasures refused the request")
    INGESTION_LATE = "ingestion_late", _("FlexMeasures has not taken in the latest values yet")
    LATE = "late", _("FlexMeasures did not finish the forecast in time")
    JOB_FAILED = "job_failed", _("FlexMeasures failed while computing the forecast")
    BAD_ANSWER = "bad_answer", _("FlexMeasures answered something that is not a forecast")
    INTERRUPTED = "interrupted", _("The computation was interrupted")


def forecast_reason_words(code: str) -> str:
    """The words for a reason in the active language; an unknown code stays as it is."""
    return str(ForecastReason(code).label) if code in ForecastReason.values else code
