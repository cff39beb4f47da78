"""Making forecasts, judging them, and choosing whose word is used."""

from apps.flexibility.services.forecasts.making import forecasts_make
from apps.flexibility.services.forecasts.skill import forecasts_prune, skills_update
from apps.flexibility.services.forecasts.training import forecasts_train

__all__ = ["forecasts_make", "forecasts_prune", "forecasts_train", "skills_update"]
