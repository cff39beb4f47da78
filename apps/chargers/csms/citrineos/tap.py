"""Our queue on CitrineOS's exchange: every message of every station of one tenant, kept for us.

The exchange is not durable and its messages are not persistent (v1.8.3): what a broker that
restarts loses is found by the comparison (`upkeep`). The queue is durable, so that nothing is lost
while the bridge is away.
"""

import ipaddress
import socket
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import amqp
from kombu import Connection

from cariflex.common.errors import ExternalError

PREFETCH = 256
"""Messages that the broker hands out before the first is acknowledged."""
_CONNECT_TIMEOUT_S = 5.0
_HEARTBEAT_S = 20
_SYSTEM = "citrineos broker"
# What stations ask, and CitrineOS's answers to starts of 1.6: they bring the transaction's number.
_BINDINGS = (
    {"origin": "cs", "state": "1"},
    {"origin": "csms", "state": "2", "action": "StartTransaction"},
)
BROKER_ERRORS = (amqp.exceptions.AMQPError, OSError, ConnectionError)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message of the queue, not acknowledged yet."""

    tag: int
    body: bytes | str


class Tap:
    """An open connection that consumes the queue; used by one thread."""

    def __init__(self, *, url: str, exchange: str, queue: str, tenant_id: int) -> None:
        self._taken: list[Delivery] = []
        self._connection = Connection(
            url, connect_timeout=_CONNECT_TIMEOUT_S, heartbeat=_HEARTBEAT_S
        )
        try:
            self._connection.connect()
            self._consume(exchange, queue, tenant_id)
        except BaseException:
            self.close()
            raise

    def take(self, *, limit: int, wait_s: float) -> list[Delivery]:
        """What the broker hands out, in order: waits for the first, takes what came with it."""
        timeout_s = wait_s
        while len(self._taken) < limit:
            try:
                self._connection.drain_events(timeout=timeout_s)
            except TimeoutError:
                break
            timeout_s = 0.005
        self._connection.heartbeat_check()
        taken, self._taken = self._taken[:limit], self._taken[limit:]
        return taken

    def done(self, delivery: Delivery) -> None:
        """The broker may forget this message and all that were taken before it."""
        self._channel.basic_ack(delivery.tag, multiple=True)

    def close(self) -> None:
        """Give back what was not acknowledged, and go."""
        with suppress(*BROKER_ERRORS):
            # It may be gone already: then the broker noticed before us.
            self._connection.release()

    def _consume(self, exchange: str, queue: str, tenant_id: int) -> None:
        self._exchange_ensure(exchange)
        self._channel = self._connection.default_channel
        self._channel.queue_declare(queue, durable=True, auto_delete=False)
        for headers in _BINDINGS:
            arguments = {"x-match": "all", "tenantId": str(tenant_id), **headers}
            self._channel.queue_bind(queue, exchange, arguments=arguments)
        self._channel.basic_qos(0, PREFETCH, False)
        self._channel.basic_consume(queue, callback=self._put)

    def _exchange_ensure(self, exchange: str) -> None:
        """The exchange as it is; made as CitrineOS would make it when it has not started yet."""
        probe = self._connection.channel()
        try:
            probe.exchange_declare(exchange, "headers", passive=True)
            probe.close()
        except amqp.exceptions.NotFound:
            made = self._connection.channel()
            made.exchange_declare(exchange, "headers", durable=False, auto_delete=False)
            made.close()

    def _put(self, message: amqp.Message) -> None:
        self._taken.append(Delivery(message.delivery_tag, message.body))


def broker_check(url: str, *, allow_loopback: bool, own_network: bool) -> None:
    """ExternalError for an address that we do not call: an operator gives it, not the platform."""
    parts = urlsplit(url)
    if parts.scheme not in {"amqp", "amqps"} or not parts.hostname:
        raise ExternalError(_SYSTEM, "the address must be amqp(s)://host", retryable=False)
    if own_network:
        return
    try:
        port = parts.port or (5671 if parts.scheme == "amqps" else 5672)
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as err:
        raise ExternalError(_SYSTEM, "the name is not known", retryable=True) from err
    for entry in found:
        address = ipaddress.ip_address(str(entry[4][0]).split("%", 1)[0])
        if address.is_loopback and allow_loopback:
            continue
        if not address.is_global or address.is_multicast:
            raise ExternalError(_SYSTEM, "the address is refused", retryable=False)
        if parts.scheme == "amqp":
            raise ExternalError(_SYSTEM, "amqps is needed outside the own network", retryable=False)
