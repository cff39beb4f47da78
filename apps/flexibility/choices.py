from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class PlanSource(TextChoices):
    """Who made a plan."""

    FLEXMEASURES = "flexmeasures", _("FlexMeasures")
    FALLBACK = "fallback", _("Own rule")


class PlanStatus(TextChoices):
    """How far one attempt to plan is."""

    REQUESTED = "requested", _("Requested")
    RUNNING = "running", _("Being computed")
    ACCEPTED = "accepted", _("Accepted")
    REFUSED = "refused", _("Refused by our checks")
    FAILED = "failed", _("Failed")
    LATE = "late", _("Too late")
    SUPERSEDED = "superseded", _("Replaced by a newer plan")


class PlanReason(TextChoices):
    """Why a plan is not there: one line of words for the operator, never a traceback."""

    NONE = "", ""
    UNAVAILABLE = "unavailable", _("FlexMeasures cannot be reached")
    STARTING = "starting", _("FlexMeasures is not ready yet")
    RATE_LIMITED = "rate_limited", _("FlexMeasures accepts no more requests for now")
    NOT_PROVISIONED = "not_provisioned", _("The account in FlexMeasures could not be set up")
    MAPPING_LOST = "mapping_lost", _("FlexMeasures no longer knows this island; it is set up again")
    PRICES_MISSING = "prices_missing", _("There are no prices for the next 24 hours")
    SOC_MISSING = "soc_missing", _("The state of charge of a battery is not known")
    INFEASIBLE = "infeasible", _("FlexMeasures found no plan within the limits")
    JOB_FAILED = "job_failed", _("FlexMeasures failed while computing the plan")
    TIMEOUT = "timeout", _("FlexMeasures did not finish the plan in time")
    BAD_ANSWER = "bad_answer", _("FlexMeasures answered something that is not a plan")
    LENGTH = "length", _("The plan does not cover every quarter hour")
    POWER_LIMIT = "power_limit", _("The plan goes beyond the rated power of a battery")
    SOC_LIMIT = "soc_limit", _("The plan leaves the allowed state of charge of a battery")
    SITE_LIMIT = "site_limit", _("The plan goes beyond the power limit of the site")
    LEASE_LOST = "lease_lost", _("The computation was interrupted")
    INTERNAL = "internal", _("The plan could not be stored")


class ControlMode(TextChoices):
    """What the batteries of a site follow right now."""

    PLAN = "plan", _("Plan")
    HOLD = "hold", _("Last valid plan")
    FALLBACK = "fallback", _("Own rule")


class ControlReason(TextChoices):
    """Why the batteries follow what they follow, beside the reasons of `PlanReason`."""

    NONE = "", ""
    NO_PLAN_YET = "no_plan_yet", _("No plan has been made yet")
    PLAN_EXPIRED = "plan_expired", _("The last plan is too old to follow")
    PLAN_PENDING = "plan_pending", _("The next plan is being computed")


class AssetKind(TextChoices):
    """What a FlexMeasures asset stands for."""

    SITE = "site", _("Site")
    PV = "pv", _("Photovoltaics")
    BATTERY = "battery", _("Battery")


class SensorRole(TextChoices):
    """What a FlexMeasures sensor carries. Powers in kW, consumption and charging positive."""

    POWER = "power", _("Measured power")
    PLANNED_POWER = "planned_power", _("Planned power")
    PV_POWER = "pv_power", _("Photovoltaics of the site")
    CHARGING_POWER = "charging_power", _("Vehicle charging of the site")
    CONSUMPTION_PRICE = "consumption_price", _("Price of consumption")
    PRODUCTION_PRICE = "production_price", _("Price of production")


def reason_words(code: str) -> str:
    """The words for a reason code of a plan or of the control state, in the active language."""
    for reasons in (PlanReason, ControlReason):
        if code in reasons.values:
            return str(reasons(code).label)
    return code
