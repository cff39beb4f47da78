"""Stations: registered by the operator, then described by what they tell of themselves."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from apps.chargers.choices import RegistrationStatus, SessionState
from apps.chargers.events import StationChanged
from apps.chargers.models import (
    STATION_ID_MAX_LENGTH,
    ChargingStation,
    Connector,
    Evse,
    MeterValue,
    Session,
)
from apps.chargers.ocpp.events import ConnectorReport, MeterReport, StationBoot
from apps.chargers.services.passwords import password_hash
from apps.chargers.services.sessions import live_values_apply, meter_values
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError
from cariflex.common.events import publish

_IDENTITY = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789*-_=+|@.:")


@transaction.atomic
def station_register(
    *,
    station_id: str,
    rated_power_kw: float,
    password: str | None = None,
    name: str = "",
    commune: str = "",
    latitude: float | None = None,
    longitude: float | None = None,
    site_id: int | None = None,
    evses: int = 1,
    connector_type: str = "cType2",
) -> ChargingStation:
    """Create or update a station with its EVSEs (1..evses, one connector each).

    `password` None keeps the present one. DomainError for an identity that OCPP does not allow.
    """
    if not 0 < len(station_id) <= STATION_ID_MAX_LENGTH or not set(station_id) <= _IDENTITY:
        raise DomainError(
            "chargers.station_id_invalid",
            f"A station id has 1 to {STATION_ID_MAX_LENGTH} characters of a-z A-Z 0-9 *-_=+|@.:",
            field="station_id",
        )
    values: dict[str, object] = {
        "rated_power_kw": rated_power_kw,
        "name": name,
        "commune": commune,
        "latitude": latitude,
        "longitude": longitude,
        "site_id": site_id,
    }
    if password is not None:
        values["password_hash"] = password_hash(password)
    station, _created = ChargingStation.objects.update_or_create(
        station_id=station_id, defaults=values
    )
    for evse_id in range(1, evses + 1):
        evse, _created = Evse.objects.get_or_create(station=station, evse_id=evse_id)
        Connector.objects.get_or_create(
            evse=evse, connector_id=1, defaults={"type": connector_type}
        )
    return station


def station_password_set(*, station_id: str, password: str) -> None:
    """Set what the station must present from its next connection on."""
    updated = ChargingStation.objects.filter(station_id=station_id).update(
        password_hash=password_hash(password)
    )
    if not updated:
        raise DomainError("chargers.station_unknown", f"There is no station {station_id}.")


@transaction.atomic
def station_booted(*, station_pk: int, boot: StationBoot, now: datetime) -> RegistrationStatus:
    """Keep what the station says of itself; the registration status to answer with."""
    station = ChargingStation.objects.select_for_update().get(pk=station_pk)
    station.vendor = boot.vendor
    station.model = boot.model
    station.serial_number = boot.serial_number
    station.firmware = boot.firmware
    station.booted_at = now
    station.last_seen_at = now
    station.save(
        update_fields=["vendor", "model", "serial_number", "firmware", "booted_at", "last_seen_at"]
    )
    publish(StationChanged(current_schema(), station.station_id))
    return RegistrationStatus(station.registration_status)


@transaction.atomic
def connector_status_set(*, station_pk: int, report: ConnectorReport) -> None:
    """Keep a connector's status; a report older than the one we have changes nothing."""
    evse, _created = Evse.objects.select_related("station").get_or_create(
        station_id=station_pk, evse_id=report.evse_id
    )
    connector, _created = Connector.objects.get_or_create(
        evse=evse, connector_id=report.connector_id
    )
    newer = Q(status_at__isnull=True) | Q(status_at__lte=report.at)
    changed = (
        Connector.objects.filter(newer, pk=connector.pk)
        .exclude(status=report.status, status_at=report.at)
        .update(status=report.status, status_at=report.at)
    )
    if changed:
        publish(StationChanged(current_schema(), evse.station.station_id))


@transaction.atomic
def meter_report_store(*, station_pk: int, report: MeterReport) -> None:
    """Store values sent outside a transaction's events; what was there already is left alone.

    They move the live power and SoC of the session on that EVSE, never its energy.
    """
    rows = meter_values(report.samples, station_id=station_pk, evse_number=report.evse_id)
    MeterValue.objects.bulk_create(rows, ignore_conflicts=True)
    session = (
        Session.objects.select_for_update()
        .filter(station_id=station_pk, evse__evse_id=report.evse_id, state=SessionState.ACTIVE)
        .order_by("-started_at")
        .first()
    )
    if session is not None:
        live_values_apply(session=session, samples=report.samples)
