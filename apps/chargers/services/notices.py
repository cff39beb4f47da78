"""What stations report beside sessions: the events of their device model (N07).

A station repeats what we did not answer in time: an event that is known is not kept twice.
"""

from collections.abc import Sequence

from django.db import transaction

from apps.chargers.events import FaultChanged
from apps.chargers.models import ChargingStation, StationEvent
from apps.chargers.ocpp.events import EventReport
from apps.tenants.context import current_schema
from cariflex.common.events import publish


@transaction.atomic
def station_events_store(*, station_pk: int, events: Sequence[EventReport]) -> int:
    """Keep events; how many were new.

    The id alone does not make an event: many stations count from 0 again after a restart.
    """
    # Two deliveries at once of one event never both find nothing.
    ChargingStation.objects.select_for_update().only("pk").get(pk=station_pk)
    known = set(
        StationEvent.objects.filter(
            station_id=station_pk, at__in={event.at for event in events}
        ).values_list("event_id", "at")
    )
    new: dict[object, StationEvent] = {}
    for event in events:
        key = (event.event_id, event.at)
        if key not in known:
            new.setdefault(key, _row(station_pk, event))
    for row in StationEvent.objects.bulk_create(new.values()):
        if row.is_fault:
            publish(FaultChanged(current_schema(), row.pk))
    return len(new)


def _row(station_pk: int, event: EventReport) -> StationEvent:
    return StationEvent(
        station_id=station_pk,
        event_id=event.event_id,
        at=event.at,
        trigger=event.trigger,
        component=event.component,
        variable=event.variable,
        evse_number=event.evse_id,
        connector_number=event.connector_id,
        value=event.value,
        tech_code=event.tech_code,
        tech_text=event.tech_text,
        severity=event.severity,
        is_cleared=event.is_cleared,
    )
