"""The back-end of apps.chargers.csms.port whose sockets CitrineOS holds."""

from apps.chargers.csms.citrineos.tasks import citrineos_end, citrineos_order
from apps.chargers.services.commands import DELIVERY_LIMIT
from apps.tenants.tasking import HEADER


class CitrineCarrier:
    """Orders are calls over the network: a worker makes them, no request waits for them."""

    def command_deliver(self, *, schema_name: str, station_pk: int, command_id: int) -> None:
        """Have the order passed on; later than DELIVERY_LIMIT it has ended as not delivered."""
        citrineos_order.apply_async(
            (station_pk, command_id),
            headers={HEADER: schema_name},
            expires=DELIVERY_LIMIT.total_seconds(),
        )

    def connection_end(self, *, schema_name: str, station_pk: int) -> None:
        """Have the station's socket closed at CitrineOS."""
        citrineos_end.apply_async((station_pk,), headers={HEADER: schema_name})
