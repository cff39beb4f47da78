"""How fast partners are answered and told, with tables as full as those of a large operator.

    ./run bench ocpi [--tokens 1000000] [--cdrs 1000000] [--deliveries 10000] [--seconds 20]

Partners call a web process of its own over HTTP, as it runs in the product. Calls come at a steady
pace and their time counts from when they were due: a slow answer holds up no other call, and is
paid for by those that wait. Fan-out and delivery go to partners that are servers in this process.
"""

import argparse
import json
import logging
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# In place of this script's own folder, whose names would stand for packages of the same name.
sys.path[0] = str(ROOT)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cariflex.settings")
os.environ["CARIFLEX_OCPI_ALLOW_LOOPBACK"] = "1"

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection, connections  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from apps.chargers.choices import ConnectorStatus  # noqa: E402
from apps.chargers.models import ChargingStation  # noqa: E402
from apps.chargers.ocpp.events import ConnectorReport  # noqa: E402
from apps.chargers.ports import TokenQuestion  # noqa: E402
from apps.chargers.services.stations import connector_status_set  # noqa: E402
from apps.chargers.services.tokens import token_authorize  # noqa: E402
from apps.ocpi.choices import InterfaceRole, PartyRole  # noqa: E402
from apps.ocpi.models import Partner, Party  # noqa: E402
from apps.ocpi.services.publish_locations import location_publish  # noqa: E402
from apps.outbox.choices import MessageState  # noqa: E402
from apps.outbox.models import OutboxMessage  # noqa: E402
from apps.outbox.services import outbox_deliver_due  # noqa: E402
from apps.tenants.choices import OperatorStatus  # noqa: E402
from apps.tenants.context import operator_context  # noqa: E402
from apps.tenants.schema import enter_public  # noqa: E402
from apps.tenants.services import domain_add, operator_status_set  # noqa: E402
from bench import ocpi_world as made  # noqa: E402
from bench.ingest import bench_operator  # noqa: E402
from bench.load import Links, one_by_one, paced, percentile  # noqa: E402
from bench.ocpi_list import location_lists  # noqa: E402
from bench.ocpp import cpu_s, server  # noqa: E402
from bench.report import report  # noqa: E402
from bench.tenancy import wait_for  # noqa: E402
from cariflex.common.time import format_rfc3339, utc_now  # noqa: E402
from tests.contracts.ocpi_partner import OcpiPartner, ocpi_partner  # noqa: E402
from tests.ocpi.out import world  # noqa: E402
from tests.ocpi.server import Site, partner_of  # noqa: E402

# Also the first label of its domain, which may have no underscore.
SCHEMA = "benchocpi"
HOST = f"{SCHEMA}.localhost"
AUTHORIZE_MS, PUT_MS, PAGE_MS, FAN_OUT_S, LIST_TIMES = 300, 150, 200, 2.0, 3.0
AUTHORIZE_RATE, PUT_RATE = 50, 100
WARM_UP_S = 2.0
PAGE = 100
FAN_OUT_PARTNERS, FAN_OUT_ROUNDS = 20, 10
SENDERS = 3
"""The worker of deliveries has so many processes."""
Row = dict[str, object]


@contextmanager
def inside() -> Iterator[None]:
    """A thread of its own in the operator's schema."""
    try:
        with operator_context(SCHEMA):
            yield
    finally:
        connections.close_all()


@dataclass
class Caller:
    """A partner that calls the web process; anything but success is an error."""

    platform: OcpiPartner
    links: Links
    web_pid: int

    def __call__(self, method: str, path: str, body: bytes | None = None) -> Any:
        """The envelope of the answer."""
        headers = {"Host": HOST, **self.platform.headers()}
        status, _headers, content = self.links.ask(method, path, headers, body)
        answer = json.loads(content)
        if status not in (200, 201) or answer["status_code"] != 1000:
            raise RuntimeError(f"HTTP {status} {content[:200]!r}")
        return answer


def path_of(module: str, role: InterfaceRole) -> str:
    address = Site(0).address(SCHEMA, "2.2.1", module, role)
    return address.removeprefix(Site(0).root_url(SCHEMA).removesuffix("/ocpi"))


def steady(
    what: str, call: Callable[[int], object], rate: int, wanted_ms: int, seconds: float, pid: int
) -> Row:
    """The row of a load after calls that do not count: connections and caches are filled.

    CPU is that of the process that answers, `pid`.
    """
    within = inside if pid == os.getpid() else nullcontext
    paced(call, rate=rate, seconds=min(WARM_UP_S, seconds), within=within)
    before_s = cpu_s(pid)
    load = paced(call, rate=rate, seconds=seconds, within=within)
    cpu_ms = (cpu_s(pid) - before_s) / max(1, len(load.times_ms)) * 1000
    return {**load.row(what, wanted_ms), "CPU (ms/call)": f"{cpu_ms:.1f}"}


def authorize(cpo: Caller, tokens: int, seconds: float) -> list[Row]:
    """At a station of ours in process, and by a partner for a token of ours over HTTP."""
    dice = random.Random(7)

    def shown(_number: int) -> None:
        uid = made.uid_of(dice.randrange(tokens))
        decision = token_authorize(TokenQuestion(uid, "ISO14443", "CS-0000", utc_now()))
        if decision.status != "Accepted":
            raise RuntimeError(decision.status)

    body = json.dumps({"location_id": "LOC1", "evse_uids": ["E1"]}).encode()
    address = path_of("tokens", InterfaceRole.SENDER)

    def asked(_number: int) -> None:
        uid = made.own_of(dice.randrange(tokens))
        answer = cpo("POST", f"{address}/{uid}/authorize", body)
        if answer["data"]["allowed"] != "ALLOWED":
            raise RuntimeError(answer["data"]["allowed"])

    where = (("partner's token at our station", shown, os.getpid()),
             ("POST our token's authorize", asked, cpo.web_pid))  # fmt: skip
    return [
        steady(f"{name} ({tokens:,})", call, AUTHORIZE_RATE, AUTHORIZE_MS, seconds, pid)
        for name, call, pid in where
    ]


def receive(cpo: Caller, seconds: float) -> list[Row]:
    """Sessions that are put and EVSEs that change."""
    sessions = f"{path_of('sessions', InterfaceRole.RECEIVER)}/FR/ABC"
    locations = f"{path_of('locations', InterfaceRole.RECEIVER)}/FR/ABC"
    statuses = ("CHARGING", "AVAILABLE", "BLOCKED")

    def put(number: int) -> None:
        cpo("PUT", f"{sessions}/{made.session_id(number)}", made.session_body(number))

    def patch(number: int) -> None:
        location = number % made.PARTNER_LOCATIONS
        evse = number // made.PARTNER_LOCATIONS % made.EVSES_OF_LOCATION
        told = {"status": statuses[number % 3], "last_updated": format_rfc3339(utc_now())}
        cpo("PATCH", f"{locations}/LOC{location}/E{evse}", json.dumps(told).encode())

    return [
        steady(name, call, PUT_RATE, PUT_MS, seconds, cpo.web_pid)
        for name, call in (("PUT session", put), ("PATCH EVSE", patch))
    ]


def pages(emsp: Caller, count: int, seconds: float) -> list[Row]:
    """The first, a middle and the last page of the CDRs, one call after the other."""
    address = path_of("cdrs", InterfaceRole.SENDER)
    rows = []
    for name, offset in (("first", 0), ("middle", count // 2), ("last", count - PAGE)):
        path = f"{address}?offset={offset}&limit={PAGE}"

        def page(_number: int, path: str = path) -> None:
            if len(emsp("GET", path)["data"]) != PAGE:
                raise RuntimeError("not a whole page")

        page(0)
        load = one_by_one(page, seconds=seconds, least=30)
        row = load.row(f"GET cdrs, {name} {PAGE} of {count:,}", PAGE_MS)
        rows.append({**row, "queries": queries_of(emsp.platform, path)})
    return rows


def queries_of(platform: OcpiPartner, path: str) -> int:
    """The queries of one request, counted in this process; without SET search_path before each."""
    client = Client(HTTP_HOST=HOST)
    client.get(path, headers=platform.headers())
    with CaptureQueriesContext(connection) as queries:
        reply = client.get(path, headers=platform.headers())
    if reply.status_code != 200:
        raise SystemExit(f"HTTP {reply.status_code} {reply.content[:300]!r}")
    return sum(not one["sql"].startswith("SET ") for one in queries.captured_queries)


def deliver_all(names: list[str]) -> int:
    """What is due at destinations, by as many senders at once as the product has."""

    def one(name: str) -> int:
        with inside():
            return outbox_deliver_due(destination_name=name, limit=200)

    with ThreadPoolExecutor(SENDERS) as pool:
        return sum(pool.map(one, names))


def fan_out() -> Row:
    """A connector's status, from the station's word until the last partner's answer."""
    station = ChargingStation.objects.get(station_id="CS-0001")
    statuses = (ConnectorStatus.FAULTED, ConnectorStatus.AVAILABLE)
    times: list[float] = []
    with ExitStack() as stack:
        platforms = [stack.enter_context(ocpi_partner()) for _n in range(FAN_OUT_PARTNERS)]
        partners = [partner_of(one, pushed_kinds=["locations"]) for one in platforms]
        names = [partner.destination for partner in partners]
        for number in range(FAN_OUT_ROUNDS + 1):
            started, now = time.perf_counter(), utc_now()
            told = ConnectorReport(1, 1, statuses[number % 2], now)
            connector_status_set(station_pk=station.pk, report=told)
            location_publish(station.pk, now)
            delivered = deliver_all(names)
            if number:
                times.append(time.perf_counter() - started)
            if delivered != FAN_OUT_PARTNERS:
                raise SystemExit(f"{delivered} of {FAN_OUT_PARTNERS} partners were told")
        told_all = all(one.count("PATCH", "/locations/") == len(times) + 1 for one in platforms)
        Partner.objects.filter(pk__in=[one.pk for one in partners]).update(pushed_kinds=[])
    return {
        "partners": FAN_OUT_PARTNERS,
        "changes": len(times),
        "p50 (ms)": f"{percentile(times, 50) * 1000:.0f}",
        "p95 (ms)": f"{percentile(times, 95) * 1000:.0f}",
        "longest (ms)": f"{max(times) * 1000:.0f}",
        "each told once": "yes" if told_all else "NO",
        "met": "yes" if told_all and max(times) < FAN_OUT_S else "NO",
    }


def delivery(count: int, limit_s: float) -> Row:
    """So many CDRs to a partner that fails."""
    logging.disable(logging.ERROR)
    with ocpi_partner() as platform:
        partner = partner_of(platform, delivery="fifo", pushed_kinds=["cdrs"])
        failing = made.Failing(platform)
        cdrs = made.cdrs_for(partner, count)
        started = time.perf_counter()
        while time.perf_counter() - started < limit_s:
            if not deliver_all([partner.destination] * SENDERS):
                if not waiting(partner):
                    break
                time.sleep(0.2)
        took_s = time.perf_counter() - started
        has = {one["id"] for one in platform.received.get("cdrs", {}).values()}
    logging.disable(logging.INFO)
    states = Counter(
        OutboxMessage.objects.filter(destination=partner.destination).values_list(
            "state", flat=True
        )
    )
    lost, given_up = len(cdrs - has), states[MessageState.DEAD]
    is_met = not lost and not failing.doubled and states[MessageState.DELIVERED] == count
    return {
        "CDRs": count,
        "took (s)": round(took_s, 1),
        "CDRs/s": round(count / took_s),
        "requests": failing.asked,
        "failed": f"{failing.failed / max(1, failing.asked):.0%}",
        "lost": lost,
        "doubled": failing.doubled,
        "given up": given_up,
        "waiting": states[MessageState.WAITING],
        "met": "yes" if is_met else "NO",
    }


def waiting(partner: Partner) -> bool:
    return OutboxMessage.objects.filter(
        destination=partner.destination, state=MessageState.WAITING
    ).exists()


def setting(tokens: int, cdrs: int) -> dict[str, tuple[Partner, OcpiPartner]]:
    """The parties, the partners and the full tables."""
    started = time.perf_counter()
    for role in (PartyRole.CPO, PartyRole.EMSP):
        Party.objects.create(role=role, country_code="FR", party_id="CFG", name="Bench")
    callers = {
        "emsp": made.partner_add("EMSP", page_limit=made.STATIONS),
        "cpo": made.partner_add("CPO"),
    }
    world.tariff_everywhere()
    made.stations_fill()
    made.partner_locations_fill(callers["cpo"][0])
    made.partner_tokens_fill(callers["emsp"][0], tokens)
    made.own_tokens_fill(tokens)
    length = made.cdrs_fill(callers["emsp"][0], cdrs)
    took_s = time.perf_counter() - started
    print(f"made {tokens:,} tokens twice and {cdrs:,} CDRs of {length:,} bytes in {took_s:.0f} s")
    return callers


def web(port: int) -> Any:
    """The web process of the product."""
    words = [sys.executable, "-m", "uvicorn", "cariflex.asgi:application", "--port", str(port)]
    words += ["--lifespan", "off", "--ws", "websockets-sansio", "--log-level", "warning"]
    return server(words, port, {"CARIFLEX_PROCESS": "bench-web"})


def measured(options: argparse.Namespace) -> bool:
    """Everything, table by table; whether all of it is as wanted."""
    partners = setting(options.tokens, options.cdrs)
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if cursor.fetchone()[0]:
            print("the database user is a superuser here, which the product's is not")
    tables: dict[str, list[Row]] = {}

    def tell(name: str, rows: list[Row], wanted: str) -> None:
        tables[name] = rows
        print(f"\nload average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", end="")
        report(f"ocpi-{name}", rows, wanted=wanted)

    with web(options.port) as pid:
        wait_for(options.port)
        links, seconds = Links(options.port), options.seconds
        emsp, cpo = (Caller(partners[name][1], links, pid) for name in ("emsp", "cpo"))
        tell("authorize", authorize(cpo, options.tokens, seconds), f"p95 < {AUTHORIZE_MS} ms")
        tell("receive", receive(cpo, seconds), f"p95 < {PUT_MS} ms")
        wanted = f"p95 < {PAGE_MS} ms, the same number of queries at any offset"
        tell("pages", pages(emsp, options.cdrs, seconds), wanted)
    with operator_context(SCHEMA):
        tell("list", [location_lists(partners["emsp"][0], LIST_TIMES)], f"{LIST_TIMES:g} x DRF")
        tell("fan-out", [fan_out()], f"< {FAN_OUT_S:g} s, each told once")
        told = [delivery(options.deliveries, options.limit)]
        tell("delivery", told, "nothing lost, doubled, given up or left")
    is_constant = len({row["queries"] for row in tables["pages"]}) == 1
    return is_constant and all(row["met"] == "yes" for rows in tables.values() for row in rows)


def domain_forget() -> None:
    """The domain goes before the operator; that of a run that was killed is still there."""
    enter_public()
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.tenants_domain') IS NOT NULL")
        if cursor.fetchone()[0]:
            cursor.execute("DELETE FROM tenants_domain WHERE domain = %s", [HOST])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tokens", type=int, default=1_000_000, help="of a partner, and of ours")
    parser.add_argument("--cdrs", type=int, default=1_000_000, help="published to one partner")
    parser.add_argument("--deliveries", type=int, default=10_000, help="CDRs that are posted")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each load")
    parser.add_argument("--limit", type=float, default=1800.0, help="seconds for the deliveries")
    parser.add_argument("--port", type=int, default=settings.PORTS.base + 70)
    options = parser.parse_args()
    # A line for each question would be most of what is printed.
    logging.disable(logging.INFO)
    domain_forget()
    with bench_operator(SCHEMA) as operator:
        operator_status_set(operator=operator, status=OperatorStatus.ACTIVE)
        domain_add(operator=operator, domain=HOST)
        try:
            with operator_context(SCHEMA):
                is_met = measured(options)
        finally:
            domain_forget()
    print("\nall figures met" if is_met else "\nnot all figures met")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
