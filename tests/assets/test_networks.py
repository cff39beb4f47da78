"""Which hosts a device may have."""

import socket
from typing import Any

import pytest

from apps.assets.services import networks
from apps.assets.services.networks import device_address_check, device_addresses_check
from cariflex.common.errors import DomainError


def code(host: str) -> str | None:
    error = device_addresses_check([host])[host]
    return error and error.code


@pytest.fixture
def production(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.OUTGOING_LOOPBACK_ALLOWED = False
    monkeypatch.setitem(settings.DATABASES["default"], "HOST", "10.0.0.5")
    settings.REDIS_URL = "redis://10.0.0.6:6379/0"
    settings.FLEXMEASURES_URL = "http://127.0.0.1:5000"
    settings.BASE_DOMAIN = "localhost"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What the name server knows; literal addresses are not asked for."""
    known: dict[str, list[str]] = {}

    def getaddrinfo(host: str, *_rest: Any, **_words: Any) -> list[tuple[Any, ...]]:
        if host not in known:
            raise socket.gaierror(-2, "Name or service not known")
        return [(2, 1, 6, "", (address, 0)) for address in known[host]]

    monkeypatch.setattr(networks.socket, "getaddrinfo", getaddrinfo)
    return known


@pytest.mark.parametrize("host", ["192.168.1.20", "10.8.0.4", "100.64.0.9", "fd00::7", "8.8.8.8"])
@pytest.mark.usefixtures("production", "names")
def test_private_and_public_addresses_are_allowed(host: str) -> None:
    assert code(host) is None


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.8.8.8",
        "::1",
        "::ffff:127.0.0.1",
        "2002:7f00:0001::",
        "64:ff9b::7f00:1",
        "169.254.169.254",
        "fe80::1%eth0",
        "224.0.0.1",
        "ff02::1",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "255.255.255.255",
        "10.0.0.5",
        "10.0.0.6",
        "localhost",
        "LOCALHOST.",
    ],
)
@pytest.mark.usefixtures("production", "names")
def test_what_is_not_a_device_is_refused(host: str) -> None:
    assert code(host) == "device.address_refused"


@pytest.mark.usefixtures("production")
def test_a_name_counts_as_all_its_addresses(names: dict[str, list[str]]) -> None:
    names["pv.plant"] = ["192.168.1.20"]
    names["two.faces"] = ["192.168.1.20", "127.0.0.1"]
    names["127.1"] = ["127.0.0.1"]

    assert code("pv.plant") is None
    assert code("two.faces") == "device.address_refused"
    assert code("127.1") == "device.address_refused"
    assert code("nobody.knows") == "device.address_unknown"


@pytest.mark.parametrize("host", ["", "a b", "http://x", "x/../y", "-x", "é.fr", "x" * 254, "x\n"])
@pytest.mark.usefixtures("names")
def test_what_is_no_host_is_refused(host: str) -> None:
    assert code(host) == "device.address_invalid"


@pytest.mark.usefixtures("production", "names")
def test_the_refusal_names_the_field() -> None:
    with pytest.raises(DomainError) as refusal:
        device_address_check("127.0.0.1")

    assert (refusal.value.code, refusal.value.field) == ("device.address_refused", "host")


@pytest.mark.usefixtures("names")
def test_the_demo_may_have_devices_beside_it_but_no_metadata_service(
    settings: Any,
) -> None:
    settings.OUTGOING_LOOPBACK_ALLOWED = True

    assert code("127.0.0.1") is None
    assert code("169.254.169.254") == "device.address_refused"
    assert code("0.0.0.0") == "device.address_refused"


def test_each_name_of_a_list_is_asked_once(
    names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names["gw.plant"] = ["192.168.1.20"]
    asked: list[str] = []
    monkeypatch.setattr(networks, "_addresses", lambda name: asked.append(name) or [])

    found = device_addresses_check(["gw.plant"] * 500 + ["192.168.1.9"])

    assert asked == ["gw.plant"]
    assert {host: error and error.code for host, error in found.items()} == {
        "192.168.1.9": None,
        "gw.plant": "device.address_unknown",
    }
