"""Which tariff applies, and why."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.billing.models import AccountToken, BillingAccount, TariffAssignment
from apps.billing.selectors.tariffs import (
    PriceQuestion,
    holders_of,
    tariff_choice,
    tariff_choice_of,
    tariff_for,
    tariffs_for,
)
from apps.billing.services.tariffs import tariff_assign, tariff_assignment_end
from apps.chargers.models import (
    AdHocCharge,
    ChargingStation,
    Connector,
    Evse,
    IdToken,
    Session,
    TokenGroup,
)
from apps.chargers.services import token_register
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.billing.tariffs.conftest import NOW, element, tariff_make

HOUR = timedelta(hours=1)


def assign(code: str, scope: str, target: int | None = None, **more: Any) -> TariffAssignment:
    """A new tariff of that name, assigned since the day before."""
    version = tariff_make(code, element("0.30"))
    more = {"valid_from": NOW - 24 * HOUR, "is_backdated": True} | more
    return tariff_assign(
        tariff_id=version.tariff_id, scope=scope, target_id=target, now=NOW, **more
    )


def session_at(station: ChargingStation, token: str = "", **more: Any) -> Session:
    evse = Evse.objects.get(station=station, evse_id=1)
    values: dict[str, Any] = {
        "station": station, "evse": evse, "connector_id": 1, "transaction_id": f"tx-{token}",
        "id_token": token, "started_at": NOW,
    }  # fmt: skip
    return Session.objects.create(**(values | more))


@pytest.fixture
def token(operator_a: Operator) -> IdToken:
    """CARD-1 of the group Staff, which the account Town pays for."""
    group = TokenGroup.objects.create(group_id="STAFF", name="Staff")
    made = token_register(id_token="CARD-1")
    IdToken.objects.filter(pk=made.pk).update(group=group)
    BillingAccount.objects.create(code="town", name="Town", kind="company").token_groups.add(group)
    return IdToken.objects.get(pk=made.pk)


def test_the_narrower_goes_first_and_persons_before_places(
    station: ChargingStation, token: IdToken
) -> None:
    evse = Evse.objects.get(station=station, evse_id=1)
    targets = {
        "operator": None,
        "site": station.site_id,
        "station": station.pk,
        "evse": evse.pk,
        "connector": Connector.objects.get(evse=evse).pk,
        "account": BillingAccount.objects.get().pk,
        "token_group": token.group_id,
    }
    session = session_at(station, "card-1")
    chosen = []
    for scope, target in targets.items():
        assign(scope, scope, target)
        version = tariff_for(session)
        assert version is not None
        chosen.append(version.tariff.code)

    assert chosen == list(targets)
    considered = tariff_choice_of(session).considered
    assert [one.assignment.scope for one in considered] == list(reversed(targets))
    assert [one.verdict for one in considered] == ["chosen", *["outranked"] * 6]
    other = tariff_for(session_at(station, "CARD-9", evse=Evse.objects.get(evse_id=2)))
    assert other is not None
    assert other.tariff.code == "station"


def test_people_without_a_contract_get_their_own_price_first(station: ChargingStation) -> None:
    assign("connector", "connector", Connector.objects.get(evse__evse_id=1).pk)
    assign("ad-hoc", "operator", is_ad_hoc=True)
    card = session_at(station, "CARD-1")
    guest = session_at(station, "AH01")
    AdHocCharge.objects.create(
        evse=guest.evse, key_hash="x", id_token="AH01", currency="EUR", provider="test",
        price_per_kwh_excl_vat=1, vat_percent=0, authorised_amount=30, created_at=NOW,
    )  # fmt: skip
    paid_here = session_at(station, "X", id_token_type="DirectPayment")

    versions = tariffs_for([card, guest, paid_here])

    assert {pk: one.tariff.code for pk, one in versions.items()} == {
        card.pk: "connector", guest.pk: "ad-hoc", paid_here.pk: "ad-hoc",
    }  # fmt: skip


def test_the_one_that_began_last_applies_until_it_ends(station: ChargingStation) -> None:
    assign("old", "operator")
    new = assign("new", "operator", valid_from=NOW)

    def codes(*hours: int) -> list[str | None]:
        asked = PriceQuestion(station=station.pk)
        found = (tariff_choice(asked, at=NOW + hour * HOUR).version for hour in hours)
        return [one.tariff.code if one else None for one in found]

    assert codes(-25, -1, 0, 5) == [None, "old", "new", "new"]
    assert tariff_assignment_end(assignment_id=new.pk, now=NOW + 2 * HOUR) is not None
    assert codes(1, 2) == ["new", "old"]


def test_an_assignment_whose_tariff_has_no_version_gives_way(station: ChargingStation) -> None:
    assign("whole", "operator")
    later = tariff_make("later", element("1"), since=NOW + HOUR)
    tariff_assign(tariff_id=later.tariff_id, scope="station", target_id=station.pk, now=NOW)

    choice = tariff_choice(PriceQuestion(station=station.pk), at=NOW)

    assert choice.version is not None
    assert choice.version.tariff.code == "whole"
    assert [one.verdict for one in choice.considered] == ["no_version", "chosen"]


def test_an_inactive_account_and_the_tokens_own_account(token: IdToken) -> None:
    group, town = token.group_id, BillingAccount.objects.get()
    assert holders_of(["Card-1"]) == {"CARD-1": (group, town.pk)}
    own = BillingAccount.objects.create(code="ana", name="Ana", kind="person")
    AccountToken.objects.create(account=own, id_token=token)
    assert holders_of(["CARD-1"]) == {"CARD-1": (group, own.pk)}
    BillingAccount.objects.update(is_active=False)
    assert holders_of(["CARD-1", "CARD-2"]) == {"CARD-1": (group, None)}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"scope": "island"}, "billing.assignment_scope"),
        ({"scope": "operator", "target_id": 1}, "billing.assignment_target"),
        ({"scope": "station"}, "billing.assignment_target"),
        ({"scope": "site", "target_id": 10**9}, "billing.assignment_target"),
        ({"scope": "operator", "valid_from": NOW - HOUR}, "billing.assignment_starts_in_past"),
        ({"scope": "operator", "valid_until": NOW}, "billing.assignment_ends_before_start"),
        ({"scope": "token_group", "is_ad_hoc": True}, "billing.assignment_ad_hoc"),
        ({"scope": "operator", "valid_from": NOW + HOUR}, "billing.assignment_exists"),
    ],
)
def test_what_cannot_be_assigned(
    operator_a: Operator, token: IdToken, asked: dict[str, Any], code: str
) -> None:
    assign("there", "operator", valid_from=NOW + HOUR)
    if asked["scope"] == "token_group":
        asked = asked | {"target_id": token.group_id}
    version = tariff_make("T", element("0.3"))

    with pytest.raises(DomainError) as refused:
        tariff_assign(tariff_id=version.tariff_id, now=NOW, **asked)

    assert refused.value.code == code
    assert TariffAssignment.objects.count() == 1


def test_the_same_again_and_ending_what_has_not_begun(operator_a: Operator) -> None:
    later = assign("T", "operator", valid_from=NOW + HOUR)
    again = tariff_assign(
        tariff_id=later.tariff_id, scope="operator", valid_from=NOW + HOUR, now=NOW
    )

    assert again.pk == later.pk
    assert tariff_assignment_end(assignment_id=later.pk, now=NOW) is None
    assert not TariffAssignment.objects.exists()


def test_many_sessions_cost_no_more_queries_than_one(station: ChargingStation) -> None:
    assign("whole", "operator")
    assign("here", "station", station.pk)

    def queries(sessions: list[Session]) -> int:
        with CaptureQueriesContext(connection) as captured:
            found = tariffs_for(sessions)
        assert {one.tariff.code for one in found.values()} == {"here"}
        return sum("SET search_path" not in query["sql"] for query in captured)

    many = [session_at(station, f"CARD-{n}", started_at=later(n)) for n in range(20)]
    assert queries(many) <= queries(many[:1]) <= 7


def later(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)
