"""hubclientinfo: who is reached through a hub, told by us or to us (2.2.1 §15)."""

from apps.ocpi.choices import InterfaceRole
from apps.ocpi.models import PartnerRole
from apps.ocpi.selectors.hub import HubClient, hub_clients, is_hub
from apps.ocpi.server import paging, routes
from apps.ocpi.server.calls import PARAMETERS, Answer, Call, OcpiError, not_found
from apps.ocpi.server.ownership import check_same
from apps.ocpi.services.hub_clients import hub_client_store
from apps.ocpi.wire import date_time_text, decode, encode

MODULE = "hubclientinfo"
VERSIONS = ("2.2.1", "2.3.0")


@routes.serve(MODULE, InterfaceRole.SENDER, "GET", versions=VERSIONS)
def clients_list(call: Call) -> Answer:
    """The parties that are reached through us, when we are a hub."""
    if call.segments or not is_hub():
        raise not_found("This operator is no hub.")
    asked = paging.page_asked(call)
    found = [
        one
        for one in hub_clients(besides=call.partner)
        if (asked.date_from is None or one.last_updated >= asked.date_from)
        and (asked.date_to is None or one.last_updated < asked.date_to)
    ]
    page = found[asked.offset : asked.offset + asked.limit]
    return paging.page_answer(call, [_json(one) for one in page], len(found))


@routes.serve(MODULE, InterfaceRole.RECEIVER, "GET", versions=VERSIONS)
def client_get(call: Call) -> Answer:
    """What the hub told of a party."""
    country_code, party_id = _party(call)
    row = (
        PartnerRole.objects.filter(
            partner=call.partner, country_code__iexact=country_code, party_id__iexact=party_id
        )
        .exclude(hub_status="")
        .order_by("role")
        .first()
    )
    if row is None:
        raise not_found("This party is not known.")
    client = HubClient(
        row.role,
        row.country_code,
        row.party_id,
        row.hub_status,
        row.last_updated or call.partner.created_at,
    )
    return Answer(data=_json(client))


@routes.serve(MODULE, InterfaceRole.RECEIVER, "PUT", versions=VERSIONS)
def client_put(call: Call) -> Answer:
    """A party's new status, told by the hub."""
    country_code, party_id = _party(call)
    told = decode(call.version, "ClientInfo", call.body)
    check_same("country_code", country_code, told.country_code)
    check_same("party_id", party_id, told.party_id)
    if not call.partner.is_hub:
        raise OcpiError(PARAMETERS, "Only a hub tells of its clients.", 404)
    is_new = hub_client_store(
        partner=call.partner,
        role=told.role,
        country_code=told.country_code,
        party_id=told.party_id,
        status=told.status,
        last_updated=told.last_updated,
    )
    return Answer(http=201 if is_new else 200)


def _party(call: Call) -> tuple[str, str]:
    if len(call.segments) != 2:
        raise not_found()
    return call.segments[0], call.segments[1]


def _json(client: HubClient) -> bytes:
    return encode(
        {
            "party_id": client.party_id,
            "country_code": client.country_code,
            "role": str(client.role),
            "status": str(client.status),
            "last_updated": date_time_text(client.last_updated),
        }
    )
