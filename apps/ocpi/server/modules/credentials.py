"""Credentials: registration asked by a partner, changed, ended (2.2.1 §7.2)."""

from apps.ocpi.choices import InterfaceRole
from apps.ocpi.server import routes
from apps.ocpi.server.calls import CLIENT_ERROR, Answer, Call, OcpiError, not_allowed, not_found
from apps.ocpi.services.credentials import credentials_read, credentials_write
from apps.ocpi.services.handshake import HandshakeFailed
from apps.ocpi.services.registration import registration_accept, registration_end
from cariflex.common.errors import DomainError

MODULE = "credentials"
SENDER = InterfaceRole.SENDER


@routes.serve(MODULE, SENDER, "GET")
def credentials_get(call: Call) -> Answer:
    """Our credentials; the token in them is the one presented, which only its hash is kept of."""
    return _own(call, call.token)


@routes.serve(MODULE, SENDER, "POST")
def credentials_post(call: Call) -> Answer:
    """Register; 405 for who is registered already."""
    if not call.is_invitation:
        raise not_allowed("GET", "PUT", "DELETE")
    return _accept(call)


@routes.serve(MODULE, SENDER, "PUT")
def credentials_put(call: Call) -> Answer:
    """New token, new version or new endpoints; 405 for who is not registered."""
    if call.is_invitation:
        raise not_allowed("GET", "POST")
    return _accept(call)


@routes.serve(MODULE, SENDER, "DELETE")
def credentials_delete(call: Call) -> Answer:
    """Unregister; 405 for who is not registered."""
    if call.segments:
        raise not_found()
    if call.is_invitation:
        raise not_allowed("GET", "POST")
    registration_end(partner=call.partner)
    return Answer()


def _accept(call: Call) -> Answer:
    if call.segments:
        raise not_found()
    told = credentials_read(version=call.version, raw=call.body, role=call.partner.role)
    try:
        token = registration_accept(
            partner=call.partner,
            version=call.version,
            told=told,
            presented_hash=call.partner.token_in_hash,
            is_unencoded=call.is_token_unencoded,
            now=call.now,
        )
    except HandshakeFailed as err:
        raise OcpiError(err.status_code, err.message) from err
    except DomainError as err:
        if err.code != "ocpi.token_used":
            raise
        raise OcpiError(CLIENT_ERROR, err.message, 401) from err
    return _own(call, token)


def _own(call: Call, token: str) -> Answer:
    if call.segments:
        raise not_found()
    body = credentials_write(
        version=call.version,
        token=token,
        root_url=call.root_url,
        partner_role=call.partner.role,
    )
    return Answer(data=body)
