"""Which back-end holds the sockets of stations that are registered from now on."""

from apps.chargers.choices import BackEnd
from apps.chargers.models import CitrineAccount


def back_end_of_new_stations() -> BackEnd:
    """CitrineOS when the operator's active server takes new stations, else Cariflex itself."""
    chosen = CitrineAccount.objects.filter(is_active=True, serves_new_stations=True)
    return BackEnd.CITRINEOS if chosen.exists() else BackEnd.NATIVE
