"""Every injected fault is found, nothing else is, and a run goes on where it stopped."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from apps.billing.choices import AccountKind, PartnerCdrKind, Resolution
from apps.billing.models import (
    BillingAccount,
    Cdr,
    PartnerCdr,
    ReconciliationFinding,
    ReconciliationRun,
)
from apps.billing.services import cdr_issue, reconciliation, reconciliation_pages
from apps.billing.services.credits import cdr_credit
from apps.billing.services.reconciliation import (
    reconciliation_cancel,
    reconciliation_page,
    reconciliation_run,
    reconciliation_start,
    reconciliations_sweep,
)
from apps.billing.services.reconciliation_findings import finding_resolve
from apps.chargers.models import ChargingStation, MeterValue, Session
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.billing.cdrs.scene import clerk, hour_session
from tests.billing.conftest import station_make, tariff_make

START = datetime(2026, 3, 1, 4, tzinfo=UTC)
END = datetime(2026, 4, 1, 4, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    sent: list[int] = []
    monkeypatch.setattr(reconciliation, "_enqueue", sent.append)
    return sent


def compared() -> Counter[tuple[str, str]]:
    """What a run finds, to its end."""
    run = reconciliation_start(start=START, end=END)
    assert reconciliation_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.progress_percent, run.error) == ("done", 100, "")
    assert run.findings_count == run.findings.count()
    return Counter((one.kind, one.subject) for one in run.findings.all())


def billed(station: ChargingStation, count: int) -> list[Cdr]:
    """CDRs of sessions that follow each other."""
    return [
        cdr_issue(session_id=hour_session(station, f"tx-{n}", start=n).pk) for n in range(count)
    ]


def change(cdr: Cdr, **values: Any) -> None:
    """What no service can do."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE billing_cdr DISABLE TRIGGER billing_cdr_immutable")
        Cdr.objects.filter(pk=cdr.pk).update(**values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE billing_cdr ENABLE TRIGGER billing_cdr_immutable")


def partner() -> BillingAccount:
    return BillingAccount.objects.create(
        code="msp", name="MSP", kind=AccountKind.EMSP, party_country_code="FR", party_id="MSP"
    )


def copy_of(cdr: Cdr, account: BillingAccount, **values: Any) -> PartnerCdr:
    """The partner's copy of a CDR."""
    return PartnerCdr.objects.create(
        **{
            "account": account, "kind": PartnerCdrKind.COPY,
            "partner_reference": cdr.reference.lower(), "started_at": cdr.started_at,
            "ended_at": cdr.ended_at, "energy_kwh": cdr.energy_kwh, "currency": cdr.currency,
            "net": cdr.total_excl_vat, "tax": cdr.vat, "received_at": utc_now(), **values,
        }
    )  # fmt: skip


@pytest.mark.usefixtures("tariff")
def test_a_sound_month_has_no_findings(station: ChargingStation) -> None:
    cdrs = billed(station, 3)
    cdr_credit(cdr_id=cdrs[0].pk, reason="Wrong", by=None, reissue=True)
    cdr_credit(cdr_id=cdrs[1].pk, reason="Wrong", by=None, reissue=False)
    copy_of(cdrs[2], partner(), net=Decimal("3.01"))

    assert compared() == Counter()


@pytest.mark.usefixtures("tariff")
def test_every_fault_of_a_cdr_is_found(station: ChargingStation) -> None:
    over, under, meter, drift, times, orphan, sound = billed(station, 7)
    missing = hour_session(station, "tx-missing", start=8)
    twice = cdr_issue(session_id=hour_session(station, "tx-twice", start=9).pk)
    twin = cdr_issue(session_id=hour_session(station, "tx-twin", start=9).pk)
    change(over, energy_kwh=over.energy_kwh + Decimal("0.5"))
    change(under, energy_kwh=under.energy_kwh - Decimal("0.002"))
    MeterValue.objects.filter(session=meter.session_id, seq_no=2).update(value=Decimal("9.9"))
    change(drift, total_excl_vat=drift.total_excl_vat + Decimal("0.0001"),
           total_incl_vat=drift.total_incl_vat + Decimal("0.0001"))  # fmt: skip
    change(times, started_at=times.started_at - timedelta(seconds=5))
    Session.objects.filter(pk=orphan.session_id).update(state="active", ended_at=None)
    values = {field.attname: getattr(sound, field.attname) for field in Cdr._meta.fields}
    del values["id"]
    Cdr.objects.create(**{**values, "reference": "again", "revision": 2, "replaces_id": sound.pk})

    assert compared() == Counter({
        ("energy_over", f"cdr:{over.pk}"): 1,
        ("energy_under", f"cdr:{under.pk}"): 1,
        ("energy_over", f"cdr:{meter.pk}"): 1,
        ("price_drift", f"cdr:{drift.pk}"): 1,
        ("times_differ", f"cdr:{times.pk}"): 1,
        ("orphan_cdr", f"cdr:{orphan.pk}"): 1,
        ("missing_cdr", f"session:{missing.pk}"): 1,
        ("duplicate_cdr", f"session:{sound.session_id}"): 1,
        ("duplicate_cdr", f"session:{twin.session_id}"): 1,
    })  # fmt: skip
    assert twice.session_id < twin.session_id
    finding = ReconciliationFinding.objects.get(subject=f"cdr:{over.pk}")
    assert (finding.expected, finding.found, finding.unit) == (10, Decimal("10.5"), "kWh")


@pytest.mark.usefixtures("tariff")
def test_every_fault_of_a_partner_is_found(station: ChargingStation) -> None:
    account = partner()
    same, cents, differs, energy, currency, left_out, last = cdrs = billed(station, 7)
    for cdr in cdrs:
        change(cdr, account=account)
    copy_of(same, account)
    copy_of(cents, account, net=Decimal("3.01"))
    wrong = [
        copy_of(differs, account, net=Decimal("3.02")),
        copy_of(energy, account, energy_kwh=Decimal("10.5")),
        copy_of(currency, account, currency="USD"),
    ]
    copy_of(last, account)
    ghost = copy_of(same, account, partner_reference="ghost")
    theirs = copy_of(
        same, account, kind=PartnerCdrKind.RECEIVED, partner_reference="R-1", our_net=Decimal(2)
    )

    assert compared() == Counter({
        **{("copy_differs", f"copy:{copy.pk}"): 1 for copy in wrong},
        ("orphan_copy", f"copy:{ghost.pk}"): 1,
        ("missing_copy", f"cdr:{left_out.pk}"): 1,
        ("received_differs", f"copy:{theirs.pk}"): 1,
    })  # fmt: skip


@pytest.mark.usefixtures("tariff")
def test_what_the_inbox_explains_is_no_finding(station: ChargingStation) -> None:
    hour_session(station, "tx-jump", energy_wh="900000")

    assert compared() == Counter()
    assert ReconciliationRun.objects.get().held_count == 1


@pytest.mark.usefixtures("tariff")
def test_a_killed_run_goes_on_and_counts_nothing_twice(
    station: ChargingStation, monkeypatch: pytest.MonkeyPatch, no_worker: list[int]
) -> None:
    for module in ("sessions", "prices", "copies"):
        monkeypatch.setattr(f"apps.billing.services.reconciliation_{module}.PAGE_ROWS", 2)
    monkeypatch.setattr(reconciliation_pages, "PAGE_ROWS", 2)
    cdrs = billed(station, 5)
    change(cdrs[4], energy_kwh=Decimal(11))
    run = reconciliation_start(start=START, end=END)
    assert reconciliation_page(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.checked_count, run.total_count) == ("running", 2, 15)

    later = utc_now() + timedelta(minutes=5)
    reconciliations_sweep(now=later)
    assert no_worker.count(run.pk) == 2
    assert reconciliation_run(run_id=run.pk)

    run.refresh_from_db()
    assert (run.state, run.checked_count, run.findings_count) == ("done", 15, 1)
    assert not reconciliation_page(run_id=run.pk)


def test_one_run_of_a_period_at_a_time(operator_a: Operator, no_worker: list[int]) -> None:
    first = reconciliation_start(start=START, end=END, by=clerk())

    assert reconciliation_start(start=START, end=END) == first
    assert reconciliation_cancel(run_id=first.pk).state == "cancelled"
    assert not reconciliation_page(run_id=first.pk)
    assert reconciliation_start(start=START, end=END) != first
    for end in (START, START + timedelta(days=401)):
        with pytest.raises(DomainError, match="400 days"):
            reconciliation_start(start=START, end=end)


def test_the_month_is_compared_once_a_night(operator_a: Operator) -> None:
    night = datetime(2026, 3, 15, 7, 5, tzinfo=UTC)

    for now in (night, night + timedelta(hours=1)):
        reconciliations_sweep(now=now)
    run = ReconciliationRun.objects.get()

    assert (run.start, run.end) == (START, END)


@pytest.mark.usefixtures("tariff")
def test_a_finding_is_resolved_with_reason_and_name(station: ChargingStation) -> None:
    wrong, left = billed(station, 2)
    change(wrong, energy_kwh=Decimal(11))
    missing = hour_session(station, "tx-missing", start=8)
    change(left, total_excl_vat=Decimal(1), total_incl_vat=Decimal(1) + left.vat)
    compared()
    found = {one.kind: one for one in ReconciliationFinding.objects.all()}

    finding_resolve(
        finding_id=found["energy_over"].pk, action=Resolution.REISSUE, reason="Typo", by=clerk()
    )
    finding_resolve(
        finding_id=found["missing_cdr"].pk, action=Resolution.RETRY, reason="Issue it", by=None
    )
    done = finding_resolve(
        finding_id=found["price_drift"].pk, action=Resolution.ACCEPT, reason="Agreed", by=clerk()
    )

    assert (done.state, done.reason) == ("resolved", "Agreed")
    assert Cdr.objects.live().get(session=wrong.session_id).energy_kwh == 10
    assert Cdr.objects.filter(session=missing).count() == 1
    with pytest.raises(DomainError, match="resolved it already"):
        finding_resolve(finding_id=done.pk, action=Resolution.ACCEPT, reason="Again", by=None)
    # What was accepted is told again, as accepted.
    compared()
    last = ReconciliationFinding.objects.get(run=ReconciliationRun.objects.first())
    assert (last.kind, last.state, last.reason) == ("price_drift", "resolved", "Agreed")


@pytest.mark.usefixtures("tariff")
def test_a_run_compares_its_own_operator(station: ChargingStation, operator_b: Operator) -> None:
    hour_session(station, "tx-1")

    with operator_context(operator_b.schema_name):
        tariff_make()
        billed(station_make(), 1)
        assert compared() == Counter()
    assert ReconciliationRun.objects.count() == 0
