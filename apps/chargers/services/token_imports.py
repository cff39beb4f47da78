"""Many tokens at once, from a CSV with a header: each line is stored or refused by itself."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Upper
from django.utils.dateparse import parse_date, parse_datetime

from apps.chargers.choices import TokenStatus, TokenType
from apps.chargers.models import IdToken, TokenGroup
from apps.chargers.services.tokens import token_rules_check, token_text
from cariflex.common.errors import DomainError

COLUMNS = (
    "token", "type", "status", "group", "valid_from", "expires_at", "priority", "local_lists",
    "note",
)  # fmt: skip
"""`token` is needed; an empty cell, like a column that is missing, means the usual value."""
MOST_LINES = 10_000
_NOTE_MAX_LENGTH = 200
_TOGETHER = 1000
_YES, _NO = frozenset({"yes", "true", "1", "oui"}), frozenset({"no", "false", "0", "non"})
_FIELDS = (
    "type", "status", "group", "valid_from", "expires_at", "charging_priority",
    "is_in_local_lists", "note",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TokenLineRefused:
    """Why a line was not stored; `number` is that of the file, from 1."""

    number: int
    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class TokensImported:
    """How many tokens are new or were changed, and the lines that were refused."""

    created: int
    updated: int
    refused: tuple[TokenLineRefused, ...]


@transaction.atomic
def tokens_import(*, text: str, time_zone: tzinfo) -> TokensImported:
    """Store the good lines of a list of tokens; times without offset are those of the zone.

    A token that is known is changed to what its line says. DomainError for a file that is no such
    list: a header that is missing or unknown, or too many lines.
    """
    rows = _rows(text)
    groups = {group.group_id: group for group in TokenGroup.objects.all()}
    good: dict[str, IdToken] = {}
    refused: list[TokenLineRefused] = []
    for number, cells in rows:
        try:
            token = _token(cells, groups, time_zone)
            if token.id_token.upper() in good:
                raise DomainError(
                    "chargers.token_twice", "The token is listed twice.", field="token"
                )
        except DomainError as err:
            refused.append(TokenLineRefused(number, err.field or "", err.code, err.message))
        else:
            good[token.id_token.upper()] = token
    created, updated = _store(good)
    return TokensImported(created, updated, tuple(refused))


def _rows(text: str) -> list[tuple[int, dict[str, str]]]:
    """(line number, column -> cell) of each line below the header."""
    text = text.removeprefix("\ufeff")
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = ";" if first.count(";") > first.count(",") else ","
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    found: list[tuple[int, dict[str, str]]] = []
    header: list[str] | None = None
    try:
        for row in lines:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if header is None:
                header = _header(cells)
                continue
            if len(found) >= MOST_LINES:
                raise DomainError(
                    "chargers.list_too_long", f"A list has at most {MOST_LINES} lines."
                )
            # More cells than columns: the last key says so.
            found.append((lines.line_num, dict(zip([*header, "\0"], cells, strict=False))))
    except csv.Error as err:
        raise DomainError(
            "chargers.list_not_csv", f"Line {lines.line_num} is no CSV: {err}."
        ) from err
    if header is None:
        raise DomainError("chargers.list_empty", "The list is empty.")
    return found


def _header(cells: list[str]) -> list[str]:
    names = [cell.lower() for cell in cells]
    unknown = sorted(set(names) - set(COLUMNS))
    if unknown or len(set(names)) != len(names) or "token" not in names:
        raise DomainError(
            "chargers.list_columns",
            f"The first line names the columns, each once: {', '.join(COLUMNS)};"
            " token must be there.",
        )
    return names


def _token(
    cells: Mapping[str, str], groups: Mapping[str, TokenGroup], time_zone: tzinfo
) -> IdToken:
    """The token of a line, not stored; DomainError for the first cell that is wrong."""
    if "\0" in cells:
        raise DomainError("chargers.columns", "The line has more cells than the header.")
    token_type = _one_of(cells, "type", TokenType.values, TokenType.ISO14443)
    note = cells.get("note", "")
    if len(note) > _NOTE_MAX_LENGTH or not note.isprintable():
        raise DomainError(
            "chargers.note_invalid",
            f"A note has at most {_NOTE_MAX_LENGTH} printable characters.",
            field="note",
        )
    try:
        token = IdToken(
            id_token=token_text(cells["token"], token_type),
            type=token_type,
            status=_one_of(cells, "status", TokenStatus.values, TokenStatus.ACCEPTED),
            group=_group(cells.get("group", ""), groups),
            valid_from=_instant(cells, "valid_from", time_zone),
            expires_at=_instant(cells, "expires_at", time_zone),
            charging_priority=_priority(cells.get("priority", "")),
            is_in_local_lists=_yes(cells.get("local_lists", "")),
            note=note,
        )
        token_rules_check(token)
    except DomainError as err:
        field = {"id_token": "token", "charging_priority": "priority"}.get(err.field or "")
        raise DomainError(err.code, err.message, field=field or err.field) from err
    return token


def _one_of(cells: Mapping[str, str], column: str, values: list[str], usual: str) -> str:
    """The value in its own spelling; upper and lower case are the same."""
    cell = cells.get(column, "")
    found = next((value for value in values if value.lower() == cell.lower()), None)
    if cell and found is None:
        raise DomainError("chargers.not_one_of", f"It is one of {', '.join(values)}.", field=column)
    return found or usual


def _group(group_id: str, groups: Mapping[str, TokenGroup]) -> TokenGroup | None:
    if group_id and group_id not in groups:
        raise DomainError("chargers.group_unknown", "There is no group of that id.", field="group")
    return groups.get(group_id)


def _instant(cells: Mapping[str, str], column: str, time_zone: tzinfo) -> datetime | None:
    """`2027-01-31`, `2027-01-31 18:00` or RFC 3339; a day is its midnight."""
    cell = cells.get(column, "")
    if not cell:
        return None
    try:
        at = parse_datetime(cell)
        day = parse_date(cell) if at is None else None
        if day is not None:
            at = datetime(day.year, day.month, day.day, tzinfo=time_zone)
    except ValueError:
        at = None
    if at is None:
        raise DomainError("chargers.not_a_time", "It is no date or time.", field=column)
    return at if at.tzinfo is not None else at.replace(tzinfo=time_zone)


def _priority(cell: str) -> int:
    digits = cell.removeprefix("-")
    if cell and not (digits.isascii() and digits.isdecimal() and len(digits) == 1):
        raise DomainError(
            "chargers.token_priority_invalid",
            "A charging priority is between -9 and 9.",
            field="priority",
        )
    return int(cell or 0)


def _yes(cell: str) -> bool:
    if cell and cell.lower() not in _YES | _NO:
        raise DomainError("chargers.not_yes_or_no", "It is yes or no.", field="local_lists")
    return cell.lower() not in _NO


def _store(good: Mapping[str, IdToken]) -> tuple[int, int]:
    """(new, changed); one query to find, and one to write, for each thousand."""
    names = list(good)
    created = updated = 0
    for part in _parts(names, _TOGETHER):
        # The database's own upper case, which its unique index is made of.
        known = {
            token.id_token.upper(): token.pk
            for token in IdToken.objects.select_for_update()
            .annotate(upper=Upper("id_token"))
            .filter(upper__in=[Upper(Value(good[name].id_token)) for name in part])
            .order_by("pk")
        }
        new = [good[name] for name in part if name not in known]
        changed = [good[name] for name in part if name in known]
        for token in changed:
            token.pk = known[token.id_token.upper()]
        IdToken.objects.bulk_create(new, ignore_conflicts=True)
        IdToken.objects.bulk_update(changed, list(_FIELDS))
        created += len(new)
        updated += len(changed)
    return created, updated


def _parts(names: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(names), size):
        yield names[start : start + size]
