"""A worker that is really killed while it makes a file: the sweep finds out, another makes it."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection

from apps.billing.exports.choices import ExportState
from apps.billing.exports.files import job_folder
from apps.billing.models import ExportJob
from apps.billing.services.exports import export_run, export_start, exports_sweep
from apps.tenants.context import operator_context
from apps.tenants.models import Operator

NOW = datetime(2026, 3, 10, 13, 0, tzinfo=UTC)
WORKER = """
import sys, time, uuid
import django
django.setup()
from apps.billing.exports import kinds, making
from apps.billing.exports.choices import ExportKind
from apps.billing.services.exports import export_run
from apps.tenants.context import operator_context

def slowly(job, folder, progress):
    (folder / "half").write_text("half")
    progress(5, 10)
    print("half", flush=True)
    time.sleep(600)

kinds.KINDS[ExportKind.CDR_CSV] = making.Kind(dict, slowly)
with operator_context("guadeloupe"):
    export_run(job_id=uuid.UUID(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_killed_process_loses_its_job_and_another_makes_the_file(
    live_operators: tuple[Operator, Operator], settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MULTITENANT_RELATIVE_MEDIA_ROOT = "%s"
    name = connection.settings_dict["NAME"]
    address = django_settings.DATABASE_URL.rpartition("/")[0]
    environment = {**os.environ, "DATABASE_URL": f"{address}/{name}", "CARIFLEX_VAR": str(tmp_path)}
    with operator_context("guadeloupe"):
        job = export_start(kind="cdr_csv", params={}, by=None, language="en")
        with subprocess.Popen(
            [sys.executable, "-c", WORKER, str(job.pk)],
            env=environment, cwd=django_settings.BASE_DIR, stdout=subprocess.PIPE, text=True,
        ) as worker:  # fmt: skip
            assert worker.stdout is not None
            assert worker.stdout.readline() == "half\n"
            alive = (exports_sweep(now=NOW), export_run(job_id=job.pk))
            half = ExportJob.objects.get(pk=job.pk)
            worker.send_signal(signal.SIGKILL)

        # PostgreSQL frees the locks of a lost connection as soon as it reads from its socket.
        brought_back = next(filter(None, (exports_sweep(now=NOW) for _try in range(2000))), 0)
        assert brought_back == 1
        assert export_run(job_id=job.pk)

        assert alive == (0, False)
        assert (half.state, half.percent) == (ExportState.RUNNING, 50)
        made = ExportJob.objects.get(pk=job.pk)
        assert (made.state, made.attempts) == (ExportState.DONE, 2)
        assert [path.name for path in job_folder(job.pk).rglob("*.*")] == [made.file_name]
        assert not list(tmp_path.rglob("half"))
