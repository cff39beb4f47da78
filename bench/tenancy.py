"""What tenancy costs per request, and how many connections a loaded web process opens.

    ./run bench tenancy [--port PORT]

In process: CPU per resolution and per request, stock middleware beside ours. Over HTTP: a web
process of its own under load from threads of this one, connections counted in pg_stat_activity.
"""

import argparse
import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# In place of this script's own folder, whose ocpp.py would stand for the ocpp package.
sys.path[0] = str(ROOT)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cariflex.settings")

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.test import RequestFactory  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django_tenants.middleware.main import TenantMainMiddleware  # noqa: E402

from apps.tenants.choices import OperatorStatus  # noqa: E402
from apps.tenants.middleware import OperatorMiddleware  # noqa: E402
from apps.tenants.schema import enter_public  # noqa: E402
from apps.tenants.services import domain_add, operator_status_set  # noqa: E402
from bench.ingest import bench_operator  # noqa: E402
from bench.report import report  # noqa: E402

HOST = "bench.localhost"
BATCHES = 12
PER_BATCH = 300


def cpu_ms(function: Callable[[], object]) -> float:
    """The least CPU time of a batch, in ms per call."""
    best = float("inf")
    for _batch in range(BATCHES):
        started = time.process_time()
        for _call in range(PER_BATCH):
            function()
        best = min(best, time.process_time() - started)
    return best / PER_BATCH * 1000


def in_process() -> list[dict[str, object]]:
    """One row per middleware: CPU and queries of a warm request that does nothing else."""

    def answer(_request: object) -> HttpResponse:
        return HttpResponse("ok")

    rows: list[dict[str, object]] = []
    chains: dict[str, Callable[[object], object]] = {
        "no tenancy": answer,
        "django-tenants TenantMainMiddleware": TenantMainMiddleware(answer),
        "ours (cached 30 s)": OperatorMiddleware(answer),
    }
    factory = RequestFactory(headers={"host": HOST})
    for name, chain in chains.items():

        def call(chain: Callable[[object], object] = chain) -> object:
            return chain(factory.get("/"))

        call()
        with CaptureQueriesContext(connection) as queries:
            call()
        rows.append(
            {"middleware": name, "cpu ms/request": f"{cpu_ms(call):.3f}", "queries": len(queries)}
        )
    return rows


def under_load(port: int, seconds: float) -> list[dict[str, object]]:
    """A web process of its own, 40 clients, the most connections seen."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "uvicorn",
            "cariflex.asgi:application",
            "--port",
            str(port),
            "--lifespan",
            "off",
            "--ws",
            "websockets-sansio",
            "--log-level",
            "warning",
        ],
        cwd=ROOT,
        env={**os.environ, "CARIFLEX_PROCESS": "bench-web"},
    )
    try:
        wait_for(port)
        stop = time.monotonic() + seconds
        counts: list[int] = []
        failures: list[int] = []

        def client() -> None:
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            done = 0
            while time.monotonic() < stop:
                link.request("GET", "/admin/login/", headers={"Host": HOST})
                reply = link.getresponse()
                reply.read()
                done += 1
                if reply.status != 200:
                    failures.append(reply.status)
            counts.append(done)
            link.close()

        threads = [threading.Thread(target=client) for _client in range(40)]
        for thread in threads:
            thread.start()
        most = 0
        while time.monotonic() < stop:
            most = max(most, connections())
            time.sleep(0.2)
        for thread in threads:
            thread.join()
    finally:
        process.terminate()
        process.wait(15)
    bound = settings.WEB_THREADS + 10
    return [
        {
            "clients": 40,
            "requests/s": f"{sum(counts) / seconds:.0f}",
            "not 200": len(failures),
            "most connections": most,
            "bound (threads + 10)": bound,
            "ratio": f"{most / bound:.2f}",
        }
    ]


def connections() -> int:
    """The open PostgreSQL connections of the bench's web process."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bench-web'")
        return int(cursor.fetchone()[0])


def wait_for(port: int) -> None:
    """Until the web process answers, at most 30 s."""
    for _attempt in range(150):
        try:
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            link.request("GET", "/health")
            if link.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the web process did not start")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=settings.PORTS.base + 70)
    parser.add_argument("--seconds", type=float, default=15.0)
    options = parser.parse_args()
    with bench_operator("bench_tenancy") as operator:
        operator_status_set(operator=operator, status=OperatorStatus.ACTIVE)
        domain = domain_add(operator=operator, domain=HOST)
        try:
            report("tenancy", in_process(), wanted="0 queries, <= 0.05 ms above no tenancy")
            load = under_load(options.port, options.seconds)
            report("connections", load, wanted="ratio <= 1, every answer 200")
        finally:
            enter_public()
            domain.delete()


if __name__ == "__main__":
    main()
