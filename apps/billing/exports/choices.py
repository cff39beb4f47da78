"""Kinds, states and forms of exports, as people read them."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ExportKind(TextChoices):
    """What the file is."""

    CDR_CSV = "cdr_csv", _("CDRs (CSV)")
    CDR_XLSX = "cdr_xlsx", _("CDRs (Excel)")
    FEC = "fec", _("Accounting entries (FEC)")
    SEPA_DEBIT = "sepa_debit", _("SEPA direct debits (pain.008)")
    SEPA_CREDIT = "sepa_credit", _("SEPA credit transfers (pain.001)")
    FACTURX_BUNDLE = "facturx_bundle", _("Invoices as Factur-X (ZIP)")
    E_REPORTING = "e_reporting", _("E-reporting data set")


class ExportState(TextChoices):
    """How far it is."""

    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("In progress")
    DONE = "done", _("Ready")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")
    EXPIRED = "expired", _("Expired")


class CsvStyle(TextChoices):
    """Separators of a CSV file."""

    INTERNATIONAL = "international", _("Comma, decimal point")
    EXCEL = "excel", _("Excel in English: comma, decimal point")
    EXCEL_FR = "excel_fr", _("Excel in French: semicolon, decimal comma")


class RowOrder(TextChoices):
    """By what the rows of a CDR export are ordered; a minus is the other way round."""

    ISSUED = "issued_at", _("Issued, oldest first")
    ISSUED_LATEST = "-issued_at", _("Issued, newest first")
    ENDED = "ended_at", _("Session ended, oldest first")
    ENDED_LATEST = "-ended_at", _("Session ended, newest first")
    REFERENCE = "reference", _("Reference")
    STATION = "station_id", _("Station id")
    HIGHEST = "-total_incl_vat", _("Total, highest first")
