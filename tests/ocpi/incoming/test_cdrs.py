"""CDRs of partners for our customers: taken once, priced again, disputed (2.2.1 §10.2.2)."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from apps.billing.choices import DisputeReason
from apps.billing.models import BillingAccount, Dispute, PartnerCdr
from apps.ocpi.models import Partner, PartnerRole
from apps.tenants.context import operator_context
from tests.contracts.ocpi_partner import OcpiPartner, Reply
from tests.ocpi.incoming.conftest import A, B
from tests.ocpi.incoming.objects import EARLIER, cdr, cdr_token, location, period, tariff


def post(platform: OcpiPartner, body: Any) -> Reply:
    return platform.call("POST", platform.ours("cdrs"), body)


def codes(reply: Reply) -> tuple[int, int]:
    return reply.http, reply.status_code


def rows() -> list[PartnerCdr]:
    with operator_context(A):
        return list(PartnerCdr.objects.order_by("pk"))


def disputes() -> list[tuple[str, Decimal]]:
    with operator_context(A):
        return list(Dispute.objects.order_by("pk").values_list("reason", "claimed_amount"))


def test_cdr_is_taken_and_given_back(cpo: OcpiPartner) -> None:
    reply = post(cpo, cdr())

    assert codes(reply) == (201, 1000)
    where = reply.headers["location"]
    assert where.endswith("/receiver/cdrs/FR/ABC/C1")
    got = cpo.call("GET", where)
    assert (codes(got), got.data) == ((200, 1000), cdr())
    (row,) = rows()
    assert (row.net, row.tax, row.our_net) == (Decimal("3.0000"), Decimal("0.2550"), Decimal(3))
    assert (row.energy_kwh, row.currency, row.kind) == (Decimal(10), "EUR", "received")
    assert row.content["total_cost"]["before_taxes"] == Decimal("3.0")
    assert disputes() == []
    with operator_context(B):
        assert not PartnerCdr.objects.exists()


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_cdrs_are_never_changed(cpo: OcpiPartner, method: str) -> None:
    where = post(cpo, cdr()).headers["location"]

    body = None if method == "DELETE" else cdr(at=EARLIER)
    assert cpo.call(method, where, body).http == 405


def test_repeat_changes_nothing(cpo: OcpiPartner) -> None:
    first = post(cpo, cdr())

    # The id is a CiString.
    again = post(cpo, cdr()), post(cpo, {**cdr(), "id": "C1"})

    assert [codes(one) for one in again] == [(200, 1000), (200, 1000)]
    assert again[0].headers["location"] == first.headers["location"]
    assert len(rows()) == 1
    assert disputes() == []


def test_another_cdr_under_the_id_is_refused_and_seen(cpo: OcpiPartner) -> None:
    post(cpo, cdr())
    other = cdr(total_cost={"excl_vat": 5.0, "incl_vat": 5.425})

    assert codes(post(cpo, other)) == (200, 2001)
    assert codes(post(cpo, other)) == (200, 2001)

    assert [row.net for row in rows()] == [Decimal("3.0000")]
    assert disputes() == [(DisputeReason.DUPLICATE, Decimal("2.00"))]
    with operator_context(A):
        assert "total_cost" in Dispute.objects.get().events.get().text


def test_too_dear_cdr_is_disputed(cpo: OcpiPartner) -> None:
    post(cpo, cdr(total_cost={"excl_vat": 4.0, "incl_vat": 4.34}))

    (row,) = rows()
    assert (row.net, row.our_net) == (Decimal(4), Decimal(3))
    # 1.00 too much, with 8.5 % tax: 1.085.
    assert disputes() == [(DisputeReason.PRICE, Decimal("1.09"))]


@pytest.mark.parametrize("net", [2.5, 3.02])
def test_cheap_or_rounded_cdr_is_not_disputed(cpo: OcpiPartner, net: float) -> None:
    post(cpo, cdr(total_cost={"excl_vat": net}))

    assert [row.our_net for row in rows()] == [Decimal(3)]
    assert disputes() == []


def test_cdr_of_a_strange_token_is_disputed(cpo: OcpiPartner) -> None:
    post(cpo, cdr(cdr_token=cdr_token("DEADBEEF")))

    # All of it: 3.255.
    assert disputes() == [(DisputeReason.UNKNOWN_SESSION, Decimal("3.26"))]


def test_cdr_is_priced_by_the_tariff_that_we_know(cpo: OcpiPartner) -> None:
    named = {**period(), "tariff_id": "T1"}
    cpo.call("PUT", f"{cpo.ours('tariffs')}/FR/ABC/T1", tariff(price=0.25))

    post(cpo, cdr("C1", tariffs=None, charging_periods=[named]))
    post(cpo, cdr("C2", tariffs=None, charging_periods=[{**named, "tariff_id": "T9"}]))

    assert [row.our_net for row in rows()] == [Decimal("2.5000"), None]


def test_local_time_is_that_of_the_location(cpo: OcpiPartner) -> None:
    """09:00 UTC is 05:00 in Guadeloupe and 10:00 in Paris, whatever the address says."""
    night = {
        "price_components": [{"type": "ENERGY", "price": 0.1, "step_size": 1}],
        "restrictions": {"start_time": "00:00", "end_time": "06:00"},
    }
    day = {"price_components": [{"type": "ENERGY", "price": 0.3, "step_size": 1}]}
    cpo.call("PUT", f"{cpo.ours('locations')}/FR/ABC/LOC1", location())
    place = {**cdr()["cdr_location"], "country": "FRA", "postal_code": "75001"}

    post(cpo, cdr(tariffs=[tariff(elements=[night, day])], cdr_location=place))

    assert [row.our_net for row in rows()] == [Decimal("1.0000")]


def test_credit_is_matched_with_its_cdr(cpo: OcpiPartner) -> None:
    post(cpo, cdr())
    back = {"excl_vat": -3.0, "incl_vat": -3.255}

    known = post(cpo, cdr("C1-X", credit=True, credit_reference_id="c1", total_cost=back))
    strange = post(cpo, cdr("C9-X", credit=True, credit_reference_id="C9", total_cost=back))
    bare = post(cpo, cdr("C8-X", credit=True, total_cost=back))

    assert [codes(one) for one in (known, strange, bare)] == [(201, 1000), (201, 1000), (200, 2002)]
    found = [(row.is_credit, row.net, row.our_net) for row in rows()]
    assert found == [
        (False, Decimal(3), Decimal(3)), (True, Decimal(-3), Decimal(-3)), (True, Decimal(-3), 0)
    ]  # fmt: skip
    assert disputes() == []


def test_credit_ends_the_dispute(cpo: OcpiPartner) -> None:
    post(cpo, cdr(total_cost={"excl_vat": 4.0, "incl_vat": 4.34}))
    back = {"excl_vat": -4.0, "incl_vat": -4.34}

    post(cpo, cdr("C1-X", credit=True, credit_reference_id="C1", total_cost=back))

    with operator_context(A):
        dispute = Dispute.objects.get()
    assert (dispute.state, dispute.granted_amount) == ("accepted", Decimal("1.09"))


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"party_id": "XYZ"}, (404, 2001)),
        ({"end_date_time": "2026-03-10T08:00:00Z"}, (200, 2001)),
        ({"currency": None}, (200, 2002)),
        ({"id": "X" * 40}, (200, 2001)),
        ({"total_cost": 3}, (200, 2001)),
    ],
)
def test_bad_cdr_is_refused(
    cpo: OcpiPartner, change: dict[str, Any], wanted: tuple[int, int]
) -> None:
    body = {name: value for name, value in cdr(**change).items() if value is not None}

    assert codes(post(cpo, body)) == wanted
    assert rows() == []


def test_unknown_cdr_is_not_found(cpo: OcpiPartner) -> None:
    assert codes(cpo.call("GET", f"{cpo.ours('cdrs')}/FR/ABC/C1")) == (404, 2001)
    assert cpo.call("POST", f"{cpo.ours('cdrs')}/FR/ABC/C1", cdr()).http == 404


def test_cdr_without_an_account_is_not_lost(cpo: OcpiPartner) -> None:
    with operator_context(A):
        Partner.objects.update(account=None)
        BillingAccount.objects.all().delete()

    post(cpo, cdr())

    with operator_context(A):
        account = PartnerCdr.objects.get().account
    assert (account.code, account.kind) == ("cpo-fr-abc", "cpo")
    assert cpo.call("GET", f"{cpo.ours('cdrs')}/FR/ABC/C1").data == cdr()


def test_two_parties_behind_a_hub_may_use_one_id(cpo: OcpiPartner) -> None:
    with operator_context(A):
        Partner.objects.update(role="HUB")
        PartnerRole.objects.create(
            partner=Partner.objects.get(), role="CPO", country_code="FR", party_id="XYZ"
        )

    post(cpo, cdr())
    other = post(cpo, cdr(party_id="XYZ"))

    assert other.http == 201
    assert cpo.call("GET", other.headers["location"]).data["party_id"] == "XYZ"
    assert len(rows()) == 2
    assert post(cpo, cdr(party_id="XYZ")).http == 200


def test_posts_at_once_make_one_row(cpo: OcpiPartner) -> None:
    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _nth: post(cpo, cdr()), range(6)))

    assert sorted(codes(one) for one in replies) == [(200, 1000)] * 5 + [(201, 1000)]
    assert len(rows()) == 1
