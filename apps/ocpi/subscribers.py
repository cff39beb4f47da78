"""What roaming does when something happens below: enqueue, nothing else."""

from apps.billing.events import CdrIssued, TariffIssued
from apps.chargers.events import (
    SessionEnded,
    SessionRevised,
    SessionStarted,
    StationChanged,
    TokenChanged,
)
from apps.ocpi.tasks.publishing import (
    cdr_publish,
    location_publish,
    session_news,
    tariff_publish,
    token_publish,
)
from cariflex.common.events import subscribe


def on_station_changed(event: StationChanged) -> None:
    """Its location may have changed."""
    location_publish.enqueue(event.station_id)


def on_session_moved(event: SessionStarted | SessionEnded | SessionRevised) -> None:
    """A partner's customer may charge; what goes on between is told at the partner's pace."""
    session_news.enqueue(event.session_id)


def on_cdr_issued(event: CdrIssued) -> None:
    """A partner may have to pay for it."""
    cdr_publish.enqueue(str(event.cdr_id), event.session_id)


def on_tariff_issued(event: TariffIssued) -> None:
    """Its prices changed, or will."""
    tariff_publish.enqueue(event.tariff_id)


def on_token_changed(event: TokenChanged) -> None:
    """Charge point operators let it in, or not."""
    token_publish.enqueue(event.id_token_id)


def subscribe_publishing() -> None:
    """Listen to what is told to partners."""
    subscribe(StationChanged, on_station_changed)
    subscribe(SessionStarted, on_session_moved)
    subscribe(SessionEnded, on_session_moved)
    subscribe(SessionRevised, on_session_moved)
    subscribe(CdrIssued, on_cdr_issued)
    subscribe(TariffIssued, on_tariff_issued)
    subscribe(TokenChanged, on_token_changed)
