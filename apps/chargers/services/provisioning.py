"""Block B: a station boots, is accepted or made to wait, and is asked what it is made of."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from apps.chargers.choices import RegistrationStatus
from apps.chargers.csms.port import csms
from apps.chargers.events import StationChanged
from apps.chargers.models import ChargingStation, Command
from apps.chargers.ocpp.events import StationBoot
from apps.chargers.services.connections import HEARTBEAT_INTERVAL_S
from apps.chargers.services.intents import base_report_ask, trigger
from apps.chargers.services.stations import station_booted
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError
from cariflex.common.events import publish

# B02, B03: how long a station waits with its next boot when it was not accepted.
BOOT_RETRY_S = 60


@dataclass(frozen=True, slots=True)
class BootDecision:
    """The answer to a boot; `asks_model` when the station should be asked for its device model."""

    status: RegistrationStatus
    interval_s: int
    asks_model: bool


@transaction.atomic
def station_boot(*, station_pk: int, boot: StationBoot, now: datetime) -> BootDecision:
    """Keep what the station says of itself and decide on it (B01 to B04)."""
    status = station_booted(station_pk=station_pk, boot=boot, now=now)
    is_accepted = status == RegistrationStatus.ACCEPTED
    return BootDecision(
        status=status,
        interval_s=HEARTBEAT_INTERVAL_S if is_accepted else BOOT_RETRY_S,
        asks_model=(
            settings.OCPP_ASK_MODEL
            and status != RegistrationStatus.REJECTED
            and not _model_is_known_or_asked(station_pk)
        ),
    )


def _model_is_known_or_asked(station_pk: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN_OR_ASKED, {"pk": station_pk})
        return bool(cursor.fetchone()[0])


# A station that has no such report is not asked again; one that was cut off is.
_KNOWN_OR_ASKED = """
SELECT EXISTS (SELECT FROM chargers_devicevariable WHERE station_id = %(pk)s)
    OR EXISTS (
        SELECT FROM chargers_command
        WHERE station_id = %(pk)s AND action IN ('GetBaseReport', 'GetConfiguration')
          AND (status IN ('queued', 'sent', 'accepted', 'rejected') OR error LIKE 'Not%%')
    )
"""


def model_ask(*, station_pk: int) -> Command:
    """Ask a station for its whole device model (B07); a 1.6 station for its configuration."""
    station_id = ChargingStation.objects.values_list("station_id", flat=True).get(pk=station_pk)
    return base_report_ask(station_id=station_id, reason="first boot")


@transaction.atomic
def registration_set(
    *,
    station_id: str,
    status: RegistrationStatus,
    requested_by_id: int | None = None,
    reason: str = "",
) -> Command | None:
    """Accept a station, let it wait, or reject it (B01 to B03); the order to boot again, if any.

    The station hears of it in the answer to its next boot: one that is connected is asked to boot
    now. One that is rejected is cut off instead, and hears it when it comes back.
    """
    station = ChargingStation.objects.select_for_update().filter(station_id=station_id).first()
    if station is None:
        raise DomainError("chargers.station_unknown", f"There is no station {station_id}.")
    was = station.registration_status
    if was == status:
        return None
    station.registration_status = status
    station.save(update_fields=["registration_status"])
    publish(StationChanged(current_schema(), station_id))
    if not station.is_online or was == RegistrationStatus.REJECTED:
        # B03: nothing is sent to a rejected station; it boots again by itself.
        return None
    if status == RegistrationStatus.REJECTED:
        schema_name, station_pk = current_schema(), station.pk
        transaction.on_commit(
            lambda: csms(station.csms).connection_end(
                schema_name=schema_name, station_pk=station_pk
            ),
            robust=True,
        )
        return None
    return trigger(
        station_id=station_id,
        message="BootNotification",
        requested_by_id=requested_by_id,
        reason=reason,
    )
