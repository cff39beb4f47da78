"""Exports over HTTP: asked for, followed, taken, stopped; views; two operators."""

from typing import Any
from uuid import uuid4

import pytest

from apps.accounts.roles import Role
from apps.billing.exports.choices import ExportState
from apps.billing.exports.columns import COLUMNS
from apps.billing.models import Cdr, ExportJob, ExportView
from apps.billing.services.exports import export_run, export_start, exports_expire
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.assets.api.conftest import API, caller
from tests.billing.exports.conftest import rows_of
from tests.billing.exports.test_jobs import DAY

pytestmark = pytest.mark.usefixtures("media")
EXPORTS, VIEWS = f"{API}/exports", f"{API}/export-views"


def posted(client: Any, address: str, **body: Any) -> Any:
    return client.post(address, body, content_type="application/json")


def test_a_file_is_asked_for_followed_and_taken(cdrs: list[Cdr]) -> None:
    client = caller(Role.BILLING)

    asked = posted(
        client, EXPORTS, kind="cdr_csv", columns=["reference", "vat"], style="excel_fr",
        filters={"start": "2026-03-10", "end": "2026-03-10", "station": "CS-002"},
    )  # fmt: skip

    assert asked.status_code == 201, asked.json()
    job = asked.json()
    assert (job["state"], job["requested_by"], job["percent"]) == ("queued", "billing", None)
    assert client.get(f"{EXPORTS}/{job['id']}/file").status_code == 409
    export_run(job_id=job["id"])
    done = client.get(f"{EXPORTS}/{job['id']}").json()
    assert (done["state"], done["rows_done"], done["percent"]) == ("done", 1, 100)
    file = client.get(f"{EXPORTS}/{job['id']}/file")
    content = b"".join(file.streaming_content)
    assert [row["reference"] for row in rows_of(content, ";")] == [
        cdr.reference for cdr in cdrs if cdr.station_id == "CS-002"
    ]
    assert file.headers["X-Content-SHA256"] == done["sha256"]
    assert f'filename="{done["file_name"]}"' in file.headers["Content-Disposition"]
    exports_expire(now=utc_now() + 8 * DAY)
    gone = client.get(f"{EXPORTS}/{job['id']}/file")
    assert (gone.status_code, gone.json()["code"]) == (410, "export.expired")


def test_picked_cdrs_are_named_by_id(cdrs: list[Cdr]) -> None:
    asked = posted(
        caller(Role.BILLING), EXPORTS, kind="cdr_xlsx", cdr_ids=[str(cdrs[0].pk), str(cdrs[2].pk)]
    )

    export_run(job_id=asked.json()["id"])

    assert ExportJob.objects.get().rows_done == 2


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"kind": "pdf"}, "invalid_choice", "kind"),
        ({"kind": "cdr_csv", "columns": ["x"]}, "export.column_unknown", "columns"),
        ({"kind": "cdr_csv", "filters": {"month": "2026"}}, "export.filter_invalid", "month"),
        ({"kind": "cdr_csv", "pays_on": "2026-04-01"}, "export.param_unknown", "pays_on"),
        ({"kind": "cdr_csv", "view": 77}, "export.view_unknown", "view"),
        ({"kind": "fec", "columns": ["id"]}, "export.param_unknown", "columns"),
        ({"kind": "fec"}, "export.filter_invalid", "start"),
        ({"kind": "sepa_debit"}, "export.filter_invalid", "pays_on"),
        ({"kind": "e_reporting", "month": "2026-13"}, "export.filter_invalid", "month"),
        ({"kind": "facturx_bundle", "invoice_ids": [-1]}, "export.filter_invalid", "invoice_ids"),
    ],
)
def test_what_is_wrong_is_told_by_its_field(
    operator_a: Operator, body: dict[str, Any], code: str, field: str
) -> None:
    reply = posted(caller(Role.BILLING), EXPORTS, **body)

    assert reply.status_code == 400
    assert (reply.json()["code"], reply.json()["field"]) == (code, field)


def test_files_are_listed_newest_first_in_pages(operator_a: Operator) -> None:
    jobs = [export_start(kind="cdr_csv", params={}, by=None) for _nth in range(3)]
    client = caller(Role.BILLING)

    first = client.get(f"{EXPORTS}?limit=2").json()
    second = client.get(first["next"]).json()

    found = [row["id"] for row in first["results"] + second["results"]]
    assert found == [str(job.pk) for job in reversed(jobs)]
    assert second["next"] is None
    assert client.get(f"{EXPORTS}?kind=fec").json()["results"] == []
    assert client.get(f"{EXPORTS}?after={uuid4()}").status_code == 404


def test_a_file_is_stopped_or_deleted(cdrs: list[Cdr]) -> None:
    client = caller(Role.BILLING)
    waiting, made = (export_start(kind="cdr_csv", params={}, by=None) for _nth in range(2))
    export_run(job_id=made.pk)

    stopped = posted(client, f"{EXPORTS}/{waiting.pk}/cancel")
    again = posted(client, f"{EXPORTS}/{waiting.pk}/cancel")
    deleted = client.delete(f"{EXPORTS}/{made.pk}")

    assert (stopped.status_code, stopped.json()["state"]) == (201, ExportState.CANCELLED)
    assert (again.status_code, again.json()["code"]) == (409, "export.over")
    assert (deleted.status_code, deleted.json()["state"]) == (200, ExportState.EXPIRED)
    assert posted(client, f"{EXPORTS}/{uuid4()}/cancel").status_code == 404


@pytest.mark.parametrize("role", [Role.OPERATIONS, Role.ANALYST, Role.PARTNER_API])
def test_who_may_only_look_takes_nothing(cdrs: list[Cdr], role: Role) -> None:
    client, job = caller(role), export_start(kind="cdr_csv", params={}, by=None)
    export_run(job_id=job.pk)

    assert posted(client, EXPORTS, kind="cdr_csv").status_code == 403
    assert client.get(f"{EXPORTS}/{job.pk}/file").status_code == 403
    assert posted(client, f"{EXPORTS}/{job.pk}/cancel").status_code == 403
    assert client.delete(f"{EXPORTS}/{job.pk}").status_code == 403
    assert client.get(EXPORTS).status_code == (403 if role == Role.PARTNER_API else 200)
    assert posted(client, VIEWS, name="x", columns=["id"]).status_code == 403


def test_another_operator_finds_nothing(cdrs: list[Cdr], operator_b: Operator) -> None:
    job = export_start(kind="cdr_csv", params={}, by=None)
    export_run(job_id=job.pk)
    client = caller(Role.BILLING, "martinique")

    assert client.get(EXPORTS).json()["results"] == []
    for address in (f"{EXPORTS}/{job.pk}", f"{EXPORTS}/{job.pk}/file"):
        assert client.get(address).status_code == 404
    assert posted(client, f"{EXPORTS}/{job.pk}/cancel").status_code == 404
    assert client.delete(f"{EXPORTS}/{job.pk}").status_code == 404
    with operator_context("guadeloupe"):
        assert ExportJob.objects.get().state == ExportState.DONE


def test_views_are_kept_shared_and_used(cdrs: list[Cdr]) -> None:
    client, colleague = caller(Role.BILLING), caller(Role.OPERATOR_ADMIN)

    made = posted(client, VIEWS, name="Books", columns=["id", "account_code"], order="-ended_at")
    view = made.json()
    assert colleague.get(VIEWS).json()["results"] == []
    shared = client.patch(
        f"{VIEWS}/{view['id']}", {"is_shared": True}, content_type="application/json"
    )
    used = posted(colleague, EXPORTS, kind="cdr_csv", view=view["id"])

    assert (made.status_code, view["owner"], shared.json()["is_shared"]) == (201, "billing", True)
    assert used.json()["params"]["columns"] == ["id", "account_code"]
    refused = colleague.delete(f"{VIEWS}/{view['id']}")
    assert (refused.status_code, refused.json()["code"]) == (403, "export.view_foreign")
    assert client.delete(f"{VIEWS}/{view['id']}").status_code == 204
    assert not ExportView.objects.exists()


def test_views_of_one_operator_are_not_anothers(operator_a: Operator, operator_b: Operator) -> None:
    view = posted(caller(Role.BILLING), VIEWS, name="Books", columns=["id"], is_shared=True).json()
    with operator_context("martinique"):
        client = caller(Role.BILLING, "martinique")

    assert client.get(VIEWS).json()["results"] == []
    assert client.delete(f"{VIEWS}/{view['id']}").status_code == 404


def test_all_columns_are_told(operator_a: Operator) -> None:
    rows = caller(Role.BILLING).get(f"{API}/export-columns").json()

    assert [row["name"] for row in rows] == list(COLUMNS)
    assert rows[0] == {"name": "reference", "title": "Reference", "kind": "code", "group": "Record"}
