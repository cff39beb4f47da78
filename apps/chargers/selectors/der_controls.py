"""DER controls at stations: those that are held, and those in effect at an instant (2.1 R)."""

from datetime import datetime

from django.db.models import QuerySet

from apps.chargers.choices import DerControlStatus
from apps.chargers.models import ChargingStation, DerAlarm, DerControl, DeviceVariable
from apps.chargers.ocpp.v21.der import Control, in_effect

CONTROLLERS = ("ACDERCtrlr", "DCDERCtrlr")


def der_controls_held(*, station_id: str) -> QuerySet[DerControl]:
    """The controls that a station holds, newest first."""
    return DerControl.objects.filter(
        station__station_id=station_id, status=DerControlStatus.ACCEPTED
    ).select_related("station", "requested_by")


def der_controls_in_effect(*, station_id: str, at: datetime) -> dict[str, Control]:
    """By type, the control that a station goes by at an instant."""
    held = [
        Control(row.control_id, row.type, row.is_default, row.settings, row.is_superseded)
        for row in der_controls_held(station_id=station_id)
    ]
    return in_effect(held, at)


def der_alarms_open(*, station_id: str) -> QuerySet[DerAlarm]:
    """The alarms of a station that have not ended, newest first."""
    return DerAlarm.objects.filter(station__station_id=station_id, ended_at=None)


def der_modes(station: ChargingStation) -> frozenset[str] | None:
    """The types that a station told that it or its cars can do (ModesSupported); None: not told."""
    told = DeviceVariable.objects.filter(
        station=station, component__in=CONTROLLERS, variable="ModesSupported", attribute="Actual"
    ).values_list("value", flat=True)
    modes = frozenset(one.strip() for text in told for one in text.split(",") if one.strip())
    return modes or None
