"""The certificate of our own TLS door: trusted by its root, renewed without a restart."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.chargers.csms.native.server_certificate import server_certificate_ensure
from apps.chargers.csms.native.tls import ServedCertificate, TrustedAuthorities, station_tls
from apps.chargers.ocpp import certificates as rules
from cariflex.runtime.layout import Layout
from cariflex.runtime.services import product_services

NOW = datetime.now(UTC)
NAMES = ("localhost", "csms.example", "127.0.0.1")


def shaken(context: ssl.SSLContext, root: str, host: str) -> dict[str, object]:
    """What a station that trusts the root sees of the server, by a handshake in memory."""
    trusting = ssl.create_default_context(cadata=root)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    client = trusting.wrap_bio(to_client, to_server, server_hostname=host)
    for end in (client, server, client, server):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return dict(client.getpeercert() or {})


def test_a_station_that_trusts_the_root_accepts_the_server(tmp_path: Path) -> None:
    files = server_certificate_ensure(tmp_path / "tls", names=NAMES, now=NOW)
    context = station_tls(files.server, files.server)
    root = files.root.read_text()

    for host in ("localhost", "csms.example", "127.0.0.1"):
        assert shaken(context, root, host)["subjectAltName"]
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(context, root, "elsewhere.example")
    assert [path.stat().st_mode & 0o077 for path in sorted((tmp_path / "tls").iterdir())] == [0] * 3


def test_it_is_kept_until_it_ends_soon_or_the_names_change(tmp_path: Path) -> None:
    first = server_certificate_ensure(tmp_path, names=NAMES, now=NOW)
    root, served = first.root.read_text(), first.server.read_text()

    server_certificate_ensure(tmp_path, names=NAMES, now=NOW + timedelta(days=366))
    assert first.server.read_text() == served
    server_certificate_ensure(tmp_path, names=NAMES, now=NOW + timedelta(days=368))
    renewed = first.server.read_text()
    assert renewed != served
    server_certificate_ensure(tmp_path, names=("csms.example",), now=NOW + timedelta(days=368))
    assert first.server.read_text() not in (served, renewed)

    assert first.root.read_text() == root
    (leaf, *_chain) = rules.certificates_read(first.server.read_text())
    assert rules.is_signed_by(leaf, root)
    assert leaf.not_valid_after_utc <= NOW + timedelta(days=368 + 397)


def test_a_renewed_certificate_is_served_without_a_restart(tmp_path: Path) -> None:
    files = server_certificate_ensure(tmp_path, names=NAMES, now=NOW)
    context = station_tls(files.server, files.server)
    served = ServedCertificate(context, files.server, files.server)
    root = files.root.read_text()
    before = shaken(context, root, "localhost")["serialNumber"]
    assert not served.refresh()

    server_certificate_ensure(tmp_path, names=("localhost",), now=NOW)

    assert served.refresh()
    assert shaken(context, root, "localhost")["serialNumber"] != before
    files.server.write_text("half a file")
    with pytest.raises(ssl.SSLError):
        served.refresh()
    assert shaken(context, root, "localhost")["serialNumber"] != before


def test_what_fails_while_following_is_tried_again() -> None:
    calls: list[str] = []
    authorities = TrustedAuthorities(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), list)

    def fails() -> None:
        calls.append("fails")
        raise OSError("away")

    def ends() -> None:
        calls.append("ends")
        if len(calls) == 4:
            authorities.end()

    authorities.follow(fails, ends, every_s=0)

    assert calls == ["fails", "ends"] * 2


def test_the_door_needs_a_certificate_or_a_folder_for_one() -> None:
    with pytest.raises(CommandError, match="--own"):
        call_command("stations_tls")


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "--own {var}/tls --name localhost --name 127.0.0.1"),
        (
            {"CARIFLEX_DOMAIN": "csms.example", "CARIFLEX_HOST": "0.0.0.0"},  # noqa: S104
            "--own {var}/tls --name csms.example --name localhost --name 127.0.0.1",
        ),
        (
            {"CARIFLEX_STATIONS_CERTIFICATE": "/c.pem", "CARIFLEX_STATIONS_KEY": "/k.pem"},
            "--certificate /c.pem --key /k.pem",
        ),
    ],
)
def test_run_starts_the_door(environment: dict[str, str], words: str, tmp_path: Path) -> None:
    layout = Layout.from_environment({"CARIFLEX_VAR": str(tmp_path), "CARIFLEX_PORT": "7000"})

    door = next(s for s in product_services(layout, environment, ()) if s.name == "stations-tls")

    assert (door.port, door.url) == (7007, "wss://localhost:7007/ocpp/")
    assert " ".join(door.command).endswith(words.format(var=tmp_path))
    assert layout.ports.listening()["stations by TLS"] == 7007
