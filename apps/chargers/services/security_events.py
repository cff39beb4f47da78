"""Security events: what stations report (A04) and what we notice about their sockets."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from apps.chargers.events import SecurityEventStored
from apps.chargers.models import SecurityEvent
from apps.tenants.context import current_schema
from cariflex.common.events import publish

# What we notice ourselves; the other types are the standard's or a vendor's.
MESSAGE_FLOOD = "MessageFlood"
CERTIFICATE_EXPIRES = "CertificateExpires"
INVALID_STATION_CERTIFICATE = "InvalidChargingStationCertificate"
CONNECTION_WITHOUT_TLS = "ConnectionWithoutTls"

# 2.0.1 Part 2 appendix 1, "Security events": those marked critical; and ours.
_CRITICAL = frozenset({
    "FirmwareUpdated", "SettingSystemTime", "StartupOfTheDevice", "ResetOrReboot",
    "SecurityLogWasCleared", "MemoryExhaustion", "TamperDetectionActivated",
    "MaintenanceLoginAccepted", "MaintenanceLoginFailed", CERTIFICATE_EXPIRES,
})  # fmt: skip


@transaction.atomic
def security_event_store(
    *, station_pk: int, event_type: str, at: datetime, tech_info: str = ""
) -> bool:
    """Keep an event; False when the same one is known already (a station repeats itself)."""
    event, is_new = SecurityEvent.objects.get_or_create(
        station_id=station_pk,
        type=event_type[:50],
        at=at,
        tech_info=tech_info[:255],
        defaults={"is_critical": event_type in _CRITICAL},
    )
    if is_new:
        publish(SecurityEventStored(current_schema(), event.pk))
    return is_new


def security_events_acknowledge(*, event_ids: Iterable[int], now: datetime) -> int:
    """Note that somebody has seen these events; how many nobody had seen before."""
    return SecurityEvent.objects.filter(pk__in=list(event_ids), acknowledged_at=None).update(
        acknowledged_at=now
    )
