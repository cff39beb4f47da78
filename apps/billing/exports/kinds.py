"""What can be exported: for each kind which parameters it takes, and how its file is made."""

from apps.billing.exports import book_files
from apps.billing.exports.cdr_files import cdr_csv_make, cdr_params, cdr_xlsx_make
from apps.billing.exports.choices import ExportKind
from apps.billing.exports.making import Kind
from cariflex.common.errors import DomainError

KINDS: dict[str, Kind] = {
    ExportKind.CDR_CSV: Kind(cdr_params, cdr_csv_make),
    ExportKind.CDR_XLSX: Kind(cdr_params, cdr_xlsx_make),
    ExportKind.FEC: Kind(book_files.fec_params, book_files.fec_make),
    ExportKind.SEPA_DEBIT: Kind(book_files.debit_params, book_files.debit_make),
    ExportKind.SEPA_CREDIT: Kind(book_files.credit_params, book_files.credit_make),
    ExportKind.FACTURX_BUNDLE: Kind(book_files.bundle_params, book_files.bundle_make),
    ExportKind.E_REPORTING: Kind(book_files.month_params, book_files.e_reporting_make),
}


def kind_of(name: str) -> Kind:
    """The kind of this name; DomainError `export.kind_unknown`."""
    kind = KINDS.get(name)
    if kind is None:
        raise DomainError("export.kind_unknown", f"There is no export {name!r}.", field="kind")
    return kind
