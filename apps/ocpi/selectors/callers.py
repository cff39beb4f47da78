"""What a request needs to know of its caller and of us, in one statement.

Four small questions of the ORM cost more than most answers; a cache of them would let a suspended
partner in for a while.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from apps.ocpi.models import OcpiSettings, Partner, PartnerEndpoint, PartnerRole, Party

HUB_CLIENTS_MODULE = "hubclientinfo"
_UNREAD = frozenset({"token_out", "note", "required_fields"})
"""Fields of a partner that no request needs, the encrypted one first."""


class OwnParty(NamedTuple):
    """An active party of the operator."""

    role: str
    country_code: str
    party_id: str


@dataclass(frozen=True)
class Known:
    """A partner that calls.

    `is_sender_its_own`: the party it names is one of its own or behind the hub that it is.
    `tells_clients`: it serves hubclientinfo. `own_parties`: ours, oldest first; `public_url`: our
    address, empty when partners are answered under the one they called.
    """

    partner: Partner
    is_sender_its_own: bool
    tells_clients: bool
    own_parties: tuple[OwnParty, ...]
    public_url: str


def known_by_hashes(hashes: list[str], country_code: str, party_id: str) -> list[Known]:
    """The partners that present one of these tokens (SHA-256, hex) and name this party."""
    return _known("token_in_hash = ANY(%s)", hashes, country_code, party_id)


def known_by_pk(pk: int, country_code: str, party_id: str) -> Known | None:
    """The partner with this key that names this party, None when it is gone."""
    found = _known("id = %s", pk, country_code, party_id)
    return found[0] if found else None


def _known(condition: str, value: Any, country_code: str, party_id: str) -> list[Known]:
    rows = Partner.objects.raw(f"{_SELECT} WHERE partner.{condition}",
                               [country_code, party_id, value])  # fmt: skip
    return [_one(partner, **vars(partner)) for partner in rows]


def _one(
    partner: Partner,
    *,
    is_sender_its_own: bool,
    tells_clients: bool,
    ours: list[list[str]] | None,
    public_url: str | None,
    **_columns: object,
) -> Known:
    parties = tuple(OwnParty(*party) for party in ours or ())
    return Known(partner, is_sender_its_own, tells_clients, parties, public_url or "")


def _select() -> str:
    columns = ", ".join(
        f'partner."{field.column}"' for field in Partner._meta.concrete_fields
        if field.name not in _UNREAD
    )  # fmt: skip
    tables = {model: model._meta.db_table for model in (OcpiSettings, PartnerEndpoint, Party)}
    return f"""
        SELECT {columns},
          EXISTS (SELECT FROM {PartnerRole._meta.db_table} role WHERE role.partner_id = partner.id
            AND upper(role.country_code) = upper(%s) AND upper(role.party_id) = upper(%s)
          ) AS is_sender_its_own,
          EXISTS (SELECT FROM {tables[PartnerEndpoint]} endpoint
            WHERE endpoint.partner_id = partner.id AND endpoint.identifier = '{HUB_CLIENTS_MODULE}'
          ) AS tells_clients,
          (SELECT json_agg(json_build_array(role, country_code, party_id) ORDER BY id)
            FROM {tables[Party]} WHERE is_active) AS ours,
          (SELECT settings.public_url FROM {tables[OcpiSettings]} settings LIMIT 1) AS public_url
        FROM {Partner._meta.db_table} partner"""  # noqa: S608 - names of our own tables


_SELECT = _select()
