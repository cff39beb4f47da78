"""Block H: a station gives a reserved place back."""

from typing import Any

from apps.chargers.csms.native.link import StationLink
from apps.chargers.csms.native.registry import handles
from apps.chargers.ocpp.frames import Frame
from apps.chargers.ocpp.values import integer
from apps.chargers.services.reservations import reservation_told
from cariflex.common.time import utc_now


@handles("ReservationStatusUpdate")
async def reservation_status(link: StationLink, frame: Frame) -> dict[str, Any]:
    """H04; a number that is not ours is answered all the same."""
    await link.store(
        reservation_told,
        station_pk=link.station_pk,
        reservation_id=integer(frame.payload["reservationId"]),
        status=frame.payload["reservationUpdateStatus"],
        now=utc_now(),
    )
    return {}
