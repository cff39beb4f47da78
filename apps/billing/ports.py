"""What billing asks of the apps above: who pays for a session of a token that is not ours?

The upper app fills the port in its AppConfig.ready(). Until then the operator's own tokens tell
who pays.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays for a session, and how it was allowed to charge.

    `account_id` is None where the payer is known and has no account. `auth_method` is of OCPI
    (2.2.1 §10.4.1).
    """

    account_id: int | None
    auth_method: str


class SessionPayers(Protocol):
    """Knows who pays; called inside the operator's schema.

    `settle` is called in the transaction that makes a session's CDR, before anything else is asked:
    what is to be found out of the session is written down now. It may come twice.
    """

    def settle(self, session_id: int) -> Payer | None: ...

    def payers_of(self, session_ids: Collection[int]) -> Mapping[int, Payer]:
        """The payers of those sessions that are not paid for by holders of our tokens."""

    def account_of_token(self, id_token: str) -> int | None:
        """Whose account will most likely pay for a session that a token not of ours starts now."""


_payers: list[SessionPayers] = []


def register_session_payers(payers: SessionPayers) -> None:
    """Ask this one who pays; the last registration counts."""
    _payers[:] = [payers]


def session_settle(session_id: int) -> Payer | None:
    """Find out for good who pays for a session; None: a holder of a token of ours, or nobody."""
    return _payers[0].settle(session_id) if _payers else None


def payers_of(session_ids: Collection[int]) -> Mapping[int, Payer]:
    """Who pays for sessions, where it is nobody with a token of ours."""
    return _payers[0].payers_of(session_ids) if _payers and session_ids else {}


def account_of_token(id_token: str) -> int | None:
    """Whose account will most likely pay for a session that a token not of ours starts now."""
    return _payers[0].account_of_token(id_token) if _payers and id_token else None
