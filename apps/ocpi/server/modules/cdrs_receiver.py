"""CDRs of partners for our customers (eMSP side, 2.2.1 §10.2.2). No PUT, PATCH or DELETE, ever."""

from urllib.parse import quote

from apps.ocpi.choices import InterfaceRole, ObjectKind
from apps.ocpi.server.calls import NOT_ENOUGH, PARAMETERS, Answer, Call, OcpiError, not_found
from apps.ocpi.server.ownership import check
from apps.ocpi.server.receiving import context_of, key_asked, shown, unknown
from apps.ocpi.server.routes import serve
from apps.ocpi.services.cdrs_in import CdrOutcome, cdr_find, cdr_take
from apps.ocpi.services.copies import ObjectKey
from apps.ocpi.wire import decode, inside_dict, to_inside

_KIND = ObjectKind.CDRS


@serve(_KIND, InterfaceRole.RECEIVER, "GET")
def cdr_get(call: Call) -> Answer:
    """A CDR as it came, at the address that its POST was answered with (§10.2.2.1)."""
    key = key_asked(call)
    row = cdr_find(call.partner, key.country_code, key.party_id, key.object_id)
    if row is None:
        raise unknown(call)
    return shown(call, "Cdr", row.content)


@serve(_KIND, InterfaceRole.RECEIVER, "POST")
def cdr_post(call: Call) -> Answer:
    """Take a CDR: HTTP 201 with its address in `Location` (§10.2.2.2).

    The same CDR again is well; another one under the same id is 2001.
    """
    if call.segments:
        raise not_found()
    if not call.body:
        raise OcpiError(NOT_ENOUGH, "The body is empty.")
    struct = decode(call.version, "Cdr", call.body)
    context = context_of(call, _owner(call))
    content = inside_dict(to_inside(call.version, struct, context=context))
    country_code, party_id = content["country_code"], content["party_id"]
    check(call, country_code, party_id)
    taken = cdr_take(partner=call.partner, content=content, now=call.now)
    if taken.outcome == CdrOutcome.REFUSED:
        raise OcpiError(PARAMETERS, f"id: another CDR is known as {content['id']!r}")
    parts = (country_code, party_id, content["id"])
    where = "/".join((call.base_url, *(quote(part, safe="") for part in parts)))
    is_new = taken.outcome == CdrOutcome.NEW
    return Answer(http=201 if is_new else 200, headers={"Location": where})


def _owner(call: Call) -> ObjectKey:
    """Whose CDR a 2.1.1 body is: the partner's only charge point operator."""
    roles = list(call.partner.roles.filter(role="CPO").values_list("country_code", "party_id")[:2])
    if call.version == "2.1.1" and len(roles) != 1:
        raise OcpiError(PARAMETERS, "It is not clear whose CDR it is.")
    return ObjectKey(*roles[0], "") if len(roles) == 1 else ObjectKey("", "", "")
