"""Exchange files through the engine: folder and SFTP, bad rows by line, corrections, operators."""

import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from apps.markets.choices import DocumentStatus, Feed, FeedState
from apps.markets.models import FeedAccess, FeedRequest, ImportedDocument, Series
from apps.markets.services.sources import feed_access_configure
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.contracts.sftp_fake import PASSWORD, USER, SftpFake, sftp_fake
from tests.markets.feeds.scene import fetch

# 09:00 in Paris: today's prices are wanted, tomorrow's not yet.
NOW = datetime(2026, 3, 20, 8, tzinfo=UTC)
COLUMNS = {"date": "Date", "slot_number": "Slot", "price": "Price (EUR/MWh)"}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def folders(tmp_path: Path, settings: Any) -> Path:
    settings.FEED_FOLDERS = str(tmp_path)
    (tmp_path / "guadeloupe" / "epex").mkdir(parents=True)
    (tmp_path / "martinique" / "epex").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SftpFake]:
    root = tmp_path / "served"
    root.mkdir()
    with sftp_fake(root) as running:
        yield running


def rows(*, first: str = "50,00", count: int = 96, day: str = "20/03/2026") -> str:
    prices = [first, *["60,50"] * (count - 1)]
    lines = [f"{day};{number};{price}" for number, price in enumerate(prices, start=1)]
    return "\n".join(["Date;Slot;Price (EUR/MWh)", *lines, ""])


def lay(folder: Path, name: str, text: str, *, age: timedelta = timedelta(hours=1)) -> None:
    path = folder / name
    path.write_text(text)
    at = (NOW - age).timestamp()
    os.utime(path, (at, at))


def configure(**more: Any) -> FeedAccess:
    said = {"folder": "epex", "columns": COLUMNS, **more}
    return feed_access_configure(feed=Feed.EPEX, area="FR", token="", settings=said)


def price(hour: int, minute: int = 0) -> Decimal:
    at = datetime(2026, 3, 20, hour, minute, tzinfo=UTC)
    found = Series.objects.get().values.filter(start=at).latest("published_at")
    return found.value


def state() -> tuple[str, str]:
    access = FeedAccess.objects.get()
    return access.state, access.last_error


def test_a_file_becomes_prices_once(operator_a: Operator, folders: Path) -> None:
    lay(folders / "guadeloupe" / "epex", "day.csv", rows())
    configure()

    fetch(NOW)
    fetch(NOW + 5 * MINUTE)
    fetch(NOW + 10 * MINUTE)

    # Slot 1 of the day is 23:00 UTC of the day before; slot 5 is 00:00 UTC.
    first = Series.objects.get().values.earliest("start")
    assert (first.start, first.value) == (datetime(2026, 3, 19, 23, tzinfo=UTC), Decimal("50"))
    assert price(0) == Decimal("60.5")
    assert Series.objects.get().values.count() == 96
    document = ImportedDocument.objects.get()
    assert (document.name, document.status, document.times_received) == (
        "day.csv", DocumentStatus.IMPORTED, 1,
    )  # fmt: skip
    assert document.published_at == NOW - timedelta(hours=1)
    # All that matters today is in: an empty look is no complaint.
    assert state() == (FeedState.WORKING, "")


def test_bad_rows_are_reported_by_line_and_the_good_ones_count(
    operator_a: Operator, folders: Path
) -> None:
    text = rows().replace("20/03/2026;3;60,50", "20/03/2026;3;sixty")
    lay(folders / "guadeloupe" / "epex", "day.csv", text)
    configure()

    fetch(NOW)

    document = ImportedDocument.objects.get()
    assert document.status == DocumentStatus.PARTLY
    # Line 1 is the header: slot 3 stands on line 4.
    assert document.faults[0].startswith("line 4, Price (EUR/MWh): 'sixty' is not a number")
    assert Series.objects.get().values.count() == 95


def test_a_correction_counts_and_the_first_word_stays(operator_a: Operator, folders: Path) -> None:
    lay(folders / "guadeloupe" / "epex", "day.csv", rows())
    configure()
    fetch(NOW)

    lay(folders / "guadeloupe" / "epex", "day.csv", rows(first="55,00"), age=2 * MINUTE)
    fetch(NOW + 40 * MINUTE)

    values = Series.objects.get().values.filter(start=datetime(2026, 3, 19, 23, tzinfo=UTC))
    assert list(values.order_by("published_at").values_list("value", flat=True)) == [50, 55]
    assert ImportedDocument.objects.count() == 2


def test_no_file_yet_is_not_published(operator_a: Operator, folders: Path) -> None:
    configure()

    fetch(NOW)

    assert state() == (FeedState.NOT_PUBLISHED, "")
    assert ImportedDocument.objects.count() == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [("<html>no</html>", "is not among"), ("x" * 5_000_001, "is larger than 5000000 bytes")],
)
def test_what_is_no_such_file_is_refused_once_and_not_read_again(
    operator_a: Operator, folders: Path, text: str, said: str
) -> None:
    lay(folders / "guadeloupe" / "epex", "day.csv", text)
    configure()

    fetch(NOW)
    fetch(NOW + 30 * MINUTE)

    document = ImportedDocument.objects.get()
    assert (document.status, document.times_received) == (DocumentStatus.REFUSED, 1)
    assert said in document.error


def test_operators_have_folders_of_their_own(
    operator_a: Operator, operator_b: Operator, folders: Path
) -> None:
    lay(folders / "guadeloupe" / "epex", "day.csv", rows())
    configure()
    with operator_context("martinique"):
        configure()
        fetch(NOW)
        assert ImportedDocument.objects.count() == 0

    fetch(NOW)
    assert ImportedDocument.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("folder", {"folder": "../martinique/epex"}),
        ("folder", {"folder": "/etc"}),
        ("folder", {"folder": ""}),
        ("way", {"way": "mail"}),
        ("pattern", {"pattern": "../*"}),
        ("columns", {"columns": {}}),
        ("colour", {"columns": {"price": "p", "colour": "c"}}),
        ("resolution_minutes", {"resolution_minutes": "15"}),
        ("time_zone", {"time_zone": "Mars/Base"}),
        ("token", {"way": "sftp", "host": "h", "user": "u"}),
    ],
)
def test_settings_that_cannot_work_are_refused(
    operator_a: Operator, folders: Path, field: str, more: dict[str, Any]
) -> None:
    with pytest.raises(DomainError) as caught:
        configure(**more)

    assert caught.value.field == field
    assert FeedAccess.objects.count() == 0


def test_without_folders_of_the_deployment_there_is_no_such_way(
    operator_a: Operator, settings: Any
) -> None:
    settings.FEED_FOLDERS = ""

    with pytest.raises(DomainError, match="this deployment has no folders for deliveries"):
        configure()


def sftp(server: SftpFake, *, token: str = PASSWORD, host_key: str = "") -> FeedAccess:
    said = {
        "way": "sftp", "host": "127.0.0.1", "port": server.port, "user": USER,
        "host_key": host_key or server.fingerprint, "columns": COLUMNS,
    }  # fmt: skip
    return feed_access_configure(feed=Feed.EPEX, area="FR", token=token, settings=said)


def test_files_come_by_sftp_and_no_password_is_told(
    operator_a: Operator, server: SftpFake, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    lay(server.root, "day.csv", rows())
    sftp(server)

    fetch(NOW)
    fetch(NOW + 5 * MINUTE)

    assert Series.objects.get().values.count() == 96
    assert state() == (FeedState.WORKING, "")
    assert (len(server.reads), server.writes) == (1, [])
    told = caplog.text + str(list(FeedAccess.objects.values("settings", "last_error")))
    assert PASSWORD not in told


def test_a_refused_login_and_another_host_key_are_states_in_words(
    operator_a: Operator, server: SftpFake
) -> None:
    sftp(server, token="wrong-password-88")
    fetch(NOW)
    assert state() == (FeedState.UNAUTHORISED, "login refused")
    logins = len(server.logins)
    fetch(NOW + MINUTE)
    assert len(server.logins) == logins

    sftp(server, host_key="SHA256:" + "A" * 43)
    FeedRequest.objects.update(next_attempt_at=NOW)
    fetch(NOW)
    assert state()[0] == FeedState.UNREACHABLE
    assert "not the pinned one" in state()[1]
    assert len(server.logins) == logins
