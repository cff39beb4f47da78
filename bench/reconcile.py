"""How long the comparison of sessions, CDRs, meters and partners' copies takes, and what it misses.

    ./run bench reconcile [--sessions 50000] [--faults 25] [--seed 7]

A month of sessions at 400 EVSEs, each with six meter rows; their CDRs are cut, priced and sealed by
the code that bills. Half of them belong to a partner that keeps copies. Then so many faults of each
kind are written into the tables, behind the triggers, and the comparison must find these and
nothing else. Sessions, CDRs and faults are made before the clock starts.
"""

import argparse
import contextlib
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# In place of this script's own folder, whose names would stand for packages of the same name.
sys.path[0] = str(ROOT)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cariflex.settings")

import django  # noqa: E402

django.setup()

from django.db import connection, transaction  # noqa: E402

from apps.billing.choices import AccountKind, PartnerCdrKind, RunState  # noqa: E402
from apps.billing.models import (  # noqa: E402
    BillingAccount,
    Cdr,
    PartnerCdr,
    ReconciliationRun,
    TariffVersion,
)
from apps.billing.rating import tariff_parse  # noqa: E402
from apps.billing.rating.cutting import MeterSample  # noqa: E402
from apps.billing.selectors.metering import Metering  # noqa: E402
from apps.billing.services.cdr_making import (  # noqa: E402
    Figures,
    Sealed,
    cdr_of,
    price_figures,
)
from apps.billing.services.reconciliation import reconciliation_page  # noqa: E402
from apps.billing.services.tariffs import (  # noqa: E402
    tariff_assign,
    tariff_create,
    tariff_version_issue,
)
from apps.chargers.models import ChargingStation, Evse, MeterValue, Session  # noqa: E402
from apps.chargers.services import station_register  # noqa: E402
from bench.ingest import backend_cpu_s, backend_pid, bench_operator  # noqa: E402
from bench.report import report  # noqa: E402

SCHEMA = "bench_reconcile"
ZONE = "America/Guadeloupe"
WANTED_S = 60
STATIONS, EVSES_OF_STATION = 200, 2
START = datetime(2026, 3, 1, 4, tzinfo=UTC)
END = datetime(2026, 4, 1, 4, tzinfo=UTC)
SINCE = datetime(2020, 1, 1, tzinfo=UTC)
READINGS = 6
CHUNK = 2000
_DAY, _EVENING = ("06:00", "18:00"), ("18:00", "06:00")
_METERS = """
INSERT INTO chargers_metervalue
    (station_id, evse_number, session_id, seq_no, ordinal, at, measurand, phase, location, context,
     value, unit)
SELECT s.station_id, 1, s.id, n, 0, s.started_at + (s.ended_at - s.started_at) * n / %(last)s,
       'Energy.Active.Import.Register', '', '', 'Sample.Periodic',
       s.start_meter_kwh + round(s.energy_kwh * n / %(last)s, 3), 'kWh'
FROM chargers_session s CROSS JOIN generate_series(0, %(last)s) n
WHERE s.state = 'ended'
"""

Expected = Counter[tuple[str, str]]
"""(kind, subject) of every finding that must come."""


def tariff_make() -> TariffVersion:
    """Two prices of a kWh by the time of day, a start fee, and parking."""

    def component(kind: str, price: str) -> dict[str, object]:
        return {"type": kind, "price": Decimal(price), "vat": Decimal("8.5"), "step_size": 1}

    elements = [
        {"price_components": [component("FLAT", "0.50"), component("PARKING_TIME", "2.40")]},
        *(
            {"price_components": [component("ENERGY", price)],
             "restrictions": {"start_time": start, "end_time": end}}
            for price, (start, end) in (("0.31", _DAY), ("0.42", _EVENING))
        ),
    ]  # fmt: skip
    content = {"id": "BENCH", "currency": "EUR", "elements": elements}
    draft = tariff_create(code="BENCH", name="Bench", now=SINCE, content=content)
    version = tariff_version_issue(version_id=draft.pk, now=SINCE, valid_from=SINCE)
    tariff_assign(tariff_id=version.tariff_id, scope="operator", now=SINCE, valid_from=SINCE)
    return version


def places_make() -> list[Evse]:
    """The EVSEs of all stations."""
    for number in range(STATIONS):
        station_register(
            station_id=f"CS-{number:04d}", name=f"Station {number}", commune="Les Abymes",
            rated_power_kw=22.0,
        )  # fmt: skip
    stations = ChargingStation.objects.order_by("pk")
    wanted = [
        Evse(station=station, evse_id=n + 1) for station in stations
        for n in range(EVSES_OF_STATION)
    ]  # fmt: skip
    Evse.objects.bulk_create(wanted, ignore_conflicts=True)
    return list(Evse.objects.order_by("pk"))


def sessions_make(evses: Sequence[Evse], count: int, dice: random.Random) -> None:
    """Sessions that follow each other at each EVSE, with meter rows, spread over the month."""
    rounds = -(-count // len(evses))
    slot = (END - START) / rounds
    rows = []
    for number in range(count):
        evse, place = evses[number % len(evses)], number // len(evses)
        begins = START + place * slot + timedelta(seconds=dice.randrange(60))
        length = timedelta(seconds=dice.randrange(900, int(slot.total_seconds()) - 120))
        length = min(length, timedelta(hours=5))
        hours = Decimal(int(length.total_seconds())) / 3600
        energy = (hours * Decimal(dice.randrange(3000, 21000)) / 1000).quantize(Decimal("0.001"))
        meter = Decimal(dice.randrange(0, 90_000_000)) / 1000
        rows.append(
            Session(
                station_id=evse.station_id, evse=evse, connector_id=1,
                transaction_id=f"tx-{number:06d}", id_token="04A2B3C4", id_token_type="ISO14443",
                state="ended", started_at=begins, ended_at=begins + length,
                start_meter_kwh=meter, meter_kwh=meter + energy, energy_kwh=energy,
                last_seq_no=READINGS - 1, events_count=READINGS,
            )
        )  # fmt: skip
    Session.objects.bulk_create(rows, batch_size=CHUNK)
    with connection.cursor() as cursor:
        cursor.execute(_METERS, {"last": READINGS - 1})
        cursor.execute("ANALYZE chargers_session, chargers_metervalue")


def cdrs_make(version: TariffVersion, partner: BillingAccount) -> None:
    """The CDR of every session; those with an even row are the partner's, who keeps a copy."""
    content = dict(version.content)
    tariff, _notes = tariff_parse(content, "2.2.1")
    sessions = Session.objects.select_related("station__site", "evse").order_by("pk")
    batch: list[Cdr] = []
    for session in sessions.iterator(chunk_size=CHUNK):
        figures = Figures(session.started_at, session.ended_at, session.energy_kwh, told(session))
        sealed = Sealed(ZONE, partner.pk if session.pk % 2 == 0 else None, START.date(), {}, [])
        priced = price_figures(session, figures, version, content, tariff, ZONE)
        batch.append(cdr_of(session, priced, sealed, now=session.ended_at + timedelta(minutes=1)))
        if len(batch) == CHUNK:
            _cdrs_store(batch)
            batch = []
    _cdrs_store(batch)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE billing_cdr, billing_partnercdr")


def told(session: Session) -> Metering:
    """The register as the meter rows have it (`_METERS`)."""
    last = READINGS - 1
    length = session.ended_at - session.started_at
    return Metering(
        tuple(
            MeterSample(
                session.started_at + length * n / last,
                session.start_meter_kwh
                + (session.energy_kwh * n / last).quantize(Decimal("0.001"), ROUND_HALF_UP),
            )
            for n in range(READINGS)
        ),
        Decimal(0),
    )


def _cdrs_store(batch: Sequence[Cdr]) -> None:
    Cdr.objects.bulk_create(batch)
    PartnerCdr.objects.bulk_create(
        [
            PartnerCdr(
                account_id=cdr.account_id, kind=PartnerCdrKind.COPY,
                partner_reference=cdr.reference.lower(), started_at=cdr.started_at,
                ended_at=cdr.ended_at, energy_kwh=cdr.energy_kwh, currency=cdr.currency,
                net=cdr.total_excl_vat, tax=cdr.vat, received_at=END,
            )
            for cdr in batch
            if cdr.account_id is not None
        ]
    )  # fmt: skip


@contextlib.contextmanager
def behind_the_trigger() -> Iterator[None]:
    """What no service can do: issued CDRs are changed and deleted."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_cdr DISABLE TRIGGER USER")
        yield
        # No table is altered while the checks of its foreign keys are pending.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE billing_cdr ENABLE TRIGGER USER")


def faults_write(count: int, dice: random.Random) -> Expected:
    """So many faults of each kind, each at a session of its own; what must be found."""
    own = list(Cdr.objects.filter(account=None).order_by("pk"))
    shared = list(Cdr.objects.exclude(account=None).order_by("pk"))
    dice.shuffle(own)
    dice.shuffle(shared)
    expected: Expected = Counter()

    def some(of: list[Cdr]) -> list[Cdr]:
        return [of.pop() for _ in range(count)]

    with behind_the_trigger():
        for cdr in some(own):
            Cdr.objects.filter(pk=cdr.pk)._raw_delete("default")  # type: ignore[attr-defined]
            expected["missing_cdr", f"session:{cdr.session_id}"] += 1
        for cdr in some(own):
            values = {field.attname: getattr(cdr, field.attname) for field in Cdr._meta.fields}
            values |= {"revision": 2, "replaces_id": cdr.pk, "reference": f"{cdr.reference}-2"}
            del values["id"]
            Cdr.objects.bulk_create([Cdr(**values)])
            expected["duplicate_cdr", f"session:{cdr.session_id}"] += 1
        for kind, shift in (("energy_over", "0.5"), ("energy_under", "-0.002")):
            for cdr in some(own):
                _change(cdr, energy_kwh=cdr.energy_kwh + Decimal(shift))
                expected[kind, f"cdr:{cdr.pk}"] += 1
        for cdr in some(own):
            # The station told more after its bill: session, meter and CDR, two against one.
            rise = Decimal("0.25")
            Session.objects.filter(pk=cdr.session_id).update(
                meter_kwh=cdr.end_meter_kwh + rise,
                energy_kwh=cdr.energy_kwh + rise,  # type: ignore[operator]
            )
            expected["energy_under", f"cdr:{cdr.pk}"] += 1
        for cdr in some(own):
            MeterValue.objects.filter(session_id=cdr.session_id, seq_no=READINGS - 1).update(
                value=cdr.end_meter_kwh - Decimal("0.010")  # type: ignore[operator]
            )
            MeterValue.objects.filter(
                session_id=cdr.session_id,
                value__gt=cdr.end_meter_kwh - Decimal("0.010"),  # type: ignore[operator]
            ).update(value=cdr.end_meter_kwh - Decimal("0.010"))  # type: ignore[operator]
            expected["energy_over", f"cdr:{cdr.pk}"] += 1
        for cdr in some(own):
            cent = Decimal("0.01")
            _change(
                cdr, total_excl_vat=cdr.total_excl_vat + cent,
                total_incl_vat=cdr.total_incl_vat + cent,
            )  # fmt: skip
            expected["price_drift", f"cdr:{cdr.pk}"] += 1
        for cdr in some(own):
            _change(cdr, ended_at=cdr.ended_at - timedelta(seconds=2))
            expected["times_differ", f"cdr:{cdr.pk}"] += 1
        for cdr in some(own):
            Session.objects.filter(pk=cdr.session_id).update(state="active", ended_at=None)
            expected["orphan_cdr", f"cdr:{cdr.pk}"] += 1
    _copies_break(some, shared, expected)
    return expected


def _change(cdr: Cdr, **values: object) -> None:
    Cdr.objects.filter(pk=cdr.pk).update(**values)


def _copies_break(some: object, shared: list[Cdr], expected: Expected) -> None:
    copies = {copy.partner_reference: copy for copy in PartnerCdr.objects.all()}
    for cdr in some(shared):  # type: ignore[operator]
        copy = copies[cdr.reference.lower()]
        PartnerCdr.objects.filter(pk=copy.pk).update(net=copy.net + Decimal("0.02"))
        expected["copy_differs", f"copy:{copy.pk}"] += 1
    for cdr in some(shared):  # type: ignore[operator]
        PartnerCdr.objects.filter(pk=copies[cdr.reference.lower()].pk).delete()
        expected["missing_copy", f"cdr:{cdr.pk}"] += 1
    for nth, cdr in enumerate(some(shared)):  # type: ignore[operator]
        copy = PartnerCdr.objects.create(
            account_id=cdr.account_id, kind=PartnerCdrKind.COPY, partner_reference=f"ghost-{nth}",
            started_at=cdr.started_at, ended_at=cdr.ended_at, energy_kwh=1, currency="EUR",
            net=1, received_at=END,
        )  # fmt: skip
        expected["orphan_copy", f"copy:{copy.pk}"] += 1
    # What is no fault: a partner that rounds to cents.
    for cdr in some(shared):  # type: ignore[operator]
        copy = copies[cdr.reference.lower()]
        PartnerCdr.objects.filter(pk=copy.pk).update(net=round(copy.net, 2))


def compared() -> tuple[ReconciliationRun, float, float, float]:
    """A whole run, page by page; it, its wall time, its longest page and its CPU, in seconds.

    The CPU is ours and that of our PostgreSQL backend, where it can be read.
    """
    run = ReconciliationRun.objects.create(start=START, end=END, requested_at=END)
    pid = backend_pid()
    cpu = time.process_time() + (backend_cpu_s(pid) or 0)
    longest, began = 0.0, time.perf_counter()
    while True:
        page = time.perf_counter()
        goes_on = reconciliation_page(run_id=run.pk)
        longest = max(longest, time.perf_counter() - page)
        if not goes_on:
            break
    wall = time.perf_counter() - began
    run.refresh_from_db()
    return run, wall, longest, time.process_time() + (backend_cpu_s(pid) or 0) - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sessions", type=int, default=50_000)
    parser.add_argument("--faults", type=int, default=25, help="of each kind")
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    dice = random.Random(asked.seed)  # noqa: S311 - repeatable on purpose
    with bench_operator(SCHEMA):
        began = time.perf_counter()
        version = tariff_make()
        sessions_make(places_make(), asked.sessions, dice)
        partner = BillingAccount.objects.create(
            code="partner", name="Partner", kind=AccountKind.EMSP,
            party_country_code="FR", party_id="MSP",
        )  # fmt: skip
        cdrs_make(version, partner)
        print(f"made {asked.sessions} sessions and CDRs in {time.perf_counter() - began:.0f} s")
        with transaction.atomic():
            expected = faults_write(asked.faults, dice)
        run, wall_s, longest_s, cpu_s = compared()
        found = Counter((one.kind, one.subject) for one in run.findings.all())
    missed, false = expected - found, found - expected
    report(
        "reconcile",
        [
            {
                "sessions": asked.sessions,
                "compared": run.checked_count,
                "injected": expected.total(),
                "found": (expected & found).total(),
                "missed": missed.total(),
                "false alarms": false.total(),
                "seconds": round(wall_s, 1),
                "sessions/s": round(asked.sessions / wall_s),
                "CPU (s)": round(cpu_s, 1),
                "longest page (s)": round(longest_s, 2),
            }
        ],
        wanted=f"< {WANTED_S} s, nothing missed, no false alarm",
    )
    for title, left in (("missed", missed), ("false alarm", false)):
        for (kind, subject), _count in sorted(left.items())[:20]:
            print(f"{title}: {kind} {subject}")
    if missed or false or wall_s > WANTED_S or run.state != RunState.DONE:
        sys.exit(1)


if __name__ == "__main__":
    main()
