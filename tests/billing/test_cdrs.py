"""One CDR for each finished session: exact, once, unchangeable, at its own operator."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction

from apps.billing import tasks
from apps.billing.events import CdrIssued
from apps.billing.models import Cdr, TariffVersion
from apps.billing.selectors import cdr_of_session, cdr_totals, cdrs_page
from apps.billing.services import (
    cdr_issue,
    cdr_issue_when_complete,
    cdrs_sweep,
    tariff_register,
)
from apps.chargers.models import ChargingStation, Session
from apps.tenants.context import OperatorMissing, operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.events import subscribe, unsubscribe
from cariflex.common.time import utc_now
from tests.billing.conftest import session_make, station_make, tariff_make


def test_the_cdr_of_a_session(tariff: TariffVersion, station: ChargingStation) -> None:
    session = session_make(station, "tx-1")

    cdr = cdr_issue(session_id=session.pk)

    cdr.refresh_from_db()
    # In steps of 1 Wh: 9.001 kWh x 0.3012 = 2.7111012; x 1.085 = 2.941544802.
    assert (cdr.total_excl_vat, cdr.vat, cdr.total_incl_vat) == (
        Decimal("2.7111"), Decimal("0.2304"), Decimal("2.9415"),
    )  # fmt: skip
    assert (cdr.net_rounded, cdr.vat_rounded, cdr.gross_rounded) == (
        Decimal("2.71"), Decimal("0.23"), Decimal("2.94"),
    )  # fmt: skip
    assert cdr.energy_kwh == cdr.end_meter_kwh == Decimal("9.00055")
    assert (cdr.station_id, cdr.station_name, cdr.commune, cdr.evse_id) == (
        "CS-001", "Marina", "Le Gosier", 1,
    )  # fmt: skip
    assert (cdr.started_at, cdr.ended_at) == (session.started_at, session.ended_at)
    assert (cdr.id_token, cdr.id_token_masked) == ("04A2B3C4", "•••B3C4")
    assert (cdr.tariff_version, cdr.currency) == (tariff, "EUR")
    assert cdr.reference == f"GP-CFG-20260310-{cdr.pk.hex[:12]}"


def test_a_session_without_energy_ends_in_a_cdr_of_nought(
    tariff: TariffVersion, station: ChargingStation
) -> None:
    cdr = cdr_issue(session_id=session_make(station, "tx-1", energy_wh="0").pk)

    assert (cdr.energy_kwh, cdr.total_incl_vat) == (0, Decimal("0.00"))


def test_issuing_again_gives_the_same_cdr(
    tariff: TariffVersion, station: ChargingStation, django_capture_on_commit_callbacks: Any
) -> None:
    issued: list[CdrIssued] = []
    subscribe(CdrIssued, issued.append)
    session = session_make(station, "tx-1")

    with django_capture_on_commit_callbacks(execute=True):
        first, second = cdr_issue(session_id=session.pk), cdr_issue(session_id=session.pk)
    unsubscribe(CdrIssued, issued.append)

    assert first.pk == second.pk
    assert issued == [CdrIssued("guadeloupe", first.pk, session.pk)]


def test_a_live_session_has_no_cdr(tariff: TariffVersion, station: ChargingStation) -> None:
    session = session_make(station, "tx-1", ended=False)

    with pytest.raises(DomainError) as refused:
        cdr_issue(session_id=session.pk)

    assert refused.value.code == "billing.session_not_ended"
    assert Cdr.objects.count() == 0


def test_the_newest_tariff_that_was_valid_at_the_start_applies(
    tariff: TariffVersion, station: ChargingStation
) -> None:
    start = datetime(2026, 3, 10, 12, tzinfo=UTC)
    for name, valid_from in (("At start", start), ("Later", start + timedelta(seconds=1))):
        tariff_register(
            name=name, price_per_kwh_excl_vat=Decimal(1), vat_percent=Decimal(0),
            valid_from=valid_from,
        )  # fmt: skip

    assert cdr_issue(session_id=session_make(station, "tx-1").pk).tariff_name == "At start"


def test_without_a_tariff_nothing_is_issued_and_the_sweep_goes_on(
    station: ChargingStation,
) -> None:
    session_make(station, "tx-1")

    assert cdrs_sweep(now=utc_now()) == 0

    tariff_make()
    assert cdrs_sweep(now=utc_now()) == 1


def test_a_tariff_is_registered_once_and_never_changed(tariff: TariffVersion) -> None:
    assert tariff_make() == tariff
    with pytest.raises(DomainError, match="starts at this instant"):
        tariff_register(
            name="Other", price_per_kwh_excl_vat=Decimal(2), vat_percent=Decimal(0),
            valid_from=tariff.valid_from,
        )  # fmt: skip


# --- missing events ---


def test_a_bill_waits_for_events_that_are_on_their_way(
    tariff: TariffVersion, station: ChargingStation
) -> None:
    session = session_make(station, "tx-1", numbers=(0, 5))
    soon, later = utc_now(), utc_now() + timedelta(minutes=11)

    assert cdr_issue_when_complete(session_id=session.pk, now=soon) is None
    assert cdrs_sweep(now=soon) == 0
    assert Cdr.objects.count() == 0

    assert cdrs_sweep(now=later) == 1
    assert cdr_issue_when_complete(session_id=session.pk, now=later) == Cdr.objects.get()


def test_the_end_of_a_session_enqueues_its_cdr(
    tariff: TariffVersion,
    station: ChargingStation,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(tasks.cdr_issue, "apply_async", lambda args, *_, **__: sent.append(args))

    with django_capture_on_commit_callbacks(execute=True):
        session = session_make(station, "tx-1")

    assert sent == [(session.pk,)]
    assert tasks.cdr_issue.home_queue == tasks.cdrs_sweep.home_queue == "billing"


def test_the_sweep_finds_what_the_broker_lost(
    tariff: TariffVersion, station: ChargingStation
) -> None:
    for nth in range(3):
        session_make(station, f"tx-{nth}")
    session_make(station, "live", ended=False)
    cdr_issue(session_id=Session.objects.get(transaction_id="tx-0").pk)

    assert cdrs_sweep(now=utc_now()) == 2
    assert cdrs_sweep(now=utc_now()) == 0


# --- never changed ---


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_cdr SET total_incl_vat = 0, total_excl_vat = 0, vat = 0",
        "UPDATE billing_cdr SET reference = 'x'",
        "DELETE FROM billing_cdr",
    ],
)
def test_postgresql_refuses_to_change_a_cdr(
    tariff: TariffVersion, station: ChargingStation, statement: str
) -> None:
    cdr_issue(session_id=session_make(station, "tx-1").pk)

    with (
        pytest.raises(DatabaseError, match="never changed or deleted"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert Cdr.objects.get().total_incl_vat == Decimal("2.9415")


def test_the_trigger_is_in_every_operators_schema(
    operator_a: Operator, operator_b: Operator
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE t.tgname = 'billing_cdr_immutable' AND t.tgenabled = 'O' ORDER BY 1"
        )
        assert [row[0] for row in cursor.fetchall()] == ["guadeloupe", "martinique"]


def test_the_model_refuses_to_save_and_delete_too(
    tariff: TariffVersion, station: ChargingStation
) -> None:
    cdr = cdr_issue(session_id=session_make(station, "tx-1").pk)

    with pytest.raises(DomainError, match="never changed"):
        cdr.save()
    with pytest.raises(DomainError, match="never deleted"):
        cdr.delete()


def test_a_late_event_does_not_change_the_cdr(
    tariff: TariffVersion, station: ChargingStation
) -> None:
    session = session_make(station, "tx-1", numbers=(0, 2))
    cdr_issue(session_id=session.pk)

    session_make(station, "tx-1", numbers=(0, 1), energy_wh="99000")

    session.refresh_from_db()
    assert session.energy_kwh == 99
    assert cdr_issue(session_id=session.pk).energy_kwh == Decimal("9.00055")


# --- at once ---


def test_eight_workers_at_once_issue_one_cdr(
    live_operators: tuple[Operator, Operator],
) -> None:
    schema = live_operators[0].schema_name
    with operator_context(schema):
        tariff_make()
        session = session_make(station_make(), "tx-1")
    together, issued = Barrier(8), list[Cdr]()

    def work() -> None:
        try:
            together.wait(10)
            with operator_context(schema):
                issued.append(cdr_issue(session_id=session.pk))
        finally:
            connections.close_all()

    threads = [Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len({cdr.pk for cdr in issued}) == 1
    assert len(issued) == 8
    with operator_context(schema):
        assert Cdr.objects.count() == 1


# --- reads and isolation ---


def test_totals_and_pages(tariff: TariffVersion, station: ChargingStation) -> None:
    for nth in range(3):
        cdr_issue(session_id=session_make(station, f"tx-{nth}").pk)

    (totals,) = cdr_totals(Cdr.objects.all())

    assert (totals.currency, totals.count) == ("EUR", 3)
    assert (totals.total_excl_vat, totals.vat, totals.total_incl_vat) == (
        Decimal("8.1333"), Decimal("0.6912"), Decimal("8.8245"),
    )  # fmt: skip
    assert totals.energy_kwh == Decimal("27.00165")
    assert cdrs_page(page_size=2).pages == 2
    assert cdrs_page(search="tx-1").total == 1
    row = cdr_of_session(session_id=Session.objects.get(transaction_id="tx-1").pk)
    assert row is not None
    assert row.id_token_masked == "•••B3C4"


def test_a_sweep_issues_for_its_own_operator_only(
    tariff: TariffVersion, station: ChargingStation, operator_b: Operator
) -> None:
    session_make(station, "tx-1")
    with operator_context("martinique"):
        tariff_make()
        session_make(station_make(), "tx-1")

    with operator_context("guadeloupe"):
        tasks.cdrs_sweep()

    assert Cdr.objects.count() == 1
    with operator_context("martinique"):
        assert Cdr.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("task", [tasks.cdrs_sweep, tasks.cdr_issue])
def test_a_task_without_operator_fails(task: Any) -> None:
    with pytest.raises(OperatorMissing):
        task(*([1] if task is tasks.cdr_issue else []))
