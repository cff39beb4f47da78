"""`price_session --tariff FILE --session FILE [--json]`: the price of a session and its reasons."""

import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from django.core.management.base import BaseCommand

from apps.billing.rating.decimals import money, plain
from apps.billing.rating.model import VERSIONS, RatedLine, RatingProblem
from apps.billing.rating.pricing import Priced, Pricer, problem_dump, tariff_of_cdr
from apps.billing.rating.reading import json_read
from apps.billing.rating.writing import rating_dump

BAD_INPUT = 2
MOST_BYTES = 64 * 1024 * 1024


class Command(BaseCommand):
    help = (
        "Price a session (an OCPI CDR, or its time_zone, times and charging_periods) by an OCPI"
        " tariff of 2.1.1, 2.2.1 or 2.3.0. Needs no database and no running service. Exit code 2:"
        " bad input; with --json it is told as {error: {code, field, message}}. With --batch every"
        " line is answered by one line, a bad one by its error, and the exit code is 0."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tariff", metavar="FILE", help="an OCPI tariff; else the CDR's own")
        parser.add_argument("--session", metavar="FILE", help="a CDR or a session; - is stdin")
        parser.add_argument("--batch", metavar="FILE", help="JSON lines {tariff, session}; - stdin")
        parser.add_argument("--time-zone", metavar="ZONE", help="of the place (IANA); wins")
        parser.add_argument(
            "--ocpi-version", choices=VERSIONS, help="of the tariff; else concluded"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["batch"]:
                self._batch(options)
            else:
                self._one(options)
        except RatingProblem as err:
            self._refuse(err, as_json=options["json"])
        except BrokenPipeError:
            # The reader has enough; nothing is left to be told.
            sys.stderr.close()

    def _one(self, options: dict[str, Any]) -> None:
        if not options["session"]:
            raise RatingProblem("usage", "Give --session FILE, or --batch FILE.", "--session")
        session = _document(options["session"], "session")
        tariff = (
            _document(options["tariff"], "tariff") if options["tariff"] else tariff_of_cdr(session)
        )
        pricer = Pricer(options["ocpi_version"])
        priced = pricer.price(tariff, session, options["time_zone"])
        if options["json"]:
            self.stdout.write(json.dumps(rating_dump(priced.rating), indent=2))
        else:
            self.stdout.write(_printable(table(priced)))

    def _batch(self, options: dict[str, Any]) -> None:
        if options["tariff"] or options["session"]:
            raise RatingProblem(
                "usage", "--batch brings its tariffs and sessions along.", "--batch"
            )
        pricer = Pricer(options["ocpi_version"])
        bad = total = 0
        with _open(options["batch"], "batch") as stream:
            for number, line in _filled(stream):
                total += 1
                try:
                    priced = pricer.price_line(json_read(_text(line)), options["time_zone"])
                    answer = rating_dump(priced.rating)
                except RatingProblem as err:
                    bad += 1
                    answer = problem_dump(err, number)
                self.stdout.write(json.dumps(answer))
        if bad:
            self.stderr.write(f"{bad} of {total} lines could not be priced")

    def _refuse(self, problem: RatingProblem, *, as_json: bool) -> NoReturn:
        if as_json:
            self.stdout.write(json.dumps(problem_dump(problem)))
        else:
            self.stderr.write(_printable(f"{problem} [{problem.code}]"))
        sys.exit(BAD_INPUT)


def _open(name: str, where: str) -> BinaryIO:
    if name == "-":
        return sys.stdin.buffer
    try:
        return _place(name).open("rb")
    except OSError as err:
        raise RatingProblem(
            "file.unreadable", f"{name} cannot be read: {err.strerror or err}.", where
        ) from err
    except ValueError as err:
        raise RatingProblem("file.unreadable", f"{name!r} is no file name: {err}.", where) from err


def _place(name: str) -> Path:
    """The file; `./run` changes to its own folder, the caller's is still in PWD."""
    path = Path(name)
    called_from = Path(os.environ.get("PWD", ".")) / path
    return path if path.exists() or not called_from.exists() else called_from


def _document(name: str, where: str) -> object:
    with _open(name, where) as stream:
        try:
            content = stream.read(MOST_BYTES + 1)
        except OSError as err:
            raise RatingProblem(
                "file.unreadable", f"{name} cannot be read: {err.strerror or err}.", where
            ) from err
    if len(content) > MOST_BYTES:
        raise RatingProblem("file.too_large", f"{name} is larger than {MOST_BYTES} bytes.", where)
    return json_read(_text(content), where)


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise RatingProblem("json.invalid", f"This is not UTF-8 text: {err.reason}.") from err


def _filled(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(stream, 1):
        if line.strip():
            yield number, line


def _printable(text: str) -> str:
    """What the terminal's encoding can show: a text of JSON can hold half a character."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def table(priced: Priced) -> str:
    """The rating for people: lines, totals, taxes, notes."""
    rating = priced.rating
    head = ("what", "used", "billed", "price", "tax %", "before tax", "with tax", "because")
    rows = [head, *(_row(line, rating.currency) for line in rating.lines)]
    total = rating.total_cost
    rows.append(("total", "", "", "", "", money(total.excl_vat), money(total.incl_vat), ""))
    named = f"tariff {priced.tariff.id}" if priced.tariff.id else "this tariff"
    parts = [f"Price by {named}, in {rating.currency}", "", *_aligned(rows)]
    if rating.taxes:
        parts += ["", "Taxes:"]
        for tax in rating.taxes:
            percent = "bounds" if tax.percent is None else f"{plain(tax.percent)} %"
            parts.append(f"  {tax.name} {percent}: {money(tax.amount)} on {money(tax.base)}")
    if rating.notes:
        parts += ["", "Notes:"]
        parts += [
            f"  {note.where + ': ' if note.where else ''}{note.text} [{note.code}]"
            for note in rating.notes
        ]
    return "\n".join(parts)


def _row(line: RatedLine, currency: str) -> tuple[str, ...]:
    return (
        line.dimension,
        f"{plain(line.volume)} {line.unit}",
        f"{plain(line.billed_volume)} {line.unit}",
        f"{plain(line.price)} {currency}",
        "" if line.vat_percent is None else plain(line.vat_percent),
        money(line.excl_vat),
        money(line.incl_vat),
        line.reason,
    )


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    numbers = range(1, len(widths) - 1)
    return [
        "  ".join(
            cell.rjust(width) if n in numbers else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
