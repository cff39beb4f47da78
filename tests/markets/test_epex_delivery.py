"""Files of an exchange subscription: taken from a folder, and from a real SFTP server."""

import hashlib
import logging
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncssh
import pytest

from apps.markets.clients.epex_delivery import (
    MAX_FILE_BYTES,
    MAX_FILES,
    Delivery,
    FileSource,
    FileStamp,
    files_choose,
)
from apps.markets.clients.epex_folder import EpexFolder
from apps.markets.clients.epex_sftp import EpexSftp, SftpPlace
from cariflex.common.errors import DomainError, ExternalError
from tests.contracts.sftp_fake import PASSWORD, USER, SftpFake, sftp_fake

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
NOTHING: frozenset[tuple[str, str]] = frozenset()


def lay(folder: Path, name: str, content: bytes = b"a;b\n", *, age_s: float = 3_600) -> Path:
    path = folder / name
    path.write_bytes(content)
    at = NOW.timestamp() - age_s
    os.utime(path, (at, at))
    return path


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


@pytest.fixture
def server(drop: Path) -> Iterator[SftpFake]:
    with sftp_fake(drop) as running:
        yield running


def sftp(
    server: SftpFake,
    *,
    secret: str = PASSWORD,
    host_key: str | None = None,
    user: str = USER,
    pattern: str = "*",
    folder: str = ".",
    look_timeout_s: float = 20,
) -> EpexSftp:
    place = SftpPlace(
        "127.0.0.1", user, host_key or server.fingerprint, folder=folder, port=server.port
    )
    return EpexSftp(
        place, secret=secret, allow_loopback=True, pattern=pattern, look_timeout_s=look_timeout_s
    )


@pytest.fixture(params=["folder", "sftp"])
def source(request: pytest.FixtureRequest, drop: Path) -> FileSource:
    if request.param == "folder":
        return EpexFolder(drop)
    return sftp(request.getfixturevalue("server"))


def names(delivery: Delivery) -> list[str]:
    return [file.stamp.name for file in delivery.files]


def known(delivery: Delivery) -> frozenset[tuple[str, str]]:
    return frozenset((file.stamp.name, file.stamp.version) for file in delivery.files)


def test_files_come_whole_and_oldest_first(source: FileSource, drop: Path) -> None:
    lay(drop, "second.csv", b"2;2\n", age_s=100)
    lay(drop, "first.XML", b"<a/>", age_s=200)
    lay(drop, "readme.txt")

    delivery = source.take(now=NOW, known=NOTHING)

    assert [(f.stamp.name, f.content) for f in delivery.files] == [
        ("first.XML", b"<a/>"),
        ("second.csv", b"2;2\n"),
    ]
    assert (delivery.waiting, delivery.refused) == ((), ())


def test_what_was_taken_is_not_read_again_until_it_changes(source: FileSource, drop: Path) -> None:
    lay(drop, "day.csv", b"1;1\n")
    before = source.take(now=NOW, known=NOTHING)

    again = source.take(now=NOW, known=known(before))
    lay(drop, "day.csv", b"1;2\n", age_s=600)
    changed = source.take(now=NOW, known=known(before))

    assert again == Delivery((), (), ())
    assert [file.content for file in changed.files] == [b"1;2\n"]
    assert known(changed) != known(before)


def test_a_file_that_is_being_written_waits(source: FileSource, drop: Path) -> None:
    lay(drop, "fresh.csv", age_s=59)
    lay(drop, "empty.csv", b"")
    lay(drop, "settled.csv", age_s=60)

    delivery = source.take(now=NOW, known=NOTHING)

    assert names(delivery) == ["settled.csv"]
    assert sorted(delivery.waiting) == ["empty.csv", "fresh.csv"]
    assert names(source.take(now=NOW + timedelta(seconds=1), known=NOTHING)) == [
        "settled.csv",
        "fresh.csv",
    ]


def test_a_file_that_is_too_large_is_named_and_not_read(source: FileSource, drop: Path) -> None:
    lay(drop, "huge.csv", b"x" * (MAX_FILE_BYTES + 1))
    lay(drop, "largest.csv", b"x" * MAX_FILE_BYTES)

    delivery = source.take(now=NOW, known=NOTHING)

    assert names(delivery) == ["largest.csv"]
    assert [(one.stamp.name, one.rule) for one in delivery.refused] == [
        ("huge.csv", "is larger than 5000000 bytes")
    ]


def test_links_folders_and_pipes_are_passed_over(
    source: FileSource, drop: Path, tmp_path: Path
) -> None:
    secret = lay(tmp_path, "secret.csv", b"secret")
    (drop / "link.csv").symlink_to(secret)
    (drop / "within.csv").symlink_to(lay(drop, "real.csv"))
    (drop / "folder.csv").mkdir()
    os.mkfifo(drop / "pipe.csv")

    delivery = source.take(now=NOW, known=NOTHING)

    assert names(delivery) == ["real.csv"]


def test_nothing_in_the_folder_is_changed(source: FileSource, drop: Path) -> None:
    path = lay(drop, "day.csv", b"1;1\n")
    before = path.stat()

    source.take(now=NOW, known=NOTHING)

    after = path.stat()
    assert (after.st_mtime_ns, after.st_ino, after.st_mode, after.st_size) == (
        before.st_mtime_ns,
        before.st_ino,
        before.st_mode,
        before.st_size,
    )
    assert os.listdir(drop) == ["day.csv"]


def test_a_look_takes_so_many_files_and_the_next_one_the_rest(
    source: FileSource, drop: Path
) -> None:
    for number in range(MAX_FILES + 2):
        lay(drop, f"{number:03}.csv", age_s=10_000 - number)

    first = source.take(now=NOW, known=NOTHING)
    rest = source.take(now=NOW, known=known(first))

    assert (len(first.files), first.waiting) == (50, ("050.csv", "051.csv"))
    assert names(rest) == ["050.csv", "051.csv"]


def test_names_that_no_page_should_show_are_refused() -> None:
    at = int(NOW.timestamp()) - 3_600
    stamps = [FileStamp(at, "a\x1b[2J.csv", 5), FileStamp(at, "x" * 200 + ".csv", 5)]

    choice = files_choose(stamps, pattern="*", now=NOW, known=NOTHING)

    assert choice.take == ()
    assert [one.rule for one in choice.refused] == [
        "its name is too long or holds control characters"
    ] * 2
    assert [one.stamp.shown_name for one in choice.refused] == [
        "'a\\x1b[2J.csv'",
        "x" * 200,
    ]
    met = frozenset((one.stamp.shown_name, one.stamp.version) for one in choice.refused)
    assert files_choose(stamps, pattern="*", now=NOW, known=met).refused == ()


def test_a_clock_that_is_ahead_keeps_no_file_waiting_for_ever() -> None:
    ahead = FileStamp(int(NOW.timestamp()) + 7_200, "ahead.csv", 5)

    assert files_choose([ahead], pattern="*", now=NOW, known=NOTHING).take == (ahead,)


@pytest.mark.parametrize("pattern", ["", "../*.csv", "a/b", "x" * 101, "a\\b"])
def test_a_pattern_stays_within_the_folder(drop: Path, pattern: str) -> None:
    with pytest.raises(DomainError, match="pattern: is no pattern of a file name"):
        EpexFolder(drop, pattern=pattern)


def test_the_pattern_chooses(drop: Path) -> None:
    lay(drop, "dayahead_FR.csv")
    lay(drop, "intraday_FR.csv")

    assert names(EpexFolder(drop, pattern="dayahead_*").take(now=NOW, known=NOTHING)) == [
        "dayahead_FR.csv"
    ]


def test_a_folder_that_is_not_there_or_is_a_link_is_named(drop: Path, tmp_path: Path) -> None:
    with pytest.raises(ExternalError, match="the folder cannot be opened") as caught:
        EpexFolder(tmp_path / "none").take(now=NOW, known=NOTHING)
    assert caught.value.retryable
    assert str(tmp_path) not in str(caught.value)

    link = tmp_path / "link"
    link.symlink_to(drop)
    with pytest.raises(ExternalError, match="the folder cannot be opened"):
        EpexFolder(link).take(now=NOW, known=NOTHING)


def test_a_key_opens_the_server_too(server: SftpFake, drop: Path) -> None:
    lay(drop, "day.csv")
    key = asyncssh.generate_private_key("ssh-ed25519")
    server.password, server.authorised_key = None, key.convert_to_public()

    delivery = sftp(server, secret=key.export_private_key().decode()).take(now=NOW, known=NOTHING)

    assert names(delivery) == ["day.csv"]
    assert {login.partition(" ")[0] for login in server.logins} == {"key"}


def test_the_server_is_read_and_never_written_to(server: SftpFake, drop: Path) -> None:
    lay(drop, "day.csv")

    sftp(server).take(now=NOW, known=NOTHING)

    assert [name.removeprefix("./") for name in server.reads] == ["day.csv"]
    assert server.writes == []


def test_another_host_key_ends_it_before_the_password_leaves(server: SftpFake) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").get_fingerprint("sha256")

    with pytest.raises(ExternalError) as caught:
        sftp(server, host_key=other).take(now=NOW, known=NOTHING)

    assert f"the host key is {server.fingerprint}, not the pinned one" in str(caught.value)
    assert not caught.value.retryable
    assert server.logins == []


@pytest.mark.parametrize("user", [USER, "somebody"])
def test_a_refused_login_is_told_without_the_password(
    server: SftpFake, caplog: pytest.LogCaptureFixture, user: str
) -> None:
    caplog.set_level(logging.DEBUG)

    with pytest.raises(ExternalError, match="login refused") as caught:
        sftp(server, secret="wrong-password-88", user=user).take(now=NOW, known=NOTHING)

    assert (caught.value.status, caught.value.retryable) == (401, False)
    assert "wrong-password-88" not in caplog.text + str(caught.value)


def test_no_password_is_in_any_log(server: SftpFake, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asyncssh.set_debug_level(3)

    sftp(server).take(now=NOW, known=NOTHING)

    asyncssh.set_debug_level(1)
    assert "Auth" in caplog.text
    assert PASSWORD not in caplog.text


def test_a_folder_that_the_server_has_not_is_told(server: SftpFake) -> None:
    with pytest.raises(ExternalError, match=r"SFTP refused \(NoSuchFile\)") as caught:
        sftp(server, folder="nowhere").take(now=NOW, known=NOTHING)

    assert caught.value.retryable


def test_a_server_that_stalls_is_left(server: SftpFake, drop: Path) -> None:
    lay(drop, "day.csv")
    server.stall = True

    with pytest.raises(ExternalError, match="took too long") as caught:
        sftp(server, look_timeout_s=0.7).take(now=NOW, known=NOTHING)

    assert caught.value.retryable


def test_what_speaks_no_ssh_is_an_outage(server: SftpFake) -> None:
    with socket.create_server(("127.0.0.1", 0)) as web:
        port = web.getsockname()[1]
        place = SftpPlace("127.0.0.1", USER, server.fingerprint, port=port)
        web.close()
        with pytest.raises(ExternalError, match="cannot be reached") as caught:
            EpexSftp(place, secret=PASSWORD, allow_loopback=True).take(now=NOW, known=NOTHING)

    assert caught.value.retryable


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "localhost"])
def test_addresses_of_our_own_network_are_never_called(server: SftpFake, host: str) -> None:
    place = SftpPlace(host, USER, server.fingerprint, port=server.port)

    with pytest.raises(ExternalError, match="leads to a refused address") as caught:
        EpexSftp(place, secret=PASSWORD, allow_loopback=False).take(now=NOW, known=NOTHING)

    assert not caught.value.retryable
    assert server.logins == []


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("host_key", {"host_key": ""}),
        ("host_key", {"host_key": "MD5:aa:bb"}),
        ("host_key", {"host_key": "SHA256:" + "A" * 42}),
        ("host", {"host": ""}),
        ("user", {"user": ""}),
        ("port", {"port": 0}),
    ],
)
def test_a_place_without_a_pinned_key_is_none(field: str, place: dict[str, object]) -> None:
    whole: dict[str, object] = {"host": "h", "user": "u", "host_key": "SHA256:" + "A" * 43}

    with pytest.raises(DomainError) as caught:
        SftpPlace(**{**whole, **place})  # type: ignore[arg-type]

    assert caught.value.field == field


def test_a_key_that_is_none_or_locked_is_refused_without_being_shown() -> None:
    place = SftpPlace("h", "u", "SHA256:" + "A" * 43)
    key = asyncssh.generate_private_key("ssh-ed25519")
    locked = key.export_private_key("pkcs8-pem", passphrase="hidden-passphrase").decode()
    for secret in ("-----BEGIN OPENSSH PRIVATE KEY-----\nsecret-words\n", locked):
        with pytest.raises(DomainError, match="is no private key without passphrase") as caught:
            EpexSftp(place, secret=secret, allow_loopback=True)
        assert "secret-words" not in repr(caught.value)
        assert caught.value.__suppress_context__


def test_the_same_bytes_have_the_same_mark(source: FileSource, drop: Path) -> None:
    lay(drop, "one.csv", b"1;1\n", age_s=500)
    lay(drop, "two.csv", b"1;1\n", age_s=400)

    one, two = source.take(now=NOW, known=NOTHING).files

    assert hashlib.sha256(one.content).digest() == hashlib.sha256(two.content).digest()
