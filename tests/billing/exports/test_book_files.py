"""Files of the books and for the bank as jobs: wired to what makes them, safe to run again."""

import zipfile
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from apps.billing.exports.choices import ExportState
from apps.billing.models import (
    BillingAccount,
    ExportJob,
    InvoiceDocument,
    SepaBatch,
    Settlement,
)
from apps.billing.selectors.exports import export_file
from apps.billing.services.exports import export_run, export_start
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.billing.documents.rows import ISSUED, MARCH, account_make, invoice_make, issuer_make

pytestmark = pytest.mark.usefixtures("media")


def debtor() -> BillingAccount:
    """A customer with a mandate."""
    return account_make(sepa_mandate_id="RUM-1", sepa_mandate_signed_on=date(2026, 1, 5))


def texts(xml: bytes, name: str) -> list[str | None]:
    return [node.text for node in etree.fromstring(xml).iterfind(f".//{{*}}{name}")]


def made(kind: str, **params: Any) -> ExportJob:
    job = export_start(kind=kind, params=params, by=None, language="en")
    export_run(job_id=job.pk)
    return ExportJob.objects.get(pk=job.pk)


def path_of(job: ExportJob) -> Path:
    assert job.state == ExportState.DONE, (job.error_code, job.error)
    return export_file(job_id=job.pk, now=utc_now()).path


def soon() -> str:
    return (utc_now() + timedelta(days=7)).date().isoformat()


def test_the_fec_of_a_month_is_balanced(operator_a: Operator) -> None:
    issuer_make()
    invoice = invoice_make(account_make(), "100.00")

    by_month = made("fec", month="2026-04")
    by_days = made("fec", start="2026-04-01", end="2026-04-02")
    before = made("fec", month="2026-03")

    lines = path_of(by_month).read_text().splitlines()
    assert len(lines[0].split("\t")) == 18
    # The sale: customer, turnover and tax.
    assert (by_month.rows_done, by_days.rows_done, before.rows_done) == (3, 3, 0)
    assert all(invoice.reference in line for line in lines[1:])
    debit, credit = (
        sum(Decimal(line.split("\t")[n].replace(",", ".")) for line in lines[1:]) for n in (11, 12)
    )
    assert debit == credit == Decimal("108.50")
    assert by_month.file_name.endswith("FEC20260430.txt")


def test_direct_debits_are_in_one_file_also_when_the_job_runs_again(operator_a: Operator) -> None:
    issuer_make()
    invoice = invoice_make(debtor(), "100.00")

    first = made("sepa_debit", pays_on=soon())
    content = path_of(first).read_bytes()
    # As if its worker had been killed after the bank's file was kept.
    ExportJob.objects.filter(pk=first.pk).update(state=ExportState.QUEUED)
    export_run(job_id=first.pk)
    nothing_left = made("sepa_debit", pays_on=soon())

    assert texts(content, "EndToEndId") == [invoice.reference]
    again = ExportJob.objects.get(pk=first.pk)
    assert again.attempts == 2
    assert path_of(again).read_bytes() == content
    assert SepaBatch.objects.count() == 1
    assert (nothing_left.state, nothing_left.error_code) == ("failed", "export.nothing_to_export")


def test_named_invoices_only_and_a_refusal_by_its_code(operator_a: Operator) -> None:
    issuer_make()
    account = debtor()
    one, other = invoice_make(account, "100.00"), invoice_make(account, "20.00")

    job = made("sepa_debit", pays_on=soon(), invoice_ids=[other.pk])
    twice = made("sepa_debit", pays_on=soon(), invoice_ids=[other.pk, one.pk])
    past = made("sepa_debit", pays_on="2026-03-01", invoice_ids=[one.pk])

    assert texts(path_of(job).read_bytes(), "EndToEndId") == [other.reference]
    assert (twice.state, twice.error_code) == ("failed", "sepa.in_file")
    assert (past.state, past.error_code) == ("failed", "sepa.day_past")


def test_what_we_owe_is_transferred(operator_a: Operator) -> None:
    issuer_make()
    partner = account_make("voltaria", kind="emsp", party_country_code="DE", party_id="VLT")
    Settlement.objects.create(
        account=partner, month=MARCH, direction="payable", state="confirmed", currency="EUR",
        net=Decimal("24.60"), total=Decimal("24.60"), confirmed_at=ISSUED,
    )  # fmt: skip

    job = made("sepa_credit", pays_on=soon())

    assert texts(path_of(job).read_bytes(), "InstdAmt") == ["24.60"]
    assert job.rows_done == 1


def test_the_e_reporting_data_set_of_a_month(operator_a: Operator) -> None:
    issuer_make()
    person = account_make("anne", kind="person", siren="", siret="", vat_number="")
    invoice_make(person, "100.00")

    job = made("e_reporting", month="2026-04")

    with zipfile.ZipFile(path_of(job)) as archive:
        assert sorted(Path(name).suffix for name in archive.namelist()) == [".csv", ".xml"]
    assert (job.rows_done, job.media_type) == (1, "application/zip")
    without = made("e_reporting", month="2026-03")
    assert (without.state, without.rows_done) == ("done", 0)


def test_a_bundle_holds_the_kept_papers_of_a_month(operator_a: Operator) -> None:
    issuer_make()
    account = account_make()
    for net, month in (("100.00", MARCH), ("20.00", date(2026, 4, 1))):
        invoice = invoice_make(account, net, month=month)
        # Kept already: making them is told elsewhere.
        InvoiceDocument.objects.create(
            invoice=invoice, kind="pdf", file_name=f"{invoice.pk}-{month}.pdf",
            media_type="application/pdf", sha256="0" * 64, content=b"%PDF",
        )  # fmt: skip

    job = made("facturx_bundle", month="2026-03")
    by_id = made("facturx_bundle", invoice_ids=[invoice.pk, invoice.pk])

    with zipfile.ZipFile(path_of(job)) as archive:
        assert [name.partition("-")[2] for name in archive.namelist()] == ["2026-03-01.pdf"]
    with zipfile.ZipFile(path_of(by_id)) as archive:
        assert archive.namelist() == [f"{invoice.pk}-2026-04-01.pdf"]
    assert (job.rows_done, job.rows_total, by_id.rows_done) == (1, 1, 1)


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("fec", {"start": "2026-04-02", "end": "2026-04-01"}),
        ("fec", {"start": "2026-04-02"}),
        ("sepa_debit", {"pays_on": "tomorrow"}),
        ("sepa_credit", {"pays_on": "2026-04-01", "settlement_ids": "1"}),
        ("facturx_bundle", {"invoice_ids": [True]}),
        ("e_reporting", {}),
    ],
)
def test_parameters_that_make_no_sense_are_refused(
    operator_a: Operator, kind: str, params: dict[str, Any]
) -> None:
    with pytest.raises(DomainError) as refused:
        export_start(kind=kind, params=params, by=None)

    assert refused.value.code == "export.filter_invalid"
