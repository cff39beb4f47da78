"""The page of exports: forms, files with their progress, views, and who may take what."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.billing.exports.choices import ExportState
from apps.billing.models import ExportJob, ExportView
from apps.billing.services.exports import export_run, export_start, exports_expire
from apps.tenants.context import operator_context
from cariflex.common.time import utc_now

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
PAGE = "/billing/exports/"


@pytest.fixture(autouse=True)
def _own_files(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    # The storage remembers the folder until this one is set.
    settings.MULTITENANT_RELATIVE_MEDIA_ROOT = "%s"


def asked(**params: Any) -> ExportJob:
    with operator_context("guadeloupe"):
        return export_start(kind="cdr_csv", params=params, by=None, language="en")


def states(text: str) -> list[str]:
    return re.findall(r'data-job-state="(\w+)"', text)


def names(text: str) -> list[str]:
    """The columns of the form that are in the file, in their order."""
    chosen = text.split('id="columns-chosen"')[1].split("</ol>")[0]
    return re.findall(r'value="(\w+)" checked', chosen)


def stored() -> ExportJob:
    with operator_context("guadeloupe"):
        return ExportJob.objects.get()


def test_a_file_is_asked_for_made_and_downloaded(signed_in: SignIn) -> None:
    client = signed_in("guadeloupe", Role.BILLING)

    answer = client.post(
        f"{PAGE}make",
        {"kind": "cdr_csv", "column": ["vat", "reference"], "order": "-issued_at",
         "style": "excel_fr", "with_titles": "1", "month": "2026-03", "station": "CS-1",
         "start": "", "account": "", "only": "live"},
    )  # fmt: skip
    listed = client.get(PAGE).content.decode()

    assert answer.headers["Location"] == PAGE
    job = stored()
    assert job.params == {
        "columns": ["vat", "reference"], "order": "-issued_at", "style": "excel_fr",
        "with_titles": True,
        "filters": {"month": "2026-03", "station": "CS-1", "only": "live"},
    }  # fmt: skip
    assert states(listed) == ["queued"]
    assert f"{PAGE}{job.pk}/cancel" in listed
    with operator_context("guadeloupe"):
        export_run(job_id=job.pk)
    part = client.get(PAGE, headers={"x-fragment": "live-part"}).content.decode()
    assert states(part) == ["done"]
    assert "<html" not in part
    file = client.get(f"{PAGE}{job.pk}/file")
    assert b"".join(file.streaming_content) == "\ufeffTax;Reference\n".encode()
    assert stored().downloads == 1


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"kind": "fec", "month": "soon"}, "A day, a month or another choice"),
        ({"kind": "sepa_debit"}, "A day, a month or another choice"),
        ({"kind": "nothing"}, "There is no such export."),
        ({"kind": "cdr_csv", "column": "x"}, "There is no such column."),
    ],
)
def test_what_is_refused_is_said_in_words(
    signed_in: SignIn, form: dict[str, str], words: str
) -> None:
    answer = signed_in("guadeloupe", Role.BILLING).post(f"{PAGE}make", form, follow=True)

    assert words in answer.content.decode()
    with operator_context("guadeloupe"):
        assert not ExportJob.objects.exists()


def test_a_job_that_failed_says_why(signed_in: SignIn) -> None:
    job = asked()
    with operator_context("guadeloupe"):
        ExportJob.objects.filter(pk=job.pk).update(
            state=ExportState.FAILED, ended_at=utc_now(), error_code="export.worker_lost",
            error="<b>x</b>",
        )  # fmt: skip

    text = signed_in("guadeloupe", Role.BILLING).get(PAGE).content.decode()

    assert "The worker was lost while the file was made." in text
    assert f"{job.pk}/file" not in text


def test_files_are_stopped_and_deleted(signed_in: SignIn) -> None:
    client, job = signed_in("guadeloupe", Role.BILLING), asked()

    client.post(f"{PAGE}{job.pk}/cancel")
    again = client.post(f"{PAGE}{job.pk}/cancel", follow=True).content.decode()
    not_made = client.get(f"{PAGE}{job.pk}/file", follow=True).content.decode()

    assert stored().state == ExportState.CANCELLED
    assert "has ended already" in again
    assert "The file is not ready." in not_made
    other = asked()
    with operator_context("guadeloupe"):
        export_run(job_id=other.pk)
        exports_expire(now=utc_now() + timedelta(days=8))
    assert states(client.get(PAGE).content.decode()) == ["expired", "cancelled"]
    assert client.post(f"{PAGE}{other.pk}/discard", follow=True).status_code == 200


def test_a_view_fills_the_form_and_is_its_owners(signed_in: SignIn) -> None:
    client = signed_in("guadeloupe", Role.BILLING)
    form = {"column": ["account_code", "reference"], "order": "-ended_at", "style": "excel_fr",
            "view_name": "Books", "is_shared": "1"}  # fmt: skip

    saved = client.post(f"{PAGE}views/save", form)
    with operator_context("guadeloupe"):
        view = ExportView.objects.get()
    text = client.get(saved.headers["Location"]).content.decode()

    assert saved.headers["Location"] == f"{PAGE}?view={view.pk}"
    assert names(text) == ["account_code", "reference"]
    assert re.search(r'value="excel_fr" selected', text)
    assert names(client.get(PAGE).content.decode())[0] == "reference"
    client.post(f"{PAGE}views/{view.pk}/delete")
    with operator_context("guadeloupe"):
        assert not ExportView.objects.exists()


@pytest.mark.parametrize("role", [Role.OPERATIONS, Role.ANALYST])
def test_who_may_only_look_sees_files_and_takes_none(signed_in: SignIn, role: Role) -> None:
    job = asked()
    with operator_context("guadeloupe"):
        export_run(job_id=job.pk)
    client = signed_in("guadeloupe", role)

    text = client.get(PAGE).content.decode()

    assert states(text) == ["done"]
    assert "cdr-export" not in text
    assert f"{job.pk}/file" not in text
    assert client.get(f"{PAGE}{job.pk}/file").status_code == 403
    for path in ("make", f"{job.pk}/cancel", f"{job.pk}/discard", "views/save", "views/1/delete"):
        assert client.post(f"{PAGE}{path}").status_code == 403
    assert stored().downloads == 0


def test_another_operator_sees_nothing(signed_in: SignIn) -> None:
    job = asked()
    client = signed_in("martinique", Role.BILLING)

    assert states(client.get(PAGE).content.decode()) == []
    assert client.get(f"{PAGE}{job.pk}/file").status_code == 404
    client.post(f"{PAGE}{job.pk}/cancel")
    assert stored().state == ExportState.QUEUED


def test_a_long_list_has_pages_and_few_queries(
    signed_in: SignIn, queries_at_most: Callable[[int], AbstractContextManager[None]]
) -> None:
    with operator_context("guadeloupe"):
        ExportJob.objects.bulk_create(
            ExportJob(kind="cdr_csv", requested_at=utc_now(), params={}) for _nth in range(45)
        )
    client = signed_in("guadeloupe", Role.BILLING)
    client.get(PAGE)

    with queries_at_most(12):
        first = client.get(PAGE).content.decode()
    last = client.get(f"{PAGE}?page=99").content.decode()

    assert (len(states(first)), len(states(last))) == (20, 5)
