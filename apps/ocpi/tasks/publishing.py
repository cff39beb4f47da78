"""What of ours is told to partners: after news, and in sweeps for news that was lost."""

from uuid import UUID

from apps.chargers.models import ChargingStation, Session
from apps.ocpi.services.publish_cdrs import cdr_publish as publish_cdr
from apps.ocpi.services.publish_cdrs import cdrs_publish_missed
from apps.ocpi.services.publish_locations import location_publish as publish_location
from apps.ocpi.services.publish_locations import locations_publish
from apps.ocpi.services.publish_sessions import session_publish, sessions_publish_due
from apps.ocpi.services.publish_tariffs import tariff_publish as publish_tariff
from apps.ocpi.services.publish_tariffs import tariffs_publish
from apps.ocpi.services.publish_tokens import token_publish as publish_token
from apps.ocpi.services.publish_tokens import tokens_publish
from apps.ocpi.services.roaming_sessions import roaming_session_find
from apps.tenants.tasking import operator_task
from cariflex.common.time import utc_now


@operator_task(name="ocpi.location_publish", queue="deliver")
def location_publish(station_id: str) -> None:
    """Tell partners of a station's change."""
    pk = ChargingStation.objects.filter(station_id=station_id).values_list("pk", flat=True).first()
    if pk is not None:
        publish_location(pk, utc_now())


@operator_task(name="ocpi.session_news", queue="deliver")
def session_news(session_id: int) -> None:
    """Tell of a session that began, ended or was revised, and of its EVSE."""
    now = utc_now()
    roaming_session_find(session_id)
    session_publish(session_id, now)
    station_pk = Session.objects.filter(pk=session_id).values_list("station", flat=True).first()
    if station_pk is not None:
        publish_location(int(station_pk), now)


@operator_task(name="ocpi.cdr_publish", queue="deliver")
def cdr_publish(cdr_id: str, session_id: int) -> None:
    """Tell a partner of a CDR, and of what its session cost."""
    now = utc_now()
    publish_cdr(UUID(cdr_id), now)
    session_publish(session_id, now)


@operator_task(name="ocpi.tariff_publish", queue="deliver")
def tariff_publish(tariff_id: int) -> None:
    """Tell partners of a tariff, and of the places where it holds."""
    now = utc_now()
    publish_tariff(tariff_id, now)
    locations_publish(now=now)


@operator_task(name="ocpi.token_publish", queue="deliver")
def token_publish(id_token_pk: int) -> None:
    """Tell partners of a token."""
    publish_token(id_token_pk, utc_now())


@operator_task(name="ocpi.sessions_push", queue="deliver")
def sessions_push() -> None:
    """Every 10 s: sessions that go on, at the pace of each partner."""
    sessions_publish_due(now=utc_now())


@operator_task(name="ocpi.publish_sweep", queue="deliver")
def publish_sweep() -> None:
    """Every 2 min: whatever differs from what partners were told."""
    now = utc_now()
    tariffs_publish(now=now)
    locations_publish(now=now)
    cdrs_publish_missed(now=now)


@operator_task(name="ocpi.tokens_sweep", queue="deliver")
def tokens_sweep() -> None:
    """Every hour: tokens that differ from what partners were told, such as those that expired."""
    tokens_publish(now=utc_now())
