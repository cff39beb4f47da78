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
    CAR_LIMIT = "car_limit", _("The plan goes beyond what a car can do or may lose")
    BREACH = "breach", _("The plan breaks a limit that must hold")
    BALANCE = "balance", _("The plan's energies do not add up")
    INGESTION_LATE = "ingestion_late", _("FlexMeasures has not taken in the latest values yet")
    READINGS_STALE = "readings_stale", _("The readings of the site are too old to plan with")
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


class Objective(TextChoices):
    """What the plans of a site aim at."""

    COST = "cost", _("Lowest cost")
    CO2 = "co2", _("Least CO2")
    SELF_CONSUMPTION = "self_consumption", _("Use of own sun")
    EVENING_PEAK = "evening_peak", _("Support of the evening peak")
    RESERVE = "reserve", _("Frequency reserve held")


class ReplanReason(TextChoices):
    """Why a plan was made when it was."""

    SCHEDULED = "scheduled", _("A new quarter hour")
    CAR_ARRIVED = "car_arrived", _("A car was plugged in")
    CAR_LEFT = "car_left", _("A car left")
    CAR_GOAL = "car_goal", _("A car's departure or target changed")
    PRICES = "prices", _("New prices")
    GRID = "grid", _("A request of the grid")
    FORECAST_MISS = "forecast_miss", _("Sun or load differ from the forecast")
    SOC_DRIFT = "soc_drift", _("A battery is not where the plan had it")
    POLICY = "policy", _("The objective was changed")
    OPERATOR = "operator", _("Somebody asked for it")


class GridRequestKind(TextChoices):
    """What the grid asks of a site."""

    IMPORT_LIMIT = "import_limit", _("Draw at most")
    EXPORT_LIMIT = "export_limit", _("Feed in at most")


class CarGoalOrigin(TextChoices):
    """Who said what a car needs."""

    CAR = "car", _("The car")
    DRIVER = "driver", _("The driver")
    OPERATOR = "operator", _("The operator")
    DEFAULT = "default", _("The site's policy")


class ForecastQuantity(TextChoices):
    """What is forecast. Powers in kW, consumption positive."""

    PV = "pv", _("Photovoltaics")
    LOAD = "load", _("Load")
    CHARGING = "charging", _("Vehicle charging")
    PRICE = "price", _("Price")
    CO2 = "co2", _("CO2 intensity")


class ForecastMethod(TextChoices):
    """Who forecasts, simplest first."""

    PERSISTENCE = "persistence", _("As yesterday")
    WEEKDAY = "weekday", _("As the same weekday")
    PVLIB = "pvlib", _("Weather and plant model")
    FLEXMEASURES = "flexmeasures", _("FlexMeasures")


class AssetKind(TextChoices):
    """What a FlexMeasures asset stands for."""

    SITE = "site", _("Site")
    PV = "pv", _("Photovoltaics")
    BATTERY = "battery", _("Battery")
    EVSE = "evse", _("Charging point")


class SensorRole(TextChoices):
    """What a FlexMeasures sensor carries. Powers in kW, consumption and charging positive."""

    POWER = "power", _("Measured power")
    PLANNED_POWER = "planned_power", _("Planned power")
    PV_POWER = "pv_power", _("Photovoltaics of the site")
    CHARGING_POWER = "charging_power", _("Vehicle charging of the site")
    LOAD_POWER = "load_power", _("Other load of the site")
    CO2 = "co2", _("CO2 intensity")
    IRRADIANCE = "irradiance", _("Global irradiance")
    TEMPERATURE = "temperature", _("Air temperature")
    PV_FORECAST = "pv_forecast", _("Forecast of the photovoltaics")
    LOAD_FORECAST = "load_forecast", _("Forecast of the load")
    CHARGING_FORECAST = "charging_forecast", _("Forecast of vehicle charging")
    SITE_PRICE = "site_price", _("Price of the market or the island")
    SOC = "soc", _("State of charge")
    SESSION_ENERGY = "session_energy", _("Energy of charging sessions")
    SESSION_COST = "session_cost", _("Cost of charging sessions")
    CONSUMPTION_PRICE = "consumption_price", _("Price of consumption")
    PRODUCTION_PRICE = "production_price", _("Price of production")


def reason_words(code: str) -> str:
    """The words for a reason code of a plan or of the control state, in the active language."""
    for reasons in (PlanReason, ControlReason):
        if code in reasons.values:
            return str(reasons(code).label)
    return code
