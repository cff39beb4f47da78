"""From what people call a place to the question which tariff applies there."""

from dataclasses import dataclass

from apps.billing.selectors.tariffs import PriceQuestion, holders_of
from apps.chargers.models import ChargingStation, Connector, Evse
from cariflex.common.errors import DomainError


@dataclass(frozen=True, slots=True)
class PlaceAsked:
    """A place by its numbers on the wire, and who charges there."""

    station_id: str
    evse_id: int | None = None
    connector_id: int | None = None
    id_token: str = ""
    is_ad_hoc: bool = False


def question_at(asked: PlaceAsked) -> PriceQuestion:
    """The question for a place; DomainError billing.place_unknown with the field that is wrong.

    An EVSE with one connector needs no number of it.
    """
    station = station_named(asked.station_id)
    evse = None if asked.evse_id is None else evse_numbered(station, asked.evse_id)
    connector = None
    if evse is not None and asked.connector_id is not None:
        connector = connector_numbered(evse, asked.connector_id).pk
    elif evse is not None:
        only = list(Connector.objects.filter(evse=evse).values_list("pk", flat=True)[:2])
        connector = only[0] if len(only) == 1 else None
    token = "" if asked.is_ad_hoc else asked.id_token
    group, account = holders_of([token] if token else []).get(token.upper(), (None, None))
    return PriceQuestion(
        connector=connector,
        evse=evse.pk if evse else None,
        station=station.pk,
        site=station.site_id,
        token_group=group,
        account=account,
        is_ad_hoc=asked.is_ad_hoc,
    )


def station_named(station_id: str) -> ChargingStation:
    """The station of an OCPP identity."""
    found = ChargingStation.objects.filter(station_id=station_id).first()
    if found is None:
        raise DomainError("billing.place_unknown", "There is no such station.", field="station")
    return found


def evse_numbered(station: ChargingStation, evse_id: int) -> Evse:
    """The EVSE of a station."""
    found = Evse.objects.filter(station=station, evse_id=evse_id).first()
    if found is None:
        raise DomainError("billing.place_unknown", "The station has no such EVSE.", field="evse")
    return found


def connector_numbered(evse: Evse, connector_id: int) -> Connector:
    """The connector of an EVSE."""
    found = Connector.objects.filter(evse=evse, connector_id=connector_id).first()
    if found is None:
        raise DomainError(
            "billing.place_unknown", "The EVSE has no such connector.", field="connector"
        )
    return found
