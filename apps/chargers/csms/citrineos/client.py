"""CitrineOS over HTTP: its message and data API (REST), and its tables (Hasura GraphQL).

No ORM and no settings here. Errors are ExternalError; an order that CitrineOS refuses is
OrderRefused with its reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from apps.chargers.csms.citrineos.endpoints import message_path
from apps.chargers.ocpp.values import loads
from apps.chargers.ocpp.versions import OcppVersion
from cariflex.common.errors import ExternalError
from cariflex.common.http import HttpClient
from cariflex.common.time import format_rfc3339

SYSTEM: Final = "citrineos"
# getBaseReport was seen to answer after 30 s; its order waits for the station anyway.
_READ_TIMEOUT_S = 45.0
_REASON_MAX_LENGTH = 200


class OrderRefused(Exception):
    """CitrineOS did not pass an order on; the station has not seen it."""


@dataclass(frozen=True, slots=True)
class StationRow:
    """A row of ChargingStations."""

    station_id: str
    tenant_id: int
    is_online: bool
    version: OcppVersion | None


@dataclass(frozen=True, slots=True)
class AuthorizationRow:
    """A row of Authorizations: a token that CitrineOS lets charge, or does not."""

    id_token: str
    id_token_type: str
    status: str
    expires_at: datetime | None
    row_id: int | None = None
    tenant_id: int | None = None


class CitrineApi:
    """The REST side of one CitrineOS server, for one of its tenants."""

    def __init__(self, *, base_url: str, tenant_id: int, token: str, http: HttpClient) -> None:
        self._base_url = base_url.rstrip("/")
        self._tenant = str(tenant_id)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = http

    def order(
        self,
        *,
        station_id: str,
        version: OcppVersion,
        action: str,
        payload: Mapping[str, Any],
        callback_url: str,
    ) -> None:
        """Hand an order over; its answer comes to `callback_url`.

        OrderRefused when the station cannot get it. ExternalError when it is not known whether it
        got it (silence after the request was sent), or surely did not (cannot be reached).
        """
        path = message_path(version, action)
        if path is None:
            raise OrderRefused(f"CitrineOS does not pass {action} of OCPP {version} on.")
        response = self._http.request(
            "POST",
            self._base_url + path,
            params={
                "identifier": station_id,
                "tenantId": self._tenant,
                "callbackUrl": callback_url,
            },
            headers=self._headers,
            json_body=dict(payload),
        )
        if 400 <= response.status < 500 and response.status not in {408, 425, 429}:
            raise OrderRefused(f"CitrineOS refused it: {_reason(_json(response.content))}")
        self._http.expect(response, ok=frozenset({200, 201}))
        confirmations = _json(response.content)
        if not isinstance(confirmations, list) or not confirmations:
            raise ExternalError(SYSTEM, "answered an order in an unknown form", retryable=False)
        first = confirmations[0]
        if not isinstance(first, dict) or first.get("success") is not True:
            raise OrderRefused(f"CitrineOS did not send it: {_reason(first)}")

    def connection_end(self, *, station_id: str) -> None:
        """Close a station's socket."""
        response = self._http.request(
            "DELETE",
            f"{self._base_url}/data/ocpprouter/connection",
            params={"stationId": station_id, "tenantId": self._tenant},
            headers=self._headers,
        )
        self._http.expect(response, ok=frozenset({200, 204}))

    def password_set(self, *, station_id: str, password: str) -> None:
        """What a station must present from now on; it has it already (`setOnCharger`)."""
        response = self._http.request(
            "POST",
            f"{self._base_url}/data/configuration/password",
            params={"tenantId": self._tenant},
            headers=self._headers,
            json_body={"stationId": station_id, "password": password, "setOnCharger": True},
        )
        self._http.expect(response, ok=frozenset({200, 201, 204}))


class CitrineTables:
    """The tables of one CitrineOS server through Hasura, for one of its tenants."""

    def __init__(self, *, url: str, tenant_id: int, secret: str, http: HttpClient) -> None:
        self._url = url
        self._tenant_id = tenant_id
        self._headers = {"x-hasura-admin-secret": secret} if secret else {}
        self._http = http

    def messages_after(
        self, *, last_id: int, again_from_id: int, again_since: datetime,
        starts_at: datetime, limit: int,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Rows of OCPPMessages by id: those after `last_id`, and late ones among those before.

        A row gets its id before it is committed: of two, the later one may be seen first. So rows
        above `again_from_id` that are younger than `again_since` are given once more.
        """
        found = self._ask(
            _MESSAGES,
            {
                "tenant": self._tenant_id,
                "after": last_id,
                "again": again_from_id,
                "since": format_rfc3339(again_since),
                "start": format_rfc3339(starts_at),
                "limit": limit,
            },
        )
        return _rows(found, "OCPPMessages")

    def stations(self, *, after: str = "", limit: int = 500) -> list[StationRow]:
        """The tenant's stations by identity, a page at a time."""
        found = self._ask(_STATIONS, {"tenant": self._tenant_id, "after": after, "limit": limit})
        return [_station(row) for row in _rows(found, "ChargingStations")]

    def stations_named(self, station_ids: Sequence[str]) -> list[StationRow]:
        """Rows with these identities, whichever tenant has them: the identity alone is the key."""
        found = self._ask(_STATIONS_NAMED, {"ids": list(station_ids)})
        return [_station(row) for row in _rows(found, "ChargingStations")]

    def stations_add(self, station_ids: Sequence[str], *, now: datetime) -> None:
        """Make stations known, so that a server that refuses strangers lets them in."""
        at = format_rfc3339(now)
        rows = [
            {
                "id": station_id, "tenantId": self._tenant_id, "isOnline": False,
                "createdAt": at, "updatedAt": at,
            }
            for station_id in station_ids
        ]  # fmt: skip
        self._ask(_STATIONS_ADD, {"rows": rows})

    def authorizations_named(self, id_tokens: Sequence[str]) -> list[AuthorizationRow]:
        """Rows with these tokens (compared without case), whichever tenant has them."""
        found = self._ask(_AUTHORIZATIONS, {"tokens": list(id_tokens)})
        return [_authorization(row) for row in _rows(found, "Authorizations")]

    def authorizations_add(self, rows: Sequence[AuthorizationRow], *, now: datetime) -> None:
        """Add tokens that CitrineOS does not know."""
        at = format_rfc3339(now)
        objects = [
            {
                "idToken": row.id_token, "idTokenType": row.id_token_type, "status": row.status,
                "cacheExpiryDateTime": _when(row.expires_at), "concurrentTransaction": False,
                "tenantId": self._tenant_id, "createdAt": at, "updatedAt": at,
            }
            for row in rows
        ]  # fmt: skip
        self._ask(_AUTHORIZATIONS_ADD, {"rows": objects})

    def authorization_change(self, row: AuthorizationRow, *, now: datetime) -> None:
        """Give a token its status and end of validity."""
        values = {
            "status": row.status,
            "cacheExpiryDateTime": _when(row.expires_at),
            "updatedAt": format_rfc3339(now),
        }
        self._ask(_AUTHORIZATION_CHANGE, {"id": row.row_id, "values": values})

    def _ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        response = self._http.request(
            "POST", self._url, headers=self._headers,
            json_body={"query": query, "variables": variables},
        )  # fmt: skip
        self._http.expect(response, ok=frozenset({200}))
        answer = _json(response.content)
        if not isinstance(answer, dict) or answer.get("errors") or "data" not in answer:
            errors = answer.get("errors") if isinstance(answer, dict) else None
            # Hasura answers 200 to a query that it cannot run: asking again gives the same.
            raise ExternalError(SYSTEM, f"GraphQL: {_reason(errors)}", retryable=False)
        found: dict[str, Any] = answer["data"]
        return found


def http_client(*, allow_loopback: bool, own_network: bool) -> HttpClient:
    """The HTTP client for one CitrineOS server."""
    return HttpClient(
        system=SYSTEM,
        read_timeout_s=_READ_TIMEOUT_S,
        max_bytes=50_000_000,
        allow_loopback=allow_loopback,
        own_network=own_network,
    )


_MESSAGES = """
query Messages($tenant: Int!, $after: Int!, $again: Int!, $since: timestamptz!,
               $start: timestamptz!, $limit: Int!) {
  OCPPMessages(
    where: {tenantId: {_eq: $tenant}, timestamp: {_gte: $start}, _and: [
      {_or: [{origin: {_eq: "cs"}}, {action: {_eq: "StartTransaction"}}]},
      {_or: [{id: {_gt: $after}}, {id: {_gt: $again}, timestamp: {_gt: $since}}]}]}
    order_by: {id: asc}, limit: $limit
  ) { id stationId tenantId correlationId origin protocol action message timestamp }
}"""
_STATIONS = """
query Stations($tenant: Int!, $after: String!, $limit: Int!) {
  ChargingStations(where: {tenantId: {_eq: $tenant}, id: {_gt: $after}}, order_by: {id: asc},
                   limit: $limit) { id tenantId isOnline protocol }
}"""
_STATIONS_NAMED = """
query StationsNamed($ids: [String!]!) {
  ChargingStations(where: {id: {_in: $ids}}) { id tenantId isOnline protocol }
}"""
_STATIONS_ADD = """
mutation StationsAdd($rows: [ChargingStations_insert_input!]!) {
  insert_ChargingStations(objects: $rows) { affected_rows }
}"""
_AUTHORIZATIONS = """
query AuthorizationsNamed($tokens: [citext!]!) {
  Authorizations(where: {idToken: {_in: $tokens}}) {
    id idToken idTokenType status cacheExpiryDateTime tenantId }
}"""
_AUTHORIZATIONS_ADD = """
mutation AuthorizationsAdd($rows: [Authorizations_insert_input!]!) {
  insert_Authorizations(objects: $rows) { affected_rows }
}"""
_AUTHORIZATION_CHANGE = """
mutation AuthorizationChange($id: Int!, $values: Authorizations_set_input!) {
  update_Authorizations_by_pk(pk_columns: {id: $id}, _set: $values) { id }
}"""
_VERSIONS = {version.subprotocol: version for version in OcppVersion}


def _station(row: Mapping[str, Any]) -> StationRow:
    return StationRow(
        station_id=str(row["id"]),
        tenant_id=int(row["tenantId"]),
        is_online=row.get("isOnline") is True,
        version=_VERSIONS.get(row.get("protocol") or ""),
    )


def _authorization(row: Mapping[str, Any]) -> AuthorizationRow:
    until = row.get("cacheExpiryDateTime")
    return AuthorizationRow(
        id_token=str(row["idToken"]),
        id_token_type=str(row.get("idTokenType") or ""),
        status=str(row["status"]),
        expires_at=None if until is None else datetime.fromisoformat(until),
        row_id=int(row["id"]),
        tenant_id=int(row["tenantId"]),
    )


def _when(at: datetime | None) -> str | None:
    return None if at is None else format_rfc3339(at)


def _rows(found: Mapping[str, Any], table: str) -> list[dict[str, Any]]:
    rows = found.get(table)
    if not isinstance(rows, list):
        raise ExternalError(SYSTEM, f"GraphQL gave no {table}", retryable=False)
    return rows


def _json(content: bytes) -> Any:
    # Not HttpResponse.json: a page of messages carries meters, whose digits must survive.
    try:
        return loads(content.decode("utf-8", errors="replace"))
    except (ValueError, RecursionError) as err:
        raise ExternalError(SYSTEM, "answered something that is no JSON", retryable=False) from err


def _reason(answer: Any) -> str:
    """What an answer says of why not, short and printable."""
    if isinstance(answer, list) and answer:
        answer = answer[0]
    if isinstance(answer, dict):
        answer = answer.get("payload") or answer.get("message") or answer.get("error") or answer
    text = str(answer)
    return "".join(c if c.isprintable() else " " for c in text)[:_REASON_MAX_LENGTH]
