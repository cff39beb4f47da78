"""CDRs as files of jobs: CSV and workbooks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apps.billing.exports.choices import CsvStyle, RowOrder
from apps.billing.exports.columns import DEFAULT_COLUMNS, columns_named
from apps.billing.exports.csv_file import csv_chunks
from apps.billing.exports.filters import cdrs_of_job, filters_checked
from apps.billing.exports.making import Made, Progress, params_known
from apps.billing.exports.xlsx_file import MOST_ROWS, cdr_xlsx
from apps.billing.models import ExportJob
from apps.tenants.context import current_schema
from cariflex.common.errors import DomainError

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def cdr_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """What an export of CDRs keeps of its parameters; the usual columns where none are named.

    DomainError for what there is not.
    """
    params_known(params, "columns", "order", "style", "with_titles", "filters")
    order = params.get("order") or RowOrder.ISSUED
    style = params.get("style") or CsvStyle.INTERNATIONAL
    if order not in RowOrder.values:
        raise DomainError("export.order_unknown", f"There is no order {order!r}.", field="order")
    if style not in CsvStyle.values:
        raise DomainError("export.style_unknown", f"There is no style {style!r}.", field="style")
    return {
        "columns": [one.name for one in columns_named(params.get("columns") or DEFAULT_COLUMNS)],
        "order": str(order),
        "style": str(style),
        "with_titles": bool(params.get("with_titles")),
        "filters": filters_checked(params.get("filters") or {}),
    }


def cdr_csv_make(job: ExportJob, folder: Path, progress: Progress) -> Made:
    cdrs = cdrs_of_job(job)
    progress(0, cdrs.count())
    path, done = folder / _cdr_name(job, "csv"), 0
    with path.open("xb") as file:
        for chunk in csv_chunks(
            cdrs,
            columns=job.params["columns"],
            order=job.params["order"],
            style=job.params["style"],
            with_titles=job.params["with_titles"],
        ):
            file.write(chunk.content)
            done += chunk.rows
            progress(done)
    return Made(path, "text/csv; charset=utf-8", done)


def cdr_xlsx_make(job: ExportJob, folder: Path, progress: Progress) -> Made:
    cdrs = cdrs_of_job(job)
    count = cdrs.count()
    if count > MOST_ROWS:
        raise DomainError(
            "export.too_many_rows", f"A sheet holds at most {MOST_ROWS} rows, not {count}."
        )
    progress(0, count)
    path = folder / _cdr_name(job, "xlsx")
    rows = cdr_xlsx(
        cdrs,
        path,
        columns=job.params["columns"],
        order=job.params["order"],
        with_titles=job.params["with_titles"],
        progress=progress,
    )
    return Made(path, XLSX_TYPE, rows)


def _cdr_name(job: ExportJob, ending: str) -> str:
    return f"cdrs-{current_schema()}-{job.requested_at:%Y%m%d-%H%M%S}.{ending}"
