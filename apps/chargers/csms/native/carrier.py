"""Orders find the process that holds a station's socket through the channel layer."""

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from apps.tenants.channels import operator_group


def station_group(schema_name: str, station_pk: int) -> str:
    """The channel group of one station's socket."""
    return operator_group(schema_name, "station", str(station_pk))


class ChannelCarrier:
    """The native back-end of apps.chargers.csms.port."""

    def command_deliver(self, *, schema_name: str, station_pk: int, command_id: int) -> None:
        """Wake the socket's consumer: it claims the order and sends it."""
        self._tell(schema_name, station_pk, {"type": "station.command", "command_id": command_id})

    def connection_end(self, *, schema_name: str, station_pk: int) -> None:
        """Close the station's socket wherever it is open."""
        self._tell(schema_name, station_pk, {"type": "station.end"})

    def _tell(self, schema_name: str, station_pk: int, message: dict[str, object]) -> None:
        send = async_to_sync(get_channel_layer().group_send)
        send(station_group(schema_name, station_pk), message)
