"""Orders find the process that holds a station's socket through the channel layer.

The station's row names the socket's channel: no group is kept, so a storm of stations that come
and go costs the layer nothing.
"""

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from apps.chargers.models import ChargingStation


class ChannelCarrier:
    """The native back-end of apps.chargers.csms.port."""

    def command_deliver(self, *, schema_name: str, station_pk: int, command_id: int) -> None:
        """Wake the socket's consumer: it claims the order and sends it."""
        self._tell(station_pk, {"type": "station.command", "command_id": command_id})

    def connection_end(self, *, schema_name: str, station_pk: int) -> None:
        """Close the station's socket wherever it is open."""
        self._tell(station_pk, {"type": "station.end"})

    def _tell(self, station_pk: int, message: dict[str, object]) -> None:
        station = ChargingStation.objects.filter(pk=station_pk).exclude(connection_channel="")
        channel = station.values_list("connection_channel", flat=True).first()
        if channel:
            async_to_sync(get_channel_layer().send)(channel, message)
