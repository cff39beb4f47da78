"""Files of the books and for the bank as files of jobs; the papers themselves are made elsewhere.

An attempt after a killed worker gives the same file: one for the bank is kept under the job's key.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from apps.billing.documents.files import ZIP, DocumentFile, safe_name
from apps.billing.exports.filters import day_of, month_of
from apps.billing.exports.making import Made, Progress, params_known
from apps.billing.models import ExportJob, SepaBatch
from apps.billing.months import month_after
from apps.billing.selectors.e_reporting import e_reporting
from apps.billing.selectors.sepa import credit_candidates, debit_candidates
from apps.billing.services.books import fec_file
from apps.billing.services.documents import facturx_bundle, invoices_of_month
from apps.billing.services.sepa import sepa_credit_file, sepa_debit_file
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError

MOST_IDS = 10_000
Params = Mapping[str, Any]


def fec_params(params: Params) -> dict[str, Any]:
    """A month, or days from `start` to `end`, both in."""
    params_known(params, "month", "start", "end")
    if params.get("month"):
        first = month_of(_text(params, "month"))
        last = month_after(first) - timedelta(days=1)
    else:
        first = day_of(_text(params, "start"), "start")
        last = day_of(_text(params, "end"), "end")
    if last < first:
        raise DomainError("export.filter_invalid", "The end lies before the start.", field="end")
    return {"start": first.isoformat(), "end": last.isoformat()}


def fec_make(job: ExportJob, folder: Path, progress: Progress) -> Made:
    """The FEC of the days; books what is missing first."""
    progress(0)
    last = date.fromisoformat(job.params["end"])
    file = fec_file(start=date.fromisoformat(job.params["start"]), end=last + timedelta(days=1))
    # The first line has the titles.
    return _written(file, folder, rows=max(0, file.content.count(b"\n") - 1))


def month_params(params: Params) -> dict[str, Any]:
    """A month."""
    params_known(params, "month")
    return {"month": f"{month_of(_text(params, 'month')):%Y-%m}"}


def e_reporting_make(job: ExportJob, folder: Path, progress: Progress) -> Made:
    """The e-reporting data set of the month."""
    progress(0)
    file = e_reporting(month=month_of(job.params["month"]))
    with ZipFile(BytesIO(file.content)) as archive:
        name = next(one for one in archive.namelist() if one.endswith(".csv"))
        rows = archive.read(name).count(b"\n") - 1
    return _written(file, folder, rows=rows)


def bundle_params(params: Params) -> dict[str, Any]:
    """A month, or invoices by their ids."""
    params_known(params, "month", "invoice_ids")
    if params.get("invoice_ids"):
        return {"invoice_ids": _ids(params, "invoice_ids")}
    return {"month": f"{month_of(_text(params, 'month')):%Y-%m}"}


def bundle_make(job: ExportJob, folder: Path, progress: Progress) -> Made:
    """A ZIP of the invoices' papers; those that are missing are made."""
    ids = job.params.get("invoice_ids")
    if ids is None:
        ids = invoices_of_month(month=month_of(job.params["month"]))
    _something(ids)
    progress(0, len(ids))
    label = safe_name(job.params.get("month") or f"{job.requested_at:%Y%m%d-%H%M%S}")
    path = folder / f"invoices-{current_schema()}-{label}.zip"
    with path.open("xb") as out:
        facturx_bundle(invoice_ids=ids, out=out, progress=progress)
    return Made(path, ZIP, len(ids))


def debit_params(params: Params) -> dict[str, Any]:
    """The day of collection `pays_on`, and invoices by their ids; without ids all that are due."""
    return _bank_params(params, "invoice_ids")


def credit_params(params: Params) -> dict[str, Any]:
    """The day of payment `pays_on`, and settlements by their ids; without ids all that are open."""
    return _bank_params(params, "settlement_ids")


def debit_make(job: ExportJob, folder: Path, progress: Progress) -> Made:
    """Direct debits of invoices (pain.008)."""

    def make(ids: list[int], key: str) -> SepaBatch:
        pays_on = date.fromisoformat(job.params["pays_on"])
        return sepa_debit_file(invoice_ids=ids, pays_on=pays_on, key=key, by=job.requested_by)

    def due() -> list[int]:
        return list(debit_candidates().values_list("pk", flat=True)[:MOST_IDS])

    progress(0)
    return _bank_file(job, folder, "invoice_ids", due, make)


def credit_make(job: ExportJob, folder: Path, progress: Progress) -> Made:
    """Credit transfers of settlements (pain.001)."""

    def make(ids: list[int], key: str) -> SepaBatch:
        pays_on = date.fromisoformat(job.params["pays_on"])
        return sepa_credit_file(settlement_ids=ids, pays_on=pays_on, key=key, by=job.requested_by)

    def due() -> list[int]:
        return [row.pk for row, _amount in credit_candidates()][:MOST_IDS]

    progress(0)
    return _bank_file(job, folder, "settlement_ids", due, make)


def _bank_params(params: Params, ids: str) -> dict[str, Any]:
    params_known(params, "pays_on", ids)
    kept: dict[str, Any] = {"pays_on": day_of(_text(params, "pays_on"), "pays_on").isoformat()}
    if params.get(ids):
        kept[ids] = _ids(params, ids)
    return kept


def _bank_file(
    job: ExportJob,
    folder: Path,
    name: str,
    due: Callable[[], list[int]],
    make: Callable[[list[int], str], SepaBatch],
) -> Made:
    key = f"export:{job.pk}"
    # What an earlier attempt put into the file is not due any more.
    is_made = SepaBatch.objects.filter(key=key).exists()
    ids = job.params.get(name) or ([] if is_made else due())
    if not is_made:
        _something(ids)
    batch = make(ids, key)
    file = DocumentFile(batch.file_name, "application/xml", bytes(batch.content))
    return _written(file, folder, rows=batch.count)


def _written(file: DocumentFile, folder: Path, *, rows: int) -> Made:
    path = folder / safe_name(file.name)
    path.write_bytes(file.content)
    return Made(path, file.media_type, rows)


def _something(ids: list[int]) -> None:
    if not ids:
        raise DomainError("export.nothing_to_export", "There is nothing for this file.")


def _text(params: Params, name: str) -> str:
    return str(params.get(name) or "")


def _ids(params: Params, name: str) -> list[int]:
    """Whole numbers, each once; DomainError `export.filter_invalid`."""
    given = params[name]
    is_list = isinstance(given, list | tuple) and len(given) <= MOST_IDS
    if not is_list or not all(type(one) is int and 0 < one < 2**63 for one in given):
        raise DomainError("export.filter_invalid", "Ids are whole numbers.", field=name)
    return sorted(set(given))
