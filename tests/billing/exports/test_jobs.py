"""Exports as jobs: made once, cancelled, brought back from killed workers, expired."""

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.utils import timezone

from apps.accounts.models import User
from apps.billing.exports import kinds, paging
from apps.billing.exports.cdr_files import XLSX_TYPE
from apps.billing.exports.choices import ExportKind, ExportState
from apps.billing.exports.files import job_folder
from apps.billing.exports.making import Kind, Made
from apps.billing.models import Cdr, ExportJob
from apps.billing.selectors.exports import export_file
from apps.billing.services import exports
from apps.billing.services.export_views import export_view_save
from apps.billing.services.exports import (
    export_cancel,
    export_discard,
    export_run,
    export_start,
    exports_expire,
    exports_sweep,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.billing.exports.conftest import NASTY, rows_of

pytestmark = pytest.mark.usefixtures("media")
DAY = timedelta(days=1)


def asked(kind: str = ExportKind.CDR_CSV, by: User | None = None, **params: Any) -> ExportJob:
    return export_start(kind=kind, params=params, by=by, language="en")


def fresh(job: ExportJob) -> ExportJob:
    return ExportJob.objects.get(pk=job.pk)


def files_of(media: Path) -> list[str]:
    return sorted(path.name for path in media.rglob("*") if path.is_file())


def test_a_job_becomes_a_file_with_its_hash(cdrs: list[Cdr], biller: User) -> None:
    job = asked(by=biller, columns=["reference", "total_incl_vat"], style="excel_fr")
    assert (job.state, job.requested_by_name) == (ExportState.QUEUED, "biller")

    assert export_run(job_id=job.pk)

    made = fresh(job)
    assert (made.state, made.rows_done, made.rows_total, made.percent) == (
        ExportState.DONE, len(NASTY), len(NASTY), 100,
    )  # fmt: skip
    assert made.ended_at is not None
    assert made.expires_at == made.ended_at + timedelta(days=7)
    file = export_file(job_id=job.pk, now=utc_now())
    content = file.path.read_bytes()
    assert (file.size_bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert file.name == f"cdrs-guadeloupe-{job.requested_at:%Y%m%d-%H%M%S}.csv"
    rows = rows_of(content, ";")
    assert [row["reference"] for row in rows] == [cdr.reference for cdr in cdrs]
    assert "," in rows[1]["total_incl_vat"]


def test_a_job_is_made_once(cdrs: list[Cdr]) -> None:
    job = asked()

    assert export_run(job_id=job.pk)
    stored = fresh(job).stored_as

    assert not export_run(job_id=job.pk)
    assert fresh(job).stored_as == stored


def test_a_workbook_is_a_job_too(cdrs: list[Cdr], media: Path) -> None:
    job = asked(ExportKind.CDR_XLSX, filters={"station": "CS-003"})

    export_run(job_id=job.pk)

    made = fresh(job)
    assert (made.state, made.rows_done) == (ExportState.DONE, 1)
    assert made.media_type == XLSX_TYPE
    assert files_of(media) == [made.file_name]


def test_an_attempt_gives_what_was_there_when_it_was_asked_for(cdrs: list[Cdr]) -> None:
    job = export_start(
        kind=ExportKind.CDR_CSV, params={}, by=None, language="en", now=cdrs[3].issued_at
    )

    export_run(job_id=job.pk)

    assert fresh(job).rows_done == 4


def test_picked_cdrs_only(cdrs: list[Cdr]) -> None:
    picked = [cdrs[1].pk, cdrs[4].pk]
    job = export_start(
        kind=ExportKind.CDR_CSV, params={"columns": ["id"]}, by=None, selection=picked,
        language="en",
    )  # fmt: skip

    export_run(job_id=job.pk)

    content = export_file(job_id=job.pk, now=utc_now()).path.read_bytes()
    assert [row["id"] for row in rows_of(content)] == [str(pk) for pk in picked]
    assert fresh(job).selection is None


@pytest.mark.parametrize(
    ("kind", "params", "code"),
    [
        ("cdr_pdf", {}, "export.kind_unknown"),
        ("cdr_csv", {"colour": 1}, "export.param_unknown"),
        ("cdr_csv", {"columns": ["x"]}, "export.column_unknown"),
        ("cdr_csv", {"order": "id_token"}, "export.order_unknown"),
        ("cdr_csv", {"style": "tab"}, "export.style_unknown"),
        ("cdr_csv", {"filters": {"id_token": "x"}}, "export.filter_unknown"),
        ("cdr_csv", {"filters": {"month": "2026-13"}}, "export.filter_invalid"),
        ("cdr_csv", {"filters": {"start": "20260310"}}, "export.filter_invalid"),
        ("cdr_csv", {"filters": {"search": "\x00"}}, "export.filter_invalid"),
        ("cdr_csv", {"filters": {"start": "2026-03-10", "end": "2026-03-09"}},
         "export.filter_invalid"),
        ("cdr_csv", {"view": 999}, "export.view_unknown"),
        ("cdr_csv", {"view": "x"}, "export.view_unknown"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(
    operator_a: Operator, kind: str, params: dict[str, Any], code: str
) -> None:
    with pytest.raises(DomainError) as refused:
        export_start(kind=kind, params=params, by=None)

    assert refused.value.code == code
    assert not ExportJob.objects.exists()


def test_filters_are_local_days_and_months(cdrs: list[Cdr]) -> None:
    # All sessions ended on 10 March 2026, 13:00 UTC, which is 09:00 there.
    counts = {
        (): len(NASTY),
        (("month", "2026-03"),): len(NASTY),
        (("month", "2026-02"),): 0,
        (("start", "2026-03-10"), ("end", "2026-03-10")): len(NASTY),
        (("end", "2026-03-09"),): 0,
        (("start", "2026-03-11"),): 0,
        (("station", "CS-001"), ("currency", "EUR")): 1,
        (("currency", "USD"),): 0,
        (("search", "tx-3"),): 1,
    }
    for filters in counts:
        job = asked(filters=dict(filters))
        export_run(job_id=job.pk)
        assert fresh(job).rows_done == counts[filters], filters


def test_a_view_gives_what_is_not_said_otherwise(cdrs: list[Cdr], biller: User) -> None:
    view = export_view_save(
        by=biller, name="Mine", columns=["id", "vat"], order="-ended_at", style="excel_fr"
    )
    # A column that the register has no more.
    type(view).objects.filter(pk=view.pk).update(columns=["id", "gone", "vat"])

    job = asked(by=biller, view=view.pk, style="excel")

    assert job.params == {
        "columns": ["id", "vat"], "order": "-ended_at", "style": "excel", "with_titles": False,
        "filters": {},
    }  # fmt: skip


# --- stopping, failing ---


def test_a_waiting_job_is_cancelled_at_once(cdrs: list[Cdr], media: Path) -> None:
    job = asked()

    export_cancel(job_id=job.pk)

    assert not export_run(job_id=job.pk)
    assert fresh(job).state == ExportState.CANCELLED
    assert files_of(media) == []
    with pytest.raises(DomainError) as refused:
        export_cancel(job_id=job.pk)
    assert refused.value.code == "export.over"


@pytest.mark.parametrize("kind", [ExportKind.CDR_CSV, ExportKind.CDR_XLSX])
def test_a_running_job_stops_before_its_next_chunk(
    cdrs: list[Cdr], media: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(paging, "FIRST_CHUNK_ROWS", 2)
    monkeypatch.setattr(paging, "CHUNK_ROWS", 2)
    job = asked(kind)
    seen = []
    chunk_end = paging.chunk_end

    def cancelling(*args: Any) -> Any:
        seen.append(fresh(job).rows_done)
        if len(seen) == 3:
            export_cancel(job_id=job.pk)
        return chunk_end(*args)

    monkeypatch.setattr(paging, "chunk_end", cancelling)

    assert export_run(job_id=job.pk)

    stopped = fresh(job)
    assert (stopped.state, stopped.rows_done) == (ExportState.CANCELLED, 4)
    assert seen == [0, 2, 4]
    assert files_of(media) == []


def failing(error: Exception) -> Kind:
    def make(*_args: object) -> Made:
        raise error

    return Kind(check=dict, make=make)


def test_a_refusal_of_the_maker_is_told(
    operator_a: Operator, monkeypatch: pytest.MonkeyPatch, media: Path
) -> None:
    refusal = DomainError("fec.unbalanced", "The entries do not balance.")
    monkeypatch.setitem(kinds.KINDS, ExportKind.FEC, failing(refusal))
    job = asked(ExportKind.FEC)

    export_run(job_id=job.pk)

    failed = fresh(job)
    assert (failed.state, failed.error_code, failed.error) == (
        ExportState.FAILED, "fec.unbalanced", "The entries do not balance.",
    )  # fmt: skip
    assert list(job_folder(job.pk).iterdir()) == []


def test_a_fault_of_ours_ends_the_job_without_its_secrets(
    operator_a: Operator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(kinds.KINDS, ExportKind.FEC, failing(ValueError("IBAN FR76 3000")))
    job = asked(ExportKind.FEC)

    export_run(job_id=job.pk)

    failed = fresh(job)
    assert (failed.state, failed.error_code) == (ExportState.FAILED, "export.failed")
    assert "FR76" not in failed.error
    assert "export failed" in caplog.text


@pytest.mark.parametrize("error", [OSError("disk is full"), OperationalError("gone")])
def test_a_fault_that_may_pass_is_tried_three_times(
    operator_a: Operator, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setitem(kinds.KINDS, ExportKind.FEC, failing(error))
    job = asked(ExportKind.FEC)
    states = []

    for _attempt in range(3):
        export_run(job_id=job.pk)
        states.append(fresh(job).state)

    assert states == [ExportState.QUEUED, ExportState.QUEUED, ExportState.FAILED]
    assert fresh(job).attempts == 3


# --- killed workers ---


def running(job: ExportJob, attempts: int = 1) -> None:
    ExportJob.objects.filter(pk=job.pk).update(
        state=ExportState.RUNNING, attempts=attempts, started_at=utc_now(), rows_done=5
    )


def test_the_job_of_a_killed_worker_is_made_again(cdrs: list[Cdr], media: Path) -> None:
    job = asked()
    running(job)
    left = job_folder(job.pk) / "1" / "half.csv"
    left.parent.mkdir(parents=True)
    left.write_text("half")

    assert exports_sweep(now=utc_now()) == 1
    assert (fresh(job).state, fresh(job).rows_done) == (ExportState.QUEUED, 0)
    assert export_run(job_id=job.pk)

    made = fresh(job)
    assert (made.state, made.attempts, made.rows_done) == (ExportState.DONE, 2, len(NASTY))
    assert files_of(media) == [made.file_name]


def test_a_job_that_kills_its_workers_has_failed(operator_a: Operator) -> None:
    job = asked()
    running(job, attempts=3)

    assert exports_sweep(now=utc_now()) == 1

    failed = fresh(job)
    assert (failed.state, failed.error_code) == (ExportState.FAILED, "export.worker_lost")


def test_an_attempt_that_lost_its_job_writes_nothing_more(
    cdrs: list[Cdr], media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = asked()
    chunk_end = paging.chunk_end

    def taken_over(*args: Any) -> Any:
        ExportJob.objects.filter(pk=job.pk).update(attempts=2)
        return chunk_end(*args)

    monkeypatch.setattr(paging, "chunk_end", taken_over)

    export_run(job_id=job.pk)

    other = fresh(job)
    assert (other.state, other.attempts, other.rows_done) == (ExportState.RUNNING, 2, 0)
    assert files_of(media) == []


def test_a_living_worker_keeps_its_job_and_two_keep_the_operator_busy(
    live_operators: tuple[Operator, Operator],
) -> None:
    """Locks of another connection, which end with it as those of a killed process do."""
    with operator_context("guadeloupe"):
        job = asked()
        running(job)
        other = connections.create_connection("default")  # type: ignore[no-untyped-call]
        other.set_schema(connection.schema_name)
        names = [f"job {job.pk}", "place 0", "place 1"]
        with other.cursor() as cursor:
            for name in names:
                cursor.execute(
                    "SELECT pg_advisory_lock(%s, hashtext(current_schema() || %s))",
                    [exports._EXPORTS_LOCK, name],
                )

        assert exports_sweep(now=utc_now()) == 0
        assert fresh(job).state == ExportState.RUNNING
        waiting = asked()
        assert not export_run(job_id=waiting.pk)
        assert fresh(waiting).state == ExportState.QUEUED

        other.close()
        with connection.cursor() as cursor:
            # Waits until PostgreSQL has noticed.
            for act in ("pg_advisory_lock", "pg_advisory_unlock"):
                for name in names:
                    cursor.execute(
                        f"SELECT {act}(%s, hashtext(current_schema() || %s))",
                        [exports._EXPORTS_LOCK, name],
                    )
        assert exports_sweep(now=utc_now()) == 1
        assert export_run(job_id=waiting.pk)
        assert export_run(job_id=job.pk)
        assert {fresh(job).state, fresh(waiting).state} == {ExportState.DONE}


# --- the end of a file ---


def test_a_file_expires_and_is_deleted(cdrs: list[Cdr], media: Path) -> None:
    job = asked()
    export_run(job_id=job.pk)
    now = utc_now()

    assert exports_expire(now=now + 6 * DAY) == 0
    assert len(files_of(media)) == 1
    # It is closed when its time is over, also before anybody deletes it.
    with pytest.raises(DomainError) as refused:
        export_file(job_id=job.pk, now=now + 8 * DAY)
    assert refused.value.code == "export.expired"

    assert exports_expire(now=now + 8 * DAY) == 1
    assert fresh(job).state == ExportState.EXPIRED
    assert files_of(media) == []
    assert exports_expire(now=now + 8 * DAY) == 0


def test_what_nobody_knows_is_deleted_and_what_is_made_is_not(
    operator_a: Operator, media: Path
) -> None:
    job, unknown = asked(), job_folder(ExportJob().pk)
    running(job)
    for folder in (job_folder(job.pk), unknown):
        folder.mkdir(parents=True)

    exports_expire(now=utc_now())

    assert job_folder(job.pk).is_dir()
    assert not unknown.exists()


def test_a_file_is_deleted_before_its_time(cdrs: list[Cdr], media: Path) -> None:
    job = asked()
    with pytest.raises(DomainError) as refused:
        export_discard(job_id=job.pk)
    assert refused.value.code == "export.not_ready"
    export_run(job_id=job.pk)

    export_discard(job_id=job.pk)

    assert fresh(job).state == ExportState.EXPIRED
    assert files_of(media) == []


def test_a_job_of_one_operator_is_nothing_at_another(
    cdrs: list[Cdr], operator_b: Operator, media: Path
) -> None:
    job = asked()
    with operator_context("martinique"):
        assert not export_run(job_id=job.pk)
        with pytest.raises(DomainError) as refused:
            export_cancel(job_id=job.pk)
        assert refused.value.code == "export.unknown"
    export_run(job_id=job.pk)
    with operator_context("martinique"):
        assert exports_expire(now=timezone.now() + 30 * DAY) == 0
        with pytest.raises(DomainError):
            export_file(job_id=job.pk, now=utc_now())

    assert fresh(job).state == ExportState.DONE
    assert [path.parts[0] for path in (p.relative_to(media) for p in media.rglob("*.csv"))] == [
        "guadeloupe"
    ]


def test_only_so_many_jobs_wait(operator_a: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MOST_OPEN", 1)
    asked()

    with pytest.raises(DomainError) as refused:
        asked()

    assert refused.value.code == "export.too_many"
