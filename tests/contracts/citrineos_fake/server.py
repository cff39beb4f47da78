"""The fake itself: what stations say goes on the exchange and into the table of messages."""

from __future__ import annotations

import itertools
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from kombu import Connection

from tests.contracts.fake_server import Answer, FakeServer, Request, serving

EXCHANGE = "citrineos"
SECRET = "hasura-secret"  # noqa: S105
Row = dict[str, Any]


def js_instant(at: datetime) -> str:
    """As JavaScript's toISOString has it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


@dataclass
class CitrineFake:
    """The server's tables, its exchange, and what was ordered."""

    server: FakeServer
    amqp: Connection | None = None
    messages: list[Row] = field(default_factory=list)
    stations: dict[str, Row] = field(default_factory=dict)
    authorizations: list[Row] = field(default_factory=list)
    orders: list[Row] = field(default_factory=list)
    passwords: list[Row] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    forced: Answer | None = None
    on_order: Callable[[Row], None] | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _publishing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def rest_url(self) -> str:
        return self.server.url

    @property
    def graphql_url(self) -> str:
        return f"{self.server.url}/v1/graphql"

    # --- stations ---

    def connect(self, station_id: str, *, tenant_id: int = 1, protocol: str = "ocpp2.0.1") -> None:
        """A station's socket opens."""
        self.stations[station_id] = {
            "id": station_id, "tenantId": tenant_id, "isOnline": True, "protocol": protocol,
        }  # fmt: skip

    def says(
        self,
        station_id: str,
        action: str,
        payload: dict[str, Any],
        *,
        tenant_id: int = 1,
        protocol: str = "ocpp2.0.1",
        message_id: str | None = None,
        at: datetime | None = None,
        is_live: bool = True,
        is_stored: bool = True,
    ) -> str:
        """A station sends a CALL: first on the exchange, then into the table, as CitrineOS does.

        The answer to a StartTransaction of 1.6, with the number it gives, goes the same two ways.
        """
        message_id = message_id or str(uuid.uuid4())
        at = at or self.clock()
        told = _Told(station_id, tenant_id, protocol, message_id, at, is_live, is_stored)
        self._pass_on(told, "cs", 1, action, payload, [2, message_id, action, payload])
        if action == "StartTransaction":
            answer = {"transactionId": next(self._numbers), "idTagInfo": {"status": "Accepted"}}
            later = _Told(
                station_id, tenant_id, protocol, message_id, at + timedelta(milliseconds=3),
                is_live, is_stored,
            )  # fmt: skip
            self._pass_on(later, "csms", 2, action, answer, [3, message_id, answer])
        return message_id

    def _pass_on(
        self, told: _Told, origin: str, state: int, action: str, payload: Row, frame: list[Any]
    ) -> None:
        if told.is_live and self.amqp is not None:
            self._publish(told, origin, state, action, payload)
        if told.is_stored:
            self.messages.append(
                {
                    "id": next(self._ids),
                    "stationId": told.station_id,
                    "tenantId": told.tenant_id,
                    "correlationId": told.message_id,
                    "origin": origin,
                    "protocol": told.protocol,
                    "action": action,
                    "message": frame,
                    # Hasura writes an offset where JavaScript writes Z.
                    "timestamp": js_instant(told.at).replace("Z", "+00:00"),
                }
            )

    def _publish(self, told: _Told, origin: str, state: int, action: str, payload: Row) -> None:
        assert self.amqp is not None
        context = {
            "stationId": told.station_id,
            "correlationId": told.message_id,
            "tenantId": told.tenant_id,
            "timestamp": js_instant(told.at),
        }
        headers = {
            "origin": origin, "eventGroup": "router", "action": action, "state": str(state),
            **context, "tenantId": str(told.tenant_id),
        }  # fmt: skip
        body = {
            "origin": origin, "eventGroup": "router", "action": action, "state": state,
            "context": context, "protocol": told.protocol, "payload": payload,
        }  # fmt: skip
        with self._publishing:
            self.amqp.default_channel.basic_publish(
                self.amqp.default_channel.prepare_message(
                    json.dumps(body),
                    content_type="application/json",
                    content_encoding="utf-8",
                    headers=headers,
                ),
                exchange=EXCHANGE,
                routing_key="",
            )

    # --- HTTP ---

    def answer(self, request: Request) -> Answer:
        if self.forced is not None:
            return self.forced
        if request.path == "/v1/graphql":
            return self._graphql(request)
        if request.path == "/data/configuration/password":
            self.passwords.append({**request.json(), "tenantId": request.query["tenantId"]})
            return Answer.of({"success": True})
        if request.path == "/data/ocpprouter/connection" and request.method == "DELETE":
            self.ended.append(request.query["stationId"])
            return Answer(status=204)
        if request.path.startswith("/ocpp/") and request.method == "POST":
            return self._order(request)
        return Answer.of({"message": f"Route {request.path} not found"}, status=404)

    def _order(self, request: Request) -> Answer:
        station_id, tenant = request.query["identifier"], request.query["tenantId"]
        station = self.stations.get(station_id)
        if station is None or not station["isOnline"] or str(station["tenantId"]) != tenant:
            why = f"No connection found for identifier: {tenant}:{station_id}"
            return Answer.of([{"success": False, "payload": why}])
        order = {
            "path": request.path,
            "station_id": station_id,
            "payload": request.json(),
            "callback": request.query["callbackUrl"],
            "headers": request.headers,
        }
        self.orders.append(order)
        if self.on_order is not None:
            self.on_order(order)
        return Answer.of([{"success": True}])

    def _graphql(self, request: Request) -> Answer:
        if request.headers.get("x-hasura-admin-secret") != SECRET:
            errors = [{"message": "invalid x-hasura-admin-secret/x-hasura-access-key"}]
            return Answer.of({"errors": errors})
        asked = request.json()
        name = asked["query"].split("(", 1)[0].split()[-1]
        return Answer.of({"data": _RESOLVERS[name](self, asked["variables"])})

    def _messages(self, v: Row) -> Row:
        """The rows that the `where` of the query lets through."""
        found = [
            row
            for row in self.messages
            if row["tenantId"] == v["tenant"]
            and _at(row["timestamp"]) >= _at(v["start"])
            and (row["origin"] == "cs" or row["action"] == "StartTransaction")
            and (
                row["id"] > v["after"]
                or (row["id"] > v["again"] and _at(row["timestamp"]) > _at(v["since"]))
            )
        ]
        return {"OCPPMessages": sorted(found, key=lambda row: row["id"])[: v["limit"]]}

    def _stations(self, v: Row) -> Row:
        rows = sorted(self.stations.values(), key=lambda row: row["id"])
        mine = [r for r in rows if r["tenantId"] == v["tenant"] and r["id"] > v["after"]]
        return {"ChargingStations": mine[: v["limit"]]}

    def _stations_named(self, v: Row) -> Row:
        return {"ChargingStations": [r for r in self.stations.values() if r["id"] in v["ids"]]}

    def _stations_add(self, v: Row) -> Row:
        for row in v["rows"]:
            assert row["id"] not in self.stations, "the primary key of ChargingStations"
            self.stations[row["id"]] = {**row, "protocol": None}
        return {"insert_ChargingStations": {"affected_rows": len(v["rows"])}}

    def _authorizations_named(self, v: Row) -> Row:
        names = {token.upper() for token in v["tokens"]}
        found = [row for row in self.authorizations if row["idToken"].upper() in names]
        return {"Authorizations": found}

    def _authorizations_add(self, v: Row) -> Row:
        keys = {(row["idToken"].upper(), row["idTokenType"]) for row in self.authorizations}
        for row in v["rows"]:
            key = row["idToken"].upper(), row["idTokenType"]
            assert key not in keys, "the unique key idToken_type"
            self.authorizations.append({"id": len(self.authorizations) + 1, **row})
        return {"insert_Authorizations": {"affected_rows": len(v["rows"])}}

    def _authorization_change(self, v: Row) -> Row:
        row = next(row for row in self.authorizations if row["id"] == v["id"])
        row.update(v["values"])
        return {"update_Authorizations_by_pk": {"id": row["id"]}}


@dataclass(frozen=True)
class _Told:
    """A message of a station on its way."""

    station_id: str
    tenant_id: int
    protocol: str
    message_id: str
    at: datetime
    is_live: bool
    is_stored: bool


_RESOLVERS: dict[str, Callable[[CitrineFake, Row], Row]] = {
    "Messages": CitrineFake._messages,
    "Stations": CitrineFake._stations,
    "StationsNamed": CitrineFake._stations_named,
    "StationsAdd": CitrineFake._stations_add,
    "AuthorizationsNamed": CitrineFake._authorizations_named,
    "AuthorizationsAdd": CitrineFake._authorizations_add,
    "AuthorizationChange": CitrineFake._authorization_change,
}


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@contextmanager
def citrine(amqp_url: str | None = None) -> Iterator[CitrineFake]:
    """A running fake; with a broker it publishes what stations say."""
    with serving(lambda _request: Answer(status=503)) as server:
        fake = CitrineFake(server)
        server.answer = fake.answer
        if amqp_url is None:
            yield fake
            return
        with Connection(amqp_url) as amqp:
            fake.amqp = amqp
            amqp.default_channel.exchange_declare(
                EXCHANGE, "headers", durable=False, auto_delete=False
            )
            yield fake
