"""Versions: which we speak, and where each module is (2.2.1 §6)."""

import json

from apps.ocpi.choices import InterfaceRole, PartyRole
from apps.ocpi.models import Partner
from apps.ocpi.selectors.hub import is_hub
from apps.ocpi.server import routes
from apps.ocpi.server.calls import ALL, Answer, Call, not_found

CREDENTIALS = "credentials"
_OF_CPO = frozenset({"locations", "sessions", "cdrs", "tariffs"})
_LIST = ("",)
"""The list of versions is below no version."""


@routes.serve("versions", InterfaceRole.SENDER, "GET", versions=_LIST)
def versions_list(call: Call) -> Answer:
    """The versions and where the details of each are."""
    rows = [{"version": version, "url": f"{call.root_url}/{version}"} for version in ALL]
    return Answer(data=json.dumps(rows).encode())


@routes.serve("versions", InterfaceRole.SENDER, "GET")
def version_details(call: Call) -> Answer:
    """The endpoints of one version, for both roles on one page.

    2.1.1 has no roles: its partner is told the half that it needs.
    """
    if call.segments:
        raise not_found()
    endpoints = [
        {"identifier": module, **_role(call.version, role), "url": routes.address(
            call.root_url, call.version, module, role
        )}
        for module, role in interfaces_told(call.partner, call.version)
    ]  # fmt: skip
    details = {"version": call.version, "endpoints": endpoints}
    return Answer(data=json.dumps(details).encode())


def interfaces_told(partner: Partner, version: str = "") -> list[tuple[str, InterfaceRole]]:
    """Our interfaces as a partner is told them, by module and role; `version`: else the agreed."""
    version = version or partner.version
    hidden = () if is_hub() else (("hubclientinfo", InterfaceRole.SENDER),)
    found = [(module, role) for module, role in routes.interfaces(version)
             if module != "versions" and (module, role) not in hidden]  # fmt: skip
    if version == "2.1.1":
        return [one for one in found if serves_in_2_1_1(one[0], one[1], partner.role)]
    return found


def serves_in_2_1_1(module: str, role: InterfaceRole, partner_role: str) -> bool:
    """Whether an interface of ours is meant for a partner of this role in 2.1.1.

    A charge point operator is told our receivers of its objects and the sender of tokens; all
    others our side as a charge point operator.
    """
    if module == CREDENTIALS:
        return True
    we_are_cpo = partner_role != PartyRole.CPO
    if module in _OF_CPO:
        return (role == InterfaceRole.SENDER) == we_are_cpo
    if module == "tokens":
        return (role == InterfaceRole.RECEIVER) == we_are_cpo
    return module == "commands" and role == InterfaceRole.RECEIVER and we_are_cpo


def _role(version: str, role: InterfaceRole) -> dict[str, str]:
    return {} if version == "2.1.1" else {"role": str(role)}
