"""Exports in the back office: from the list of CDRs, and the list of files."""

import csv
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.billing.exports.choices import ExportState
from apps.billing.models import Cdr, ExportJob
from apps.billing.services.exports import export_run, export_start
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.billing.exports.conftest import rows_of

CDRS, JOBS = "/admin/billing/cdr/", "/admin/billing/exportjob/"
pytestmark = pytest.mark.usefixtures("media")


def client_of(role: Role, host: str = "guadeloupe") -> Client:
    client = Client(headers={"host": f"{host}.localhost", "accept-language": "en"})
    client.force_login(user_ensure(username=role.name.lower(), password="x", role=role))
    return client


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def acted(client: Client, name: str, *cdrs: Cdr, across: bool = False) -> Any:
    return client.post(
        CDRS,
        {"action": name, "_selected_action": [str(cdr.pk) for cdr in cdrs],
         "select_across": "1" if across else "0"},
    )  # fmt: skip


def test_the_list_shows_totals_and_links_of_what_is_filtered(cdrs: list[Cdr]) -> None:
    listed = client_of(Role.BILLING).get(CDRS, {"station_id": "CS-002"})

    (totals,) = listed.context_data["cdr_totals"]
    assert totals.count == 1
    assert totals.energy_kwh == Decimal("1.0005")
    page = listed.content.decode()
    for ending in ("export.csv", "export-excel.csv", "export-excel-fr.csv", "export.xlsx"):
        assert f"{CDRS}{ending}?station_id=CS-002" in page
    assert "04A2B3C4" not in page


def test_the_download_respects_the_filters_of_the_list(cdrs: list[Cdr]) -> None:
    client = client_of(Role.BILLING)

    answer = client.get(CDRS + "export.csv", {"station_id": "CS-002", "o": "-2"})

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="cdrs-guadeloupe-' in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(StringIO(body(answer).decode(), newline="")))
    assert [row["station_id"] for row in rows] == ["CS-002"]
    searched = client.get(CDRS + "export-excel.csv", {"q": "tx-3"})
    assert body(searched).decode().startswith("\ufeffreference,")
    french = client.get(CDRS + "export-excel-fr.csv", {"station_id": "CS-007"})
    assert rows_of(body(french), ";")[0]["total_excl_vat"] == "0,88"


def test_what_is_selected_is_exported(cdrs: list[Cdr]) -> None:
    client = client_of(Role.BILLING)

    some = rows_of(body(acted(client, "export_selected_csv", cdrs[1], cdrs[4])))
    all_for_excel = body(acted(client, "export_selected_excel_fr", cdrs[1], across=True))

    assert [row["reference"] for row in some] == [cdrs[1].reference, cdrs[4].reference]
    assert len(rows_of(all_for_excel, ";")) == len(cdrs)


def test_a_workbook_is_asked_for_and_downloaded(cdrs: list[Cdr]) -> None:
    client = client_of(Role.BILLING)

    answer = acted(client, "export_selected_xlsx", cdrs[1], cdrs[4])
    job = ExportJob.objects.get()
    filtered = client.post(CDRS + "export.xlsx?station_id=CS-002")

    assert answer.headers["Location"] == f"{JOBS}{job.pk}/change/"
    assert set(job.selection or ()) == {cdrs[1].pk, cdrs[4].pk}
    assert filtered.status_code == 302
    assert ExportJob.objects.exclude(pk=job.pk).get().selection == [
        cdr.pk for cdr in cdrs if cdr.station_id == "CS-002"
    ]
    export_run(job_id=job.pk)
    listed = client.get(JOBS).content.decode()
    assert f"{JOBS}{job.pk}/file" in listed
    assert "Ready" in listed
    assert client.get(f"{JOBS}{job.pk}/change/").status_code == 200
    file = client.get(f"{JOBS}{job.pk}/file")
    assert body(file).startswith(b"PK")
    assert "no-store" in file.headers["Cache-Control"]
    job.refresh_from_db()
    assert job.downloads == 1
    assert file.headers["X-Content-SHA256"] == job.sha256


def test_a_list_without_rows_makes_no_workbook(operator_a: Operator) -> None:
    answer = client_of(Role.BILLING).post(CDRS + "export.xlsx", follow=True)

    assert "The list is empty." in answer.content.decode()
    assert not ExportJob.objects.exists()


@pytest.mark.parametrize("role", [Role.OPERATIONS, Role.ANALYST])
def test_who_may_only_look_may_not_export(cdrs: list[Cdr], role: Role) -> None:
    client, job = client_of(role), export_start(kind="cdr_csv", params={}, by=None)
    export_run(job_id=job.pk)

    listed = client.get(CDRS)

    assert listed.status_code == 200
    assert "export" not in listed.content.decode().split("changelist-form")[1]
    for ending in ("export.csv", "export-excel.csv", "export-excel-fr.csv"):
        assert client.get(CDRS + ending).status_code == 403
    assert client.post(CDRS + "export.xlsx").status_code == 403
    acted(client, "export_selected_xlsx", cdrs[1])
    assert ExportJob.objects.count() == 1
    # The list of what left the books is open to them, the files are not.
    assert client.get(JOBS).status_code == 200
    assert client.get(f"{JOBS}{job.pk}/file").status_code == 403


def test_an_export_is_cancelled_and_an_expired_file_is_told(cdrs: list[Cdr]) -> None:
    client = client_of(Role.BILLING)
    job = export_start(kind="cdr_csv", params={}, by=None)

    client.post(JOBS, {"action": "cancel", "_selected_action": [str(job.pk)]})

    job.refresh_from_db()
    assert job.state == ExportState.CANCELLED
    told = client.get(f"{JOBS}{job.pk}/file", follow=True)
    assert "ask for it again" in told.content.decode()
    assert client.get(f"{JOBS}{cdrs[0].pk}/file").status_code == 404


def test_a_file_of_one_operator_is_not_found_at_another(
    cdrs: list[Cdr], operator_b: Operator
) -> None:

    job = export_start(kind="cdr_csv", params={}, by=None)
    export_run(job_id=job.pk)
    with operator_context("martinique"):
        client = client_of(Role.BILLING, "martinique")

    assert client.get(f"{JOBS}{job.pk}/file").status_code == 404
