"""What a location tells beyond what its station knows, written by people."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import transaction

from apps.chargers.models import ChargingStation
from apps.ocpi import wire
from apps.ocpi.choices import ObjectKind
from apps.ocpi.models import StationDetails
from apps.ocpi.objects.errors import WireError
from apps.ocpi.selectors.audience import owner_of
from apps.ocpi.selectors.locations_out import stations_now
from apps.ocpi.services.publish_locations import location_publish
from cariflex.common.errors import DomainError
from cariflex.common.time import format_rfc3339

FIELDS = frozenset(
    {
        "is_published", "address", "postal_code", "city", "parking_type", "facilities",
        "opening_times", "images", "directions", "help_phone", "owner_name", "suboperator_name",
        "energy_mix",
    }
)  # fmt: skip
# Where the standard calls a field otherwise than we do.
_OURS = {"owner": "owner_name", "suboperator": "suboperator_name", "publish": "is_published"}


@transaction.atomic
def station_details_set(
    *, station_pk: int, now: datetime, values: Mapping[str, Any]
) -> StationDetails:
    """Set what is given of a station's details and tell partners; what is not given stays.

    The location must hold the standard's rules with it. DomainError: ocpi.details_unknown_field,
    ocpi.details_invalid with the field, chargers.station_unknown.
    """
    station = ChargingStation.objects.select_for_update(no_key=True).filter(pk=station_pk).first()
    if station is None:
        raise DomainError("chargers.station_unknown", "There is no such station.")
    unknown = sorted(set(values) - FIELDS)
    if unknown:
        raise DomainError(
            "ocpi.details_unknown_field", "There is no such detail.", field=unknown[0]
        )
    details = StationDetails.objects.filter(station=station).first() or StationDetails(
        station=station
    )
    for name, value in values.items():
        setattr(details, name, value)
    try:
        details.clean_fields(exclude=["station"])
    except (ValidationError, FieldDoesNotExist) as err:
        names = list(getattr(err, "message_dict", {"": ""}))
        raise DomainError(
            "ocpi.details_invalid", "; ".join(getattr(err, "messages", [str(err)])), field=names[0]
        ) from err
    details.save()
    _check(station, now)
    location_publish(station.pk, now)
    return details


def _check(station: ChargingStation, now: datetime) -> None:
    """DomainError when the location that comes of it is none."""
    party = owner_of(ObjectKind.LOCATIONS)
    if party is None:
        return
    stamp = format_rfc3339(now)
    for found in stations_now(party=party, now=now, station_pks=[station.pk]):
        content = {name: value for name, value in found.content.items() if name != "evses"} | {
            "last_updated": stamp
        }
        try:
            wire.inside_of("Location", content)
        except WireError as err:
            head = err.field.split(".")[0].split("[")[0]
            raise DomainError(
                "ocpi.details_invalid", str(err), field=_OURS.get(head, head)
            ) from err
