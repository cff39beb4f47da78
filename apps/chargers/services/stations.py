"""Stations: registered by the operator, then described by what they tell of themselves."""

from datetime import datetime

from django.db import connection, transaction

from apps.chargers.choices import RegistrationStatus, SessionState
from apps.chargers.events import ConnectorStatusChanged, StationChanged
from apps.chargers.models import (
    STATION_ID_MAX_LENGTH,
    ChargingStation,
    Connector,
    Evse,
    MeterValue,
    Session,
)
from apps.chargers.ocpp.events import ConnectorReport, MeterReport, StationBoot
from apps.chargers.services.back_ends import back_end_of_new_stations
from apps.chargers.services.passwords import password_hash
from apps.chargers.services.sessions import live_values_apply, meter_values
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError
from cariflex.common.events import publish

_IDENTITY = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789*-_=+|@.:")


def station_id_is_valid(station_id: str) -> bool:
    """True for a text that OCPP allows as an identity (2.0.1 Part 4 §3.1.1)."""
    return 0 < len(station_id) <= STATION_ID_MAX_LENGTH and set(station_id) <= _IDENTITY


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
    if not station_id_is_valid(station_id):
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
        station_id=station_id,
        defaults=values,
        create_defaults={**values, "csms": back_end_of_new_stations()},
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


def station_booted(*, station_pk: int, boot: StationBoot, now: datetime) -> RegistrationStatus:
    """Keep what the station says of itself; the registration status to answer with."""
    with connection.cursor() as cursor:
        cursor.execute(
            _BOOTED,
            [boot.vendor, boot.model, boot.serial_number, boot.firmware, now, now, station_pk],
        )
        station_id, registration_status = cursor.fetchone()
    publish(StationChanged(current_schema(), station_id))
    return RegistrationStatus(registration_status)


_BOOTED = """
UPDATE chargers_chargingstation
SET vendor = %s, model = %s, serial_number = %s, firmware = %s, booted_at = %s, last_seen_at = %s
WHERE id = %s
RETURNING station_id, registration_status
"""


@transaction.atomic
def connector_status_set(*, station_pk: int, report: ConnectorReport) -> None:
    """Keep a connector's status; a report older than the one we have changes nothing."""
    known, station_id, is_other = _connector_update(station_pk, report)
    if not known:
        evse, _created = Evse.objects.get_or_create(station_id=station_pk, evse_id=report.evse_id)
        Connector.objects.get_or_create(evse=evse, connector_id=report.connector_id)
        _known, station_id, is_other = _connector_update(station_pk, report)
    if station_id:
        publish(StationChanged(current_schema(), station_id))
    if is_other:
        publish(
            ConnectorStatusChanged(
                current_schema(), station_pk, report.evse_id, report.connector_id,
                report.status, report.error_code, report.at,
            )
        )  # fmt: skip


def _connector_update(station_pk: int, report: ConnectorReport) -> tuple[bool, str, bool]:
    """Whether the connector is known, the station's identity if its report is news, and whether
    its status or error code is another one."""
    with connection.cursor() as cursor:
        cursor.execute(
            _STATUS,
            {
                "station_pk": station_pk,
                "evse_id": report.evse_id,
                "connector_id": report.connector_id,
                "status": report.status,
                "at": report.at,
                "error_code": report.error_code,
            },
        )
        is_known, station_id, is_other = cursor.fetchone()
        return bool(is_known), station_id or "", bool(is_other)


# One statement: the status and, when it is another one, its line in the history. The lock makes
# `meant` what the update finds, so that of two reports at once neither is left out of the history.
_STATUS = """
WITH meant AS (
    SELECT c.id, c.status, c.error_code, s.station_id FROM chargers_connector c
    JOIN chargers_evse e ON e.id = c.evse_id
    JOIN chargers_chargingstation s ON s.id = e.station_id
    WHERE e.station_id = %(station_pk)s AND e.evse_id = %(evse_id)s
      AND c.connector_id = %(connector_id)s
    FOR UPDATE OF c
), changed AS (
    UPDATE chargers_connector c
    SET status = %(status)s, status_at = %(at)s, error_code = %(error_code)s
    FROM meant
    WHERE c.id = meant.id AND (c.status_at IS NULL OR c.status_at <= %(at)s)
      AND (c.status, c.status_at, c.error_code)
          IS DISTINCT FROM (%(status)s, %(at)s, %(error_code)s)
    RETURNING c.id, meant.station_id,
        (meant.status, meant.error_code) IS DISTINCT FROM (%(status)s, %(error_code)s) AS is_other
), noted AS (
    INSERT INTO chargers_connectorstatuschange AS known (connector_id, status, error_code, at)
    SELECT id, %(status)s, %(error_code)s, %(at)s FROM changed
    WHERE is_other OR NOT EXISTS (
        SELECT FROM chargers_connectorstatuschange h WHERE h.connector_id = changed.id
    )
    ON CONFLICT (connector_id, at) DO UPDATE
    SET status = excluded.status, error_code = excluded.error_code
)
SELECT EXISTS (SELECT FROM meant), (SELECT station_id FROM changed),
    (SELECT is_other FROM changed)
"""


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
