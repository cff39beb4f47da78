"""Answers cars that tell their needs: fills `chargers.ports.NeedsPlanner`."""

from __future__ import annotations

from apps.chargers.models import ChargingNeeds
from apps.chargers.ocpp.v21.needs import car_needs
from apps.flexibility.cars.goals import departure_note
from apps.flexibility.tasks import car_goal_update
from cariflex.common.time import utc_now


class CarPlanner:
    """Makes a goal of what a car wants; a profile follows for a car that says enough."""

    def plan(self, needs_id: int) -> bool:
        """True when the car told capacity, state of charge and a departure that lies ahead."""
        row = ChargingNeeds.objects.filter(pk=needs_id).first()
        if row is None or row.session_id is None:
            return False
        car_goal_update.enqueue(row.session_id)
        car = car_needs(row.needs)
        return (
            car.capacity_kwh is not None
            and car.soc_percent is not None
            and departure_note(car.departure_at, utc_now()) is None
        )
