"""Sockets of stations: opened, seen, closed, swept; and those that were refused."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q

from apps.chargers.choices import (
    ConnectionState,
    RefusalReason,
    RegistrationStatus,
    SecurityProfile,
)
from apps.chargers.events import ConnectionChanged, StationChanged
from apps.chargers.models import STATION_ID_MAX_LENGTH, ChargingStation, ConnectionChange
from apps.chargers.ocpp.versions import OcppVersion
from apps.chargers.services.certificates import certificate_opens
from apps.chargers.services.password_rotation import password_used
from apps.chargers.services.security_events import (
    INVALID_STATION_CERTIFICATE,
    security_event_store,
)
from apps.chargers.services.stations import station_id_is_valid
from apps.tenants.context import current_schema
from cariflex.common.events import publish

HEARTBEAT_INTERVAL_S = 30
# A station that missed two heartbeats and half of the third is taken as gone.
SILENCE_LIMIT = timedelta(seconds=2.5 * HEARTBEAT_INTERVAL_S)
# Different (identity, reason) pairs kept for one operator: a stranger cannot fill the table.
REFUSALS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Admission:
    """A station that may talk: its row, what it is registered as, and the socket it replaces."""

    station_pk: int
    registration_status: RegistrationStatus
    replaced_channel: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A station that may not; `status` is the HTTP answer."""

    status: int
    reason: RefusalReason


def connection_check(
    *,
    station_id: str,
    password: str | None,
    now: datetime,
    is_tls: bool = False,
    certificate: bytes = b"",
) -> int | Refusal:
    """The station's row id if it exists and has shown what its security profile demands (A00)."""
    if not station_id_is_valid(station_id):
        # Whatever else it is, no identity that the database should be asked for.
        return Refusal(404, RefusalReason.UNKNOWN_STATION)
    station = (
        ChargingStation.objects.filter(station_id=station_id)
        .only(
            "pk",
            "station_id",
            "password_hash",
            "next_password_hash",
            "security_profile",
            "serial_number",
        )
        .first()
    )
    if station is None:
        return Refusal(404, RefusalReason.UNKNOWN_STATION)
    if station.security_profile >= SecurityProfile.TLS and not is_tls:
        return Refusal(403, RefusalReason.TLS_REQUIRED)
    if station.security_profile == SecurityProfile.MUTUAL_TLS:
        return _certificate_check(station, certificate, now)
    if password is None:
        return Refusal(401, RefusalReason.MISSING_PASSWORD)
    if not password_used(station=station, password=password):
        return Refusal(401, RefusalReason.BAD_PASSWORD)
    return station.pk


def _certificate_check(
    station: ChargingStation, certificate: bytes, now: datetime
) -> int | Refusal:
    if not certificate:
        return Refusal(403, RefusalReason.MISSING_CERTIFICATE)
    wrong = certificate_opens(station=station, der=certificate, now=now)
    if not wrong:
        return station.pk
    # Once a minute and reason: a stranger with some certificate cannot fill the list.
    security_event_store(
        station_pk=station.pk,
        event_type=INVALID_STATION_CERTIFICATE,
        at=now.replace(second=0, microsecond=0),
        tech_info=f"The client certificate was refused: {wrong}.",
    )
    return Refusal(403, RefusalReason.BAD_CERTIFICATE)


def connection_admit(
    *,
    station_id: str,
    password: str | None,
    channel: str,
    version: OcppVersion | None,
    now: datetime,
    is_tls: bool = False,
    certificate: bytes = b"",
) -> Admission | Refusal:
    """Give the identity to this socket if it is its own: one hop, two statements with a password.

    `version` is the newest that both speak, None when there is none; `certificate` is the client
    certificate (DER) of the TLS connection.

    After a power cut a whole island asks for this within seconds.
    """
    checked = connection_check(
        station_id=station_id,
        password=password,
        now=now,
        is_tls=is_tls,
        certificate=certificate,
    )
    if isinstance(checked, Refusal):
        return checked
    if version is None:
        return Refusal(101, RefusalReason.SUBPROTOCOL)
    return connection_open(station_pk=checked, channel=channel, version=version, now=now)


@transaction.atomic
def connection_open(
    *, station_pk: int, channel: str, now: datetime, version: OcppVersion | None = None
) -> Admission:
    """Give the station's identity to this socket; the one that had it is to be closed.

    `version` is what it speaks now; None leaves what is known.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _OPEN,
            {
                "pk": station_pk,
                "online": ConnectionState.ONLINE.value,
                "channel": channel,
                "version": version.value if version else "",
                "now": now,
            },
        )
        replaced_channel, registration_status, station_id = cursor.fetchone()
    publish(StationChanged(current_schema(), station_id))
    if not replaced_channel:
        publish(ConnectionChanged(current_schema(), station_pk, True, now))
    return Admission(station_pk, RegistrationStatus(registration_status), replaced_channel)


# One statement, so that of two sockets that open at once each sees whom it replaces.
_OPEN = """
WITH was AS (
    SELECT id, connection_channel, connection_state FROM chargers_chargingstation
    WHERE id = %(pk)s FOR UPDATE
), noted AS (
    INSERT INTO chargers_connectionchange (station_id, is_online, at)
    SELECT id, true, %(now)s FROM was WHERE connection_state <> %(online)s
)
UPDATE chargers_chargingstation s
SET connection_state = %(online)s, connection_channel = %(channel)s, connected_at = %(now)s,
    last_seen_at = %(now)s, ocpp_version = coalesce(nullif(%(version)s, ''), s.ocpp_version)
FROM was
WHERE s.id = was.id
RETURNING was.connection_channel, s.registration_status, s.station_id
"""


def connection_seen(*, station_pk: int, channel: str, now: datetime) -> None:
    """The station spoke on the socket that holds its identity."""
    ChargingStation.objects.filter(pk=station_pk, connection_channel=channel).update(
        last_seen_at=now, connection_state=ConnectionState.ONLINE
    )


@transaction.atomic
def connection_close(*, station_pk: int, channel: str, now: datetime) -> bool:
    """The socket is gone; False when a newer one holds the identity, which then stays online."""
    with connection.cursor() as cursor:
        cursor.execute(
            _CLOSE,
            {
                "offline": ConnectionState.OFFLINE.value,
                "now": now,
                "pk": station_pk,
                "channel": channel,
            },
        )
        closed = cursor.fetchone()
    if closed is None:
        return False
    publish(StationChanged(current_schema(), closed[0]))
    publish(ConnectionChanged(current_schema(), station_pk, False, now))
    return True


_CLOSE = """
WITH closed AS (
    UPDATE chargers_chargingstation
    SET connection_state = %(offline)s, connection_channel = '', disconnected_at = %(now)s
    WHERE id = %(pk)s AND connection_channel = %(channel)s
    RETURNING id, station_id
), noted AS (
    INSERT INTO chargers_connectionchange (station_id, is_online, at)
    SELECT id, false, %(now)s FROM closed
)
SELECT station_id FROM closed
"""


def connections_sweep(*, now: datetime) -> int:
    """Mark stations offline that are silent for too long (their process died); how many."""
    silent = ChargingStation.objects.filter(
        Q(last_seen_at__lt=now - SILENCE_LIMIT) | Q(last_seen_at__isnull=True),
        connection_state=ConnectionState.ONLINE,
    )
    with transaction.atomic():
        stations = list(silent.select_for_update(skip_locked=True).order_by("pk"))
        for station in stations:
            _offline(station, now)
    return len(stations)


def connection_refused(
    *, station_id: str, path: str, refusal: Refusal, remote: str, now: datetime
) -> None:
    """Count a refused connection, shown in the admin; the oldest pairs make room for new ones."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _COUNT_REFUSAL,
            [
                _shown(station_id, STATION_ID_MAX_LENGTH),
                _shown(path, 200),
                refusal.status,
                refusal.reason.value,
                _shown(remote, 64),
                now,
                now,
            ],
        )
        if cursor.fetchone()[0] == 1:
            cursor.execute(
                "DELETE FROM chargers_refusedconnection WHERE id IN (SELECT id"
                " FROM chargers_refusedconnection ORDER BY at DESC, id DESC OFFSET %s)",
                [REFUSALS_KEPT],
            )


_COUNT_REFUSAL = """
INSERT INTO chargers_refusedconnection AS seen
    (station_id, path, status, reason, remote, count, first_at, at)
VALUES (%s, %s, %s, %s, %s, 1, %s, %s)
ON CONFLICT (station_id, reason) DO UPDATE
SET count = seen.count + 1, path = excluded.path, status = excluded.status,
    remote = excluded.remote, at = excluded.at
RETURNING count
"""


def _offline(station: ChargingStation, now: datetime) -> None:
    station.connection_state = ConnectionState.OFFLINE
    station.connection_channel = ""
    station.disconnected_at = now
    station.save(update_fields=["connection_state", "connection_channel", "disconnected_at"])
    # It spoke for the last time then; since that it could not be used.
    at = station.last_seen_at or now
    ConnectionChange.objects.create(station=station, is_online=False, at=at)
    publish(StationChanged(current_schema(), station.station_id))
    publish(ConnectionChanged(current_schema(), station.pk, False, at))


def _shown(text: str, length: int) -> str:
    """A stranger's text as it can be stored and shown: printable and short."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)[:length]
