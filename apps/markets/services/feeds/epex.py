"""EPEX SPOT: files of the operator's own subscription, laid down in a folder or on an SFTP server.

Nothing is moved or removed where they lie: a file is known by its name, size and time, and what
was taken by its SHA-256.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from apps.markets.choices import Feed, SeriesKind
from apps.markets.clients.epex_delivery import (
    DEFAULT_PATTERN,
    Delivery,
    FileSource,
    pattern_check,
)
from apps.markets.clients.epex_folder import EpexFolder
from apps.markets.feeds.entsoe import quarter_hours
from apps.markets.feeds.epex import ColumnMap, epex_csv_read, epex_xml_read
from apps.markets.models import FeedAccess, ImportedDocument, Series
from apps.markets.selectors.series import best_known
from apps.markets.services.feeds.adapter import Batch, Fetched, NothingNew, Reading, Wanted
from apps.markets.services.feeds.days import access_zone, days_ahead, market_day
from apps.markets.services.series import GivenValue, SeriesKey
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError

REQUEST: Final = "prices"
FOLDER: Final = "folder"
SFTP: Final = "sftp"
WAYS: Final = (FOLDER, SFTP)
LOOK_AGAIN: Final = timedelta(minutes=5)
COVERED_AGAIN: Final = timedelta(minutes=30)
"""How soon corrections of what is in are looked for."""
MAX_FAULTS: Final = 200
# Stands before the sentence of a file that was not read; no readable file begins with it.
_UNREAD: Final = b"\0"
_FOLDER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MAP_WORDS: Final = frozenset(field.name for field in fields(ColumnMap)) - {"resolution", "scale"}


class EpexAdapter:
    """Settings: `way` (folder or sftp), `pattern` of names, `columns` (the words of ColumnMap),
    `resolution_minutes`, `row_element` (of XML), `time_zone` of the delivery day.

    A folder: `folder`, its name below the operator's own folder of the deployment. SFTP: `host`,
    `port`, `user`, `folder`, `host_key` (SHA256:...); the token is a password or a private key.
    """

    feed = Feed.EPEX

    def check(self, access: FeedAccess) -> None:
        """There is an area, and the way, the place and the column map can work."""
        if not access.area:
            raise DomainError("market.area", "must not be empty", field="area")
        access_zone(access)
        _column_map(access)
        _source(access, allow_loopback=True)

    def wanted(self, access: FeedAccess, *, now: datetime) -> list[Wanted]:
        """One look; the files say which days they are of."""
        return [Wanted(REQUEST, now.astimezone(access_zone(access)).date())]

    def fetch(
        self, access: FeedAccess, wanted: Wanted, *, now: datetime, allow_loopback: bool
    ) -> tuple[Fetched, ...]:
        """The files that are new or were written again, oldest first."""
        delivery = _source(access, allow_loopback=allow_loopback).take(
            now=now, known=_known(access)
        )
        fetched = tuple(_fetched(delivery))
        if not fetched and _is_covered(access, now):
            raise NothingNew(COVERED_AGAIN)
        return fetched

    def read(
        self, access: FeedAccess, wanted: Wanted, fetched: Fetched, *, now: datetime
    ) -> Reading:
        """The good rows as quarter hours; each bad one by its line, column and rule."""
        content = fetched.content
        if content.startswith(_UNREAD):
            raise DomainError("epex.file", content[1:].decode(), field="file")
        columns = _column_map(access)
        if fetched.name.lower().endswith(".xml"):
            element = str(access.settings.get("row_element") or "")
            said = epex_xml_read(content, columns=columns, row_element=element)
        else:
            said = epex_csv_read(content, columns=columns)
        values = tuple(GivenValue(start, price) for start, price in quarter_hours(said.prices))
        faults = [f"line {fault.line}, {fault.column}: {fault.rule}" for fault in said.faults]
        if len(faults) > MAX_FAULTS:
            faults[MAX_FAULTS:] = [f"and {len(faults) - MAX_FAULTS} more"]
        return Reading(
            batches=(Batch(_key(access), values),) if values else (),
            published_at=min(fetched.modified_at or now, now),
            is_complete=bool(values),
            again_after=LOOK_AGAIN,
            document_id=fetched.document_id,
            faults=tuple(faults),
            note="" if values else "no row of the file could be taken",
        )


def _key(access: FeedAccess) -> SeriesKey:
    return SeriesKey(
        kind=SeriesKind.PRICE,
        area=access.area,
        source=Feed.EPEX,
        market_time_zone=access_zone(access).key,
    )


def _fetched(delivery: Delivery) -> Iterable[Fetched]:
    for file in delivery.files:
        yield Fetched(
            content=file.content,
            name=file.stamp.shown_name,
            document_id=file.stamp.version,
            modified_at=datetime.fromtimestamp(file.stamp.modified_s, UTC),
        )
    for refused in delivery.refused:
        name = refused.stamp.shown_name
        yield Fetched(
            content=_UNREAD + f"{name}: {refused.rule}".encode(),
            name=name,
            document_id=refused.stamp.version,
        )


def _known(access: FeedAccess) -> frozenset[tuple[str, str]]:
    documents = ImportedDocument.objects.filter(access=access).exclude(document_id="")
    return frozenset(documents.values_list("name", "document_id"))


def _is_covered(access: FeedAccess, now: datetime) -> bool:
    """Whether today's prices, and tomorrow's once they are out, are in."""
    key, zone = _key(access), access_zone(access)
    series = Series.objects.filter(kind=key.kind, area=key.area, source=key.source).first()
    if series is None:
        return False
    today = now.astimezone(zone).date()
    for day in days_ahead(zone, now=now):
        span = market_day(zone=zone, day=day)
        slots = span.duration // series.resolution
        if day >= today and len(best_known(series=series, start=span.start, end=span.end)) < slots:
            return False
    return True


def _source(access: FeedAccess, *, allow_loopback: bool) -> FileSource:
    """Where the files of an access lie. Raises DomainError that names the setting."""
    said = access.settings
    way = said.get("way", FOLDER)
    if way not in WAYS:
        raise DomainError("epex.way", f"is not one of {', '.join(WAYS)}", field="way")
    pattern = pattern_check(str(said.get("pattern") or DEFAULT_PATTERN))
    if way == FOLDER:
        return EpexFolder(_folder(said), pattern=pattern)
    if not access.token:
        raise DomainError("market.token", "must not be empty", field="token")
    port = said.get("port", 22)
    if isinstance(port, bool) or not isinstance(port, int):
        raise DomainError("epex.port", "is no number", field="port")
    # Not at the top: asyncssh costs 1 s and 50 MB, which only who speaks SFTP pays.
    sftp = import_module("apps.markets.clients.epex_sftp")
    place = sftp.SftpPlace(
        host=str(said.get("host") or ""),
        port=port,
        user=str(said.get("user") or ""),
        host_key=str(said.get("host_key") or ""),
        folder=str(said.get("folder") or "."),
    )
    source: FileSource = sftp.EpexSftp(
        place, secret=access.token, allow_loopback=allow_loopback, pattern=pattern
    )
    return source


def _folder(said: dict[str, Any]) -> Path:
    """A folder below the operator's own: no operator names a place outside of it."""
    if not settings.FEED_FOLDERS:
        raise DomainError(
            "epex.folder", "this deployment has no folders for deliveries", field="folder"
        )
    name = str(said.get("folder") or "")
    if not _FOLDER_NAME.fullmatch(name):
        raise DomainError(
            "epex.folder", "needs letters, digits, hyphens, underscores", field="folder"
        )
    return Path(settings.FEED_FOLDERS) / current_schema() / name


def _column_map(access: FeedAccess) -> ColumnMap:
    """The column map of the settings. Raises DomainError that names the word."""
    columns = access.settings.get("columns")
    if not isinstance(columns, dict) or "price" not in columns:
        raise DomainError("epex.columns", "must name the column of the price", field="columns")
    for word, value in columns.items():
        kind = int if word == "header_line" else str
        if word not in _MAP_WORDS or isinstance(value, bool) or not isinstance(value, kind):
            raise DomainError("epex.columns", "is no word of a column map", field=str(word)[:40])
    minutes = access.settings.get("resolution_minutes", 15)
    if isinstance(minutes, bool) or not isinstance(minutes, int):
        raise DomainError("epex.resolution", "is no number", field="resolution_minutes")
    zone = {"time_zone": access_zone(access).key}
    return ColumnMap(**{**zone, **columns}, resolution=timedelta(minutes=minutes))
