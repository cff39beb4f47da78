"""The operator's stations and tokens made known to CitrineOS: it has no API for them but GraphQL.

Its keys have no tenant: a station identity or a token belongs to one tenant of the whole server.
What another tenant has is left alone and told as a conflict.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from apps.chargers.choices import AuthorizationStatus, BackEnd, TokenType
from apps.chargers.csms.citrineos.access import tables_of
from apps.chargers.csms.citrineos.client import AuthorizationRow, CitrineTables
from apps.chargers.models import ChargingStation, CitrineAccount, IdToken
from apps.chargers.services.citrineos import bridge_note
from apps.chargers.services.tokens import status_now
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

_PAGE = 200
_NAMES = {
    # AuthorizationStatusEnumType of its table has no word for what begins later.
    AuthorizationStatus.NOT_AT_THIS_TIME: AuthorizationStatus.INVALID,
}


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What one run did."""

    stations_added: int = 0
    tokens_added: int = 0
    tokens_changed: int = 0
    conflicts: tuple[str, ...] = ()

    def __add__(self, other: "Provisioned") -> "Provisioned":
        return Provisioned(
            self.stations_added + other.stations_added,
            self.tokens_added + other.tokens_added,
            self.tokens_changed + other.tokens_changed,
            self.conflicts + other.conflicts,
        )


def provision(account: CitrineAccount) -> Provisioned:
    """Bring CitrineOS to what this operator has; running it again changes nothing."""
    tables = tables_of(account)
    if tables is None:
        raise DomainError("citrineos.no_graphql", "The server has no address of GraphQL.")
    now = utc_now()
    done = Provisioned()
    for station_ids in _station_pages():
        done += _stations(tables, account.tenant_id, station_ids, now)
    for tokens in _token_pages():
        done += _tokens(tables, account.tenant_id, tokens, now)
    bridge_note(account_id=account.pk, provisioned_at=now)
    if done.conflicts:
        named = ", ".join(done.conflicts[:5])
        trouble = f"{len(done.conflicts)} belong to another tenant: {named}"
        bridge_note(account_id=account.pk, trouble=trouble[:300])
        logger.warning("citrineos provisioning conflicts count=%s", len(done.conflicts))
    return done


def _station_pages() -> Iterator[Sequence[str]]:
    served = ChargingStation.objects.filter(csms=BackEnd.CITRINEOS).order_by("pk")
    names = served.values_list("station_id", flat=True).iterator(chunk_size=_PAGE)
    while page := list(islice(names, _PAGE)):
        yield page


def _token_pages() -> Iterator[Sequence[IdToken]]:
    tokens = IdToken.objects.exclude(type=TokenType.NO_AUTHORIZATION).order_by("pk")
    rows = tokens.iterator(chunk_size=_PAGE)
    while page := list(islice(rows, _PAGE)):
        yield page


def _stations(
    tables: CitrineTables, tenant_id: int, station_ids: Sequence[str], now: datetime
) -> Provisioned:
    known = {row.station_id: row.tenant_id for row in tables.stations_named(station_ids)}
    missing = [name for name in station_ids if name not in known]
    if missing:
        tables.stations_add(missing, now=now)
    conflicts = tuple(name for name in station_ids if known.get(name, tenant_id) != tenant_id)
    return Provisioned(stations_added=len(missing), conflicts=conflicts)


def _tokens(
    tables: CitrineTables, tenant_id: int, tokens: Sequence[IdToken], now: datetime
) -> Provisioned:
    known = {
        (row.id_token.upper(), row.id_token_type): row
        for row in tables.authorizations_named([token.id_token for token in tokens])
    }
    missing: list[AuthorizationRow] = []
    changed, conflicts = 0, []
    for token in tokens:
        wanted = _wanted(token, now)
        row = known.get((wanted.id_token.upper(), wanted.id_token_type))
        if row is None:
            missing.append(wanted)
        elif row.tenant_id != tenant_id:
            # The masked form: this is shown and logged.
            conflicts.append(str(token))
        elif (row.status, row.expires_at) != (wanted.status, wanted.expires_at):
            change = AuthorizationRow(
                row.id_token, row.id_token_type, wanted.status, wanted.expires_at, row.row_id
            )
            tables.authorization_change(change, now=now)
            changed += 1
    if missing:
        tables.authorizations_add(missing, now=now)
    return Provisioned(
        tokens_added=len(missing), tokens_changed=changed, conflicts=tuple(conflicts)
    )


def _wanted(token: IdToken, now: datetime) -> AuthorizationRow:
    status = status_now(token, now)
    until = token.expires_at
    if until is not None:
        # Its clock has milliseconds: a finer instant would differ at each comparison.
        until = until.replace(microsecond=until.microsecond // 1000 * 1000)
    return AuthorizationRow(token.id_token, token.type, _NAMES.get(status, status).value, until)
