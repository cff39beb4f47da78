"""What must not wait in a request: calls to CitrineOS for one operator."""

from apps.chargers.csms.citrineos import orders, provisioning
from apps.chargers.csms.citrineos.access import active_account, api_of
from apps.chargers.models import ChargingStation
from apps.tenants.tasking import operator_task


@operator_task(name="chargers.citrineos_order", queue="deliver")
def citrineos_order(station_pk: int, command_id: int) -> None:
    """Pass an order on to CitrineOS; safe to run twice: it is claimed once."""
    orders.order_run(station_pk=station_pk, command_id=command_id)


@operator_task(name="chargers.citrineos_end", queue="deliver")
def citrineos_end(station_pk: int) -> None:
    """Close a station's socket at CitrineOS."""
    account = active_account()
    station = ChargingStation.objects.filter(pk=station_pk).first()
    if account is not None and station is not None:
        api_of(account).connection_end(station_id=station.station_id)


@operator_task(name="chargers.citrineos_provision", queue="deliver")
def citrineos_provision() -> None:
    """Make the operator's stations and tokens known to CitrineOS now."""
    account = active_account()
    if account is not None:
        provisioning.provision(account)
