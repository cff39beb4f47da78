"""What 1.6 stations report of their connectors and themselves (StatusNotification, §4.9).

A fault is an event of the station when it comes and when it goes, as NotifyEvent is in 2.x: the
variable `Problem` of the connector. Connector 0 is the station: its status is the variable
`AvailabilityState` of the component `ChargingStation`.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from apps.chargers.events import FaultChanged
from apps.chargers.models import ChargingStation, StationEvent
from apps.chargers.ocpp.events import ConnectorReport
from apps.chargers.ocpp.v16 import mapping
from apps.chargers.services.stations import connector_status_set
from apps.chargers.services.transactions_16 import charging_state_16_set
from apps.tenants.context import current_schema
from cariflex.common.events import publish

ALERTING, DELTA = "Alerting", "Delta"


@dataclass(frozen=True, slots=True)
class _Variable:
    """A variable that a 1.6 station reports by its status."""

    component: str
    name: str
    evse_number: int
    connector_number: int


@transaction.atomic
def status_16_set(*, station_pk: int, payload: mapping.Payload, now: datetime) -> None:
    """Keep the status, the fault and the charging state that a StatusNotification tells."""
    report = mapping.connector_report(payload, now=now)
    if report.evse_id:
        connector_status_set(station_pk=station_pk, report=report)
        charging_state_16_set(station_pk=station_pk, payload=payload, now=now)
    # Two reports at once of one station never both find nothing.
    ChargingStation.objects.select_for_update().only("pk").get(pk=station_pk)
    component = "Connector" if report.evse_id else "ChargingStation"
    if not report.evse_id:
        _availability_note(station_pk, _variable("AvailabilityState", component, report), report)
    _fault_note(
        station_pk,
        _variable("Problem", component, report),
        report,
        text=mapping.fault_text(payload),
    )


def _variable(name: str, component: str, report: ConnectorReport) -> _Variable:
    return _Variable(component, name, report.evse_id, report.connector_id)


def _availability_note(station_pk: int, variable: _Variable, report: ConnectorReport) -> None:
    known = _latest(station_pk, variable)
    if known is not None and (known.at > report.at or known.value == report.status):
        return
    _note(station_pk, variable, report, value=report.status, trigger=DELTA)


def _fault_note(
    station_pk: int, variable: _Variable, report: ConnectorReport, *, text: str
) -> None:
    """The fault that comes; the one that goes when another or none is told."""
    known = _latest(station_pk, variable)
    if known is not None and known.at > report.at:
        return
    known_code = "" if known is None or known.is_cleared else known.tech_code
    if report.error_code == known_code:
        return
    if known_code:
        _note(
            station_pk, variable, report, value="false", trigger=ALERTING,
            tech_code=known_code, is_cleared=True,
        )  # fmt: skip
    if report.error_code:
        _note(
            station_pk, variable, report, value="true", trigger=ALERTING,
            tech_code=report.error_code, tech_text=text,
        )  # fmt: skip


def _latest(station_pk: int, variable: _Variable) -> StationEvent | None:
    return (
        StationEvent.objects.filter(
            station_id=station_pk,
            component=variable.component,
            variable=variable.name,
            evse_number=variable.evse_number,
            connector_number=variable.connector_number,
        )
        .order_by("-at", "-pk")
        .first()
    )


def _note(
    station_pk: int,
    variable: _Variable,
    report: ConnectorReport,
    *,
    value: str,
    trigger: str,
    tech_code: str = "",
    tech_text: str = "",
    is_cleared: bool = False,
) -> None:
    event = StationEvent.objects.create(
        station_id=station_pk,
        at=report.at,
        trigger=trigger,
        component=variable.component,
        variable=variable.name,
        evse_number=variable.evse_number,
        connector_number=variable.connector_number,
        value=value,
        tech_code=tech_code,
        tech_text=tech_text,
        is_cleared=is_cleared,
    )
    if event.is_fault:
        publish(FaultChanged(current_schema(), event.pk))
