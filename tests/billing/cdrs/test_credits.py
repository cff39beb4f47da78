"""A CDR taken back by its credit, and the corrected one that follows."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.billing.events import CdrIssued
from apps.billing.models import Cdr, MonthClosing
from apps.billing.selectors import cdr_of_session, cdr_totals
from apps.billing.services import cdr_issue, cdrs_sweep
from apps.billing.services.credits import cdr_credit, cdr_reissue
from apps.chargers.models import ChargingStation
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.events import subscribe, unsubscribe
from cariflex.common.time import utc_now
from tests.billing.cdrs.scene import clerk, hour_session
from tests.billing.conftest import session_make

pytestmark = pytest.mark.usefixtures("tariff")


def test_a_credit_has_all_of_its_cdr_and_negative_totals(
    station: ChargingStation, django_capture_on_commit_callbacks: Any
) -> None:
    told: list[CdrIssued] = []
    cdr = cdr_issue(session_id=hour_session(station, "tx-1").pk)
    subscribe(CdrIssued, told.append)

    with django_capture_on_commit_callbacks(execute=True):
        credit, corrected = cdr_credit(
            cdr_id=cdr.pk, reason=" Wrong car ", by=clerk(), reissue=False
        )
    unsubscribe(CdrIssued, told.append)

    credit.refresh_from_db()
    assert corrected is None
    assert (credit.reference, credit.credit, credit.credit_reference) == (
        f"{cdr.reference}-C", True, cdr,
    )  # fmt: skip
    assert len(credit.reference) <= 39
    # 10 kWh x 0.3012 = 3.012; x 1.085 = 3.26802
    assert (credit.total_excl_vat, credit.vat, credit.total_incl_vat) == (
        Decimal("-3.0120"), Decimal("-0.2560"), Decimal("-3.2680"),
    )  # fmt: skip
    assert (credit.reason, credit.issued_by) == ("Wrong car", "colette")
    same = (
        "energy_kwh", "started_at", "charging_periods", "tariff_content", "rating", "account_id",
        "signed_data", "time_zone", "id_token", "transaction_id",
    )  # fmt: skip
    cdr.refresh_from_db()
    assert [getattr(credit, name) for name in same] == [getattr(cdr, name) for name in same]
    assert [event.cdr_id for event in told] == [credit.pk]
    (totals,) = cdr_totals(Cdr.objects.all())
    assert (totals.energy_kwh, totals.total_incl_vat) == (0, 0)
    assert Cdr.objects.live().count() == 0
    assert cdr_of_session(session_id=cdr.session_id) is None


def test_a_corrected_cdr_has_the_sessions_figures_of_now(station: ChargingStation) -> None:
    session = session_make(station, "tx-1", numbers=(0, 2))
    first = cdr_issue(session_id=session.pk)
    session_make(station, "tx-1", numbers=(0, 1), energy_wh="12000")

    credit, corrected = cdr_credit(cdr_id=first.pk, reason="Late event", by=None, reissue=True)

    assert corrected is not None
    assert (corrected.revision, corrected.replaces, corrected.credit) == (2, first, False)
    assert (corrected.energy_kwh, first.energy_kwh) == (12, Decimal("9.00055"))
    assert corrected.reference != first.reference
    assert [cdr.pk for cdr in Cdr.objects.live()] == [corrected.pk]
    (totals,) = cdr_totals(Cdr.objects.all())
    # 12 kWh x 0.3012 x 1.085 = 3.921624
    assert (totals.energy_kwh, totals.total_incl_vat) == (12, Decimal("3.9216"))
    assert cdr_issue(session_id=session.pk).pk == corrected.pk
    assert credit.total_incl_vat == -first.total_incl_vat


def test_a_cdr_is_credited_once_and_a_credit_never(station: ChargingStation) -> None:
    cdr = cdr_issue(session_id=session_make(station, "tx-1").pk)
    credit, _none = cdr_credit(cdr_id=cdr.pk, reason="Wrong", by=None, reissue=False)

    for cdr_id, code in ((cdr.pk, "billing.cdr_credited"), (credit.pk, "billing.cdr_is_credit")):
        with pytest.raises(DomainError) as refused:
            cdr_credit(cdr_id=cdr_id, reason="Again", by=None, reissue=False)
        assert refused.value.code == code
    assert Cdr.objects.count() == 2


@pytest.mark.parametrize(("cdr_id", "reason", "code"), [
    ("c0ffee", "Wrong", "billing.cdr_unknown"),
    ("01234567-89ab-cdef-0123-456789abcdef", "Wrong", "billing.cdr_unknown"),
    ("01234567-89ab-cdef-0123-456789abcdef", "  ", "billing.reason_missing"),
    ("01234567-89ab-cdef-0123-456789abcdef", "x" * 301, "billing.reason_too_long"),
])  # fmt: skip
def test_what_is_refused(cdr_id: str, reason: str, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        cdr_credit(cdr_id=cdr_id, reason=reason, by=None, reissue=True)

    assert refused.value.code == code


def test_a_credited_session_is_not_billed_again_by_itself(station: ChargingStation) -> None:
    cdr = cdr_issue(session_id=session_make(station, "tx-1").pk)
    cdr_credit(cdr_id=cdr.pk, reason="Wrong", by=None, reissue=False)

    assert cdrs_sweep(now=utc_now()) == 0
    assert cdr_issue(session_id=cdr.session_id).pk == cdr.pk

    corrected = cdr_reissue(cdr_id=cdr.pk, reason="After all", by=clerk())
    assert (corrected.revision, corrected.issued_by) == (2, "colette")
    with pytest.raises(DomainError, match="replaced already"):
        cdr_reissue(cdr_id=cdr.pk, reason="Twice", by=None)


def test_credits_of_a_closed_month_are_booked_later(station: ChargingStation) -> None:
    cdr = cdr_issue(session_id=session_make(station, "tx-1").pk)
    MonthClosing.objects.create(month=date(2026, 4, 1), closed_at=utc_now())

    credit, corrected = cdr_credit(cdr_id=cdr.pk, reason="Wrong", by=None, reissue=True)

    assert corrected is not None
    assert cdr.billing_month == date(2026, 3, 1)
    assert credit.billing_month == corrected.billing_month == date(2026, 5, 1)


def test_the_database_allows_one_credit_and_no_loose_revision(station: ChargingStation) -> None:
    cdr = cdr_issue(session_id=session_make(station, "tx-1").pk)
    values = {field.attname: getattr(cdr, field.attname) for field in Cdr._meta.fields}
    del values["id"]

    for wrong in (
        {"reference": "second"},
        {"reference": "loose", "revision": 2},
        {"reference": "credit of nothing", "credit": True},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Cdr.objects.create(**{**values, **wrong})


def test_a_cdr_of_another_operator_is_unknown(
    station: ChargingStation, operator_b: Operator
) -> None:
    cdr = cdr_issue(session_id=session_make(station, "tx-1").pk)

    with operator_context(operator_b.schema_name), pytest.raises(DomainError) as refused:
        cdr_credit(cdr_id=cdr.pk, reason="Wrong", by=None, reissue=False)

    assert refused.value.code == "billing.cdr_unknown"
    assert Cdr.objects.live().count() == 1
