"""`billing_export KIND --operator NAME [--month 2026-03] [--output FILE]`: a file of the books."""

import json
import shutil
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from apps.billing.exports.choices import CsvStyle, ExportKind, RowOrder
from apps.billing.exports.columns import COLUMNS
from apps.billing.exports.filters import FILTERS, ONLY
from apps.billing.models import ExportJob
from apps.billing.selectors.exports import ExportFile, export_file, export_rows
from apps.billing.services.exports import CDR_KINDS, export_run, export_start
from apps.tenants.context import operator_context
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

FAILED, BAD_INPUT = 1, 2
PAUSE_S = 0.5
_BOOK_PARAMS = {
    ExportKind.FEC: ("month", "start", "end"),
    ExportKind.SEPA_DEBIT: ("pays_on", "invoice_ids"),
    ExportKind.SEPA_CREDIT: ("pays_on", "settlement_ids"),
    ExportKind.FACTURX_BUNDLE: ("month", "invoice_ids"),
    ExportKind.E_REPORTING: ("month",),
}


class Command(BaseCommand):
    help = (
        "Make an export and keep it as a job; with --output also copy the file (- is the standard"
        " output). Exit code 1: it could not be made; 2: bad input."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=ExportKind.values)
        parser.add_argument("--operator", required=True, help="schema of the operator")
        parser.add_argument("--output", help="where the file goes; - is the standard output")
        parser.add_argument("--json", action="store_true", help="print one JSON document")
        cdrs = parser.add_argument_group("files of CDRs")
        cdrs.add_argument("--columns", help=f"names with commas: {', '.join(COLUMNS)}")
        cdrs.add_argument("--order", choices=RowOrder.values)
        cdrs.add_argument("--style", choices=CsvStyle.values)
        cdrs.add_argument("--titles", action="store_true", help="titles in words")
        cdrs.add_argument("--view", help="id of a shared view")
        for name in ("account", "invoice", "station", "currency", "search"):
            cdrs.add_argument(f"--{name}")
        cdrs.add_argument("--only", choices=ONLY)
        parser.add_argument("--month", help="such as 2026-03")
        parser.add_argument("--start", help="first day, such as 2026-03-01")
        parser.add_argument("--end", help="last day, such as 2026-03-31")
        bank = parser.add_argument_group("files for the bank, and bundles")
        bank.add_argument("--pays-on", help="day of the payments")
        bank.add_argument("--invoice-ids", help="ids with commas; without them all that are due")
        bank.add_argument("--settlement-ids", help="ids with commas; without them all that are due")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with operator_context(options["operator"]):
                job, file = self._made(options)
                copied = file is not None and self._copy(file, options["output"])
        except DomainError as refusal:
            self._refuse(refusal.code, refusal.message, options["json"], BAD_INPUT)
        if file is None:
            self._refuse(job.error_code or job.state, job.error, options["json"], FAILED)
        if not copied:
            self._tell(job, file, as_json=options["json"])

    def _made(self, options: dict[str, Any]) -> tuple[ExportJob, ExportFile | None]:
        """The job once it has ended, with its file if there is one."""
        kind = options["kind"]
        started = export_start(kind=kind, params=params_of(options), by=None, is_background=False)
        while (job := export_rows().get(pk=started.pk)).is_open:
            # A worker may have taken it, or all places of the operator are taken.
            if not export_run(job_id=job.pk):
                time.sleep(PAUSE_S)
        if job.error_code:
            return job, None
        return job, export_file(job_id=job.pk, now=utc_now())

    def _copy(self, file: ExportFile, output: str | None) -> bool:
        """Copy the file; True when the standard output is taken by it."""
        if output == "-":
            with file.path.open("rb") as content:
                shutil.copyfileobj(content, self.stdout.buffer)  # type: ignore[attr-defined]
            return True
        if output:
            shutil.copyfile(file.path, Path(output))
        return False

    def _refuse(self, code: str, message: str, as_json: bool, status: int) -> None:
        if as_json:
            self.stdout.write(json.dumps({"error": {"code": code, "message": message}}))
        else:
            self.stderr.write(message or code)
        sys.exit(status)

    def _tell(self, job: ExportJob, file: ExportFile, *, as_json: bool) -> None:
        shown = {
            "id": str(job.pk),
            "kind": job.kind,
            "state": job.state,
            "rows": job.rows_done,
            "file": str(file.path),
            "name": file.name,
            "size_bytes": file.size_bytes,
            "sha256": file.sha256,
        }
        if as_json:
            self.stdout.write(json.dumps(shown))
            return
        for name, value in shown.items():
            self.stdout.write(f"{name}: {value}")


def params_of(options: dict[str, Any]) -> dict[str, Any]:
    """The parameters of the export, as the service takes them; DomainError for wrong ids."""
    if options["kind"] not in CDR_KINDS:
        given = {name: options[name] for name in _BOOK_PARAMS[options["kind"]] if options[name]}
        return {name: _ids(v) if name.endswith("_ids") else v for name, v in given.items()}
    columns = [name.strip() for name in (options["columns"] or "").split(",") if name.strip()]
    filters = {name: options[name] for name in FILTERS if options[name]}
    given = {
        "columns": columns,
        "order": options["order"],
        "style": options["style"],
        "with_titles": options["titles"],
        "view": options["view"],
        "filters": filters,
    }
    return {name: value for name, value in given.items() if value}


def _ids(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and len(part) < 16 for part in parts):
        raise DomainError("export.filter_invalid", "Ids are whole numbers with commas.")
    return [int(part) for part in parts]
