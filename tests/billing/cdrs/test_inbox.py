"""The inbox: what waits for a person, what the person does, and what solves itself."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache

from apps.billing.choices import ExceptionKind, Resolution
from apps.billing.models import BillingException, Cdr, SessionCorrection
from apps.billing.services import (
    cdr_issue,
    cdr_issue_when_complete,
    cdrs_sweep,
    tariff_register,
)
from apps.billing.services.inbox import (
    Correction,
    exception_reopen,
    exception_resolve,
    exceptions_accept,
)
from apps.billing.services.inbox_watch import _PLACE_KEY, exceptions_refresh
from apps.chargers.models import ChargingStation, Session
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.billing.cdrs.scene import at, clerk, hour_session, told
from tests.billing.conftest import session_make, station_make, tariff_make
from tests.chargers.events import event, meter


@pytest.fixture(autouse=True)
def no_place(operator_a: Operator) -> None:
    cache.delete(_PLACE_KEY)


def jumped(station: ChargingStation, transaction_id: str = "tx-jump") -> Session:
    """900 kWh within an hour at 22 kW."""
    return session_make(station, transaction_id, energy_wh="900000")


def held(session: Session) -> BillingException:
    """The exception of a session whose bill waits."""
    assert cdr_issue_when_complete(session_id=session.pk, now=utc_now()) is None
    return BillingException.objects.get(session=session)


@pytest.mark.usefixtures("tariff")
def test_a_doubtful_session_is_in_the_inbox_once(station: ChargingStation) -> None:
    session = jumped(station)

    exception = held(session)
    for _again in range(2):
        cdr_issue_when_complete(session_id=session.pk, now=utc_now())
        cdrs_sweep(now=utc_now())
        exceptions_refresh(now=utc_now() + timedelta(hours=1))

    assert BillingException.objects.get() == exception
    assert (exception.kind, exception.is_blocking) == ("energy_jump", True)
    assert exception.detail == (
        "900 kWh from 2026-03-10T12:00:00Z to 2026-03-10T13:00:00Z at 22 kW."
    )


@pytest.mark.usefixtures("tariff")
def test_billed_as_it_stands_with_reason_and_name(station: ChargingStation) -> None:
    session = jumped(station)

    done = exception_resolve(
        exception_id=held(session).pk, action=Resolution.BILL_AS_IS, reason="A bus", by=clerk()
    )

    assert Cdr.objects.get(session=session).energy_kwh == 900
    assert (done.state, done.resolution, done.reason) == ("resolved", "bill_as_is", "A bus")
    assert done.resolved_by is not None
    (entry,) = done.history
    assert (entry["by"], entry["resolution"], entry["reason"]) == (
        "colette", "bill_as_is", "A bus",
    )  # fmt: skip


@pytest.mark.usefixtures("tariff")
def test_billed_with_the_figures_of_a_person(station: ChargingStation) -> None:
    session = jumped(station)

    exception_resolve(
        exception_id=held(session).pk, action=Resolution.BILL_CORRECTED, reason="Read on site",
        by=clerk(), correction=Correction(energy_kwh=Decimal("12.5")),
    )  # fmt: skip

    cdr = Cdr.objects.get(session=session)
    assert (cdr.energy_kwh, cdr.charged_kwh) == (Decimal("12.5"), Decimal("12.5"))
    # 12.5 kWh x 0.3012
    assert cdr.total_excl_vat == Decimal("3.7650")
    correction = SessionCorrection.objects.get()
    assert (correction.by_name, correction.reason) == ("colette", "Read on site")
    session.refresh_from_db()
    assert session.energy_kwh == 900


@pytest.mark.usefixtures("tariff")
def test_a_clock_of_1970_is_billed_with_corrected_times(station: ChargingStation) -> None:
    session = told(station, [
        event(0, "Started", "1970-01-01T00:00:07Z", id_token="04A2B3C4", evse_id=1,
              meter_values=[meter("1970-01-01T00:00:07Z", register_wh="0")]),
        event(1, "Ended", at(13), meter_values=[meter(at(13), register_wh="8000")]),
    ])  # fmt: skip
    exception = held(session)
    start = datetime(2026, 3, 10, 12, tzinfo=UTC)

    exception_resolve(
        exception_id=exception.pk, action=Resolution.BILL_CORRECTED, reason="Clock was off",
        by=None, correction=Correction(started_at=start),
    )  # fmt: skip

    cdr = Cdr.objects.get()
    assert exception.kind == "clock"
    assert (cdr.started_at, cdr.total_time_h, cdr.energy_kwh) == (start, 1, 8)


@pytest.mark.usefixtures("tariff")
def test_a_session_that_shall_not_be_billed_never_is_unless_asked_again(
    station: ChargingStation,
) -> None:
    session = jumped(station)
    exception = exception_resolve(
        exception_id=held(session).pk, action=Resolution.DO_NOT_BILL, reason="Our own car",
        by=clerk(),
    )  # fmt: skip
    Session.objects.filter(pk=session.pk).update(checked_at=utc_now())

    assert cdrs_sweep(now=utc_now()) == 0
    assert cdr_issue_when_complete(session_id=session.pk, now=utc_now()) is None
    with pytest.raises(DomainError) as refused:
        cdr_issue(session_id=session.pk)
    assert refused.value.code == "billing.session_waived"

    exception_reopen(exception_id=exception.pk, reason="It was not", by=clerk())
    assert cdrs_sweep(now=utc_now()) == 1
    exceptions_refresh(now=utc_now())
    exception.refresh_from_db()
    assert (exception.state, exception.resolution, len(exception.history)) == (
        "resolved", "solved", 2,
    )  # fmt: skip


def test_without_a_tariff_it_waits_and_solves_itself(station: ChargingStation) -> None:
    session = session_make(station, "tx-1")
    exception = held(session)
    assert exception.kind == "no_tariff"
    with pytest.raises(DomainError) as refused:
        exception_resolve(exception_id=exception.pk, action=Resolution.RETRY, reason="Try", by=None)
    assert refused.value.code == "billing.tariff_missing"
    exception.refresh_from_db()
    assert exception.is_open

    tariff_make()
    assert cdrs_sweep(now=utc_now()) == 1
    exceptions_refresh(now=utc_now())

    exception.refresh_from_db()
    assert (exception.state, exception.resolution) == ("resolved", "solved")


@pytest.mark.usefixtures("tariff")
def test_odd_cdrs_are_asked_about_once(station: ChargingStation) -> None:
    zero = session_make(station, "tx-zero", energy_wh="0")
    first = hour_session(station, "tx-first", start=14)
    second = hour_session(station, "tx-second", start=14)
    alone = hour_session(station, "tx-alone", start=16)
    for session in (zero, first, second, alone):
        cdr_issue(session_id=session.pk)

    assert exceptions_refresh(now=utc_now()) == 2
    assert exceptions_refresh(now=utc_now()) == 0

    found = {row.session_id: row for row in BillingException.objects.all()}
    assert set(found) == {zero.pk, second.pk}
    assert (found[zero.pk].kind, found[second.pk].kind) == ("zero_energy", "overlapping")
    assert found[second.pk].other_session == first
    assert not found[second.pk].is_blocking
    assert exceptions_accept(kind=ExceptionKind.ZERO_ENERGY, reason="Plugged only", by=None) == 1
    assert [row.kind for row in BillingException.objects.filter(state="open")] == ["overlapping"]


def test_a_negative_amount_is_asked_about(station: ChargingStation) -> None:
    tariff_register(
        name="Paid to charge", price_per_kwh_excl_vat=Decimal("0.10"), vat_percent=Decimal(0),
        valid_from=datetime(2020, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    cdr = cdr_issue(session_id=session_make(station, "tx-1").pk)
    values = {field.attname: getattr(cdr, field.attname) for field in Cdr._meta.fields}
    del values["id"]
    values |= {
        "reference": "negative", "revision": 2, "replaces_id": cdr.pk,
        "total_excl_vat": Decimal(-1), "vat": Decimal(0), "total_incl_vat": Decimal(-1),
    }  # fmt: skip
    Cdr.objects.create(**values)

    exceptions_refresh(now=utc_now())

    assert BillingException.objects.get(kind="negative_amount").detail == "-1 EUR incl. VAT."


@pytest.mark.usefixtures("tariff")
def test_a_session_that_changed_after_its_bill_is_credited_and_issued_anew(
    station: ChargingStation,
) -> None:
    session = session_make(station, "tx-1", numbers=(0, 2))
    first = cdr_issue(session_id=session.pk)
    session_make(station, "tx-1", numbers=(0, 1), energy_wh="12000")
    cdr_issue_when_complete(session_id=session.pk, now=utc_now())
    exception = BillingException.objects.get()
    assert (exception.kind, exception.cdr) == ("session_changed", first)

    exception_resolve(
        exception_id=exception.pk, action=Resolution.REISSUE, reason="Late event", by=clerk()
    )

    (live,) = Cdr.objects.live()
    assert (live.revision, live.energy_kwh) == (2, 12)


@pytest.mark.usefixtures("tariff")
def test_what_is_refused(station: ChargingStation) -> None:
    exception = held(jumped(station))

    def resolve(action: Resolution, reason: str = "Why", **more: object) -> str:
        with pytest.raises(DomainError) as refused:
            exception_resolve(
                exception_id=exception.pk,
                action=action,
                reason=reason,
                by=None,
                **more,  # type: ignore[arg-type]
            )
        return refused.value.code

    assert resolve(Resolution.BILL_AS_IS, " ") == "billing.reason_missing"
    assert resolve(Resolution.ACCEPT) == "billing.action_not_offered"
    assert resolve(Resolution.BILL_CORRECTED) == "billing.correction_missing"
    assert (
        resolve(Resolution.BILL_CORRECTED, correction=Correction(energy_kwh=Decimal(-1)))
        == "billing.correction_invalid"
    )
    exception_resolve(
        exception_id=exception.pk, action=Resolution.DO_NOT_BILL, reason="Why", by=None
    )
    assert resolve(Resolution.BILL_AS_IS) == "billing.exception_resolved"
    assert Cdr.objects.count() == SessionCorrection.objects.count() == 0


@pytest.mark.usefixtures("tariff")
def test_the_inbox_is_the_operators_own(station: ChargingStation, operator_b: Operator) -> None:
    exception = held(jumped(station))

    with operator_context(operator_b.schema_name):
        tariff_make()
        held(jumped(station_make()))
        BillingException.objects.filter(pk=exception.pk).exclude(session__isnull=True)
        exceptions_refresh(now=utc_now())
        assert BillingException.objects.count() == 1
    assert BillingException.objects.get() == exception
