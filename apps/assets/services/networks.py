"""Which addresses a device may have: the operator's own networks, never the deployment's insides.

A device's host is typed by a person or comes in a list. It may be private (devices are), but it
must not lead to what runs beside us: the database, Redis, a cloud's metadata service.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from cariflex.common.errors import DomainError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LONGEST_HOST = 253
RESOLVE_PATIENCE_S = 10.0
"""How long the names of a whole list may take to resolve."""
_RESOLVERS = 16
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?")
_THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")
_FORBIDDEN = "leads to an address that no device may have"


@dataclass(frozen=True, slots=True)
class _Own:
    """The hosts of the deployment itself: none where the demo's devices run beside us."""

    names: frozenset[str]
    addresses: frozenset[Address]

    @classmethod
    def of_deployment(cls) -> "_Own":
        if settings.OUTGOING_LOOPBACK_ALLOWED:
            return cls(frozenset(), frozenset())
        urls = (settings.REDIS_URL, settings.FLEXMEASURES_URL)
        hosts = [str(settings.DATABASES["default"]["HOST"])]
        hosts += [urlsplit(url).hostname or "" for url in urls]
        hosts += ["localhost", socket.gethostname(), settings.BASE_DOMAIN]
        names = frozenset(host.lower() for host in hosts if host)
        addresses: set[Address] = set()
        for name in names:
            literal = _literal(name)
            addresses.update([literal] if literal is not None else _addresses(name))
        return cls(names, frozenset(addresses))


def device_address_check(host: str) -> None:
    """Raise DomainError when a device must not be asked at this host; a name is resolved.

    Codes: `device.address_invalid` (no host name or address), `device.address_unknown` (the name
    is not known), `device.address_refused` (loopback, link-local, multicast, unspecified,
    reserved, or a host of the deployment itself).
    """
    error = device_addresses_check([host])[host]
    if error is not None:
        raise error


def device_addresses_check(hosts: Iterable[str]) -> dict[str, DomainError | None]:
    """What is wrong with each host, or None; names are resolved side by side, for 10 s in all."""
    found: dict[str, DomainError | None] = {}
    names: list[str] = []
    own = _Own.of_deployment()
    for host in dict.fromkeys(hosts):
        address = _literal(host)
        if address is not None:
            found[host] = _addresses_error(host, [address], own)
        elif len(host) > LONGEST_HOST or not _HOST.fullmatch(host):
            found[host] = _error("invalid", f"{host[:60]!r} is no host name and no IP address")
        elif host.rstrip(".").lower() in own.names:
            found[host] = _error("refused", f"{host} {_FORBIDDEN}")
        else:
            names.append(host)
    for host, addresses in _resolve(names).items():
        found[host] = _addresses_error(host, addresses, own)
    return found


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.split("%", 1)[0])
    except ValueError:
        return None


def _resolve(names: list[str]) -> dict[str, list[Address]]:
    """The addresses of each name; none when it is not known or took too long."""
    if not names:
        return {}
    executor = ThreadPoolExecutor(min(_RESOLVERS, len(names)), thread_name_prefix="resolve")
    try:
        asked: dict[str, Future[list[Address]]] = {
            name: executor.submit(_addresses, name) for name in names
        }
        wait(asked.values(), timeout=RESOLVE_PATIENCE_S)
        return {name: answer.result() if answer.done() else [] for name, answer in asked.items()}
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _addresses(name: str) -> list[Address]:
    try:
        entries = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    texts = dict.fromkeys(str(entry[4][0]).split("%", 1)[0] for entry in entries)
    return [ipaddress.ip_address(text) for text in texts]


def _addresses_error(host: str, addresses: list[Address], own: _Own) -> DomainError | None:
    if not addresses:
        return _error("unknown", f"the name {host} is not known")
    if all(_is_allowed(address, own) for address in addresses):
        return None
    return _error("refused", f"{host} {_FORBIDDEN}")


def _error(code: str, message: str) -> DomainError:
    return DomainError(f"device.address_{code}", message, field="host")


def _is_allowed(address: Address, own: _Own) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        # An IPv4 address in another dress is judged as what it is.
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return _is_allowed(inner, own)
    if address.is_loopback:
        return bool(settings.OUTGOING_LOOPBACK_ALLOWED)
    if address.is_multicast or address.is_link_local or address.is_unspecified:
        return False
    return not _is_reserved(address) and address not in own.addresses


def _is_reserved(address: Address) -> bool:
    """0.0.0.0/8 and 240.0.0.0/4 with the broadcast address; of IPv6 what IETF keeps back."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_reserved or address in _THIS_NETWORK
    return address.is_reserved
