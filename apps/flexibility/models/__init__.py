"""Plans, forecasts, goals of cars, reports, and the operator's account in FlexMeasures."""

from apps.flexibility.models.cars import CarGoal
from apps.flexibility.models.flexmeasures import (
    FlexmeasuresAccount,
    FlexmeasuresAsset,
    FlexmeasuresSensor,
)
from apps.flexibility.models.forecasts import (
    Forecast,
    ForecastChoice,
    ForecastRun,
    ForecastSkill,
)
from apps.flexibility.models.plans import IN_FLIGHT, ControlState, Plan, PlanSlot, ReplanCall
from apps.flexibility.models.policy import GridRequest, SitePolicy
from apps.flexibility.models.reports import EnergyReport

__all__ = [
    "IN_FLIGHT",
    "CarGoal",
    "ControlState",
    "EnergyReport",
    "FlexmeasuresAccount",
    "FlexmeasuresAsset",
    "FlexmeasuresSensor",
    "Forecast",
    "ForecastChoice",
    "ForecastRun",
    "ForecastSkill",
    "GridRequest",
    "Plan",
    "PlanSlot",
    "ReplanCall",
    "SitePolicy",
]
