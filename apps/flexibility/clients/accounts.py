"""The account endpoint of our own FlexMeasures plugin: account and service user in one call.

FlexMeasures' API can create neither a user with a password nor an account for us; the plugin
(docker/flexmeasures/cariflex_plugin.py) can, idempotently, for who knows the shared token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cariflex.common.errors import ExternalError
from cariflex.common.http import HttpClient

SYSTEM: Final = "flexmeasures"
PATH: Final = "/cariflex/accounts"


@dataclass(frozen=True, slots=True)
class AccountEnsured:
    """The account as it is now; `created` says whether this call made it."""

    account_id: int
    created: bool


def account_ensure(
    *,
    base_url: str,
    provision_token: str,
    name: str,
    username: str,
    email: str,
    password: str,
) -> AccountEnsured:
    """Make sure that the account and its service user with this password exist.

    Raises ExternalError; a server that is down or starting is retryable.
    """
    http = HttpClient(system=SYSTEM, base_url=base_url, read_timeout_s=60, own_network=True)
    response = http.request(
        "POST",
        PATH,
        headers={"X-Cariflex-Token": provision_token},
        json_body={"name": name, "username": username, "email": email, "password": password},
    )
    http.expect(response, ok=frozenset({200, 201}))
    try:
        answer = response.json()
        return AccountEnsured(int(answer["account_id"]), bool(answer["created"]))
    except (ValueError, KeyError, TypeError) as err:
        raise ExternalError(
            SYSTEM, "the account endpoint answered something else than an account", retryable=False
        ) from err
