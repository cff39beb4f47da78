"""Tariffs and tokens: told when they are made, change, or hold no more."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.billing.models import BillingAccount, Tariff, TariffAssignment
from apps.billing.services.tariffs.assignments import tariff_assign, tariff_assignment_end
from apps.billing.services.tariffs.versions import tariff_create, tariff_version_issue
from apps.chargers.choices import TokenStatus, TokenType
from apps.chargers.models import IdToken, TokenGroup
from apps.chargers.services import token_register
from apps.chargers.services.tokens import token_remove
from apps.ocpi import wire
from apps.ocpi.choices import PartyRole
from apps.ocpi.models import Partner, Party, Published
from apps.ocpi.services.publish_tariffs import tariff_publish, tariffs_publish
from apps.ocpi.services.publish_tokens import token_publish, tokens_publish
from cariflex.common.exact_json import exact_loads
from tests.ocpi.out import world
from tests.ocpi.out.world import NOW, paths, queue, queue_empty

LATER = NOW + timedelta(hours=1)


def told(kind: str) -> dict[str, Any]:
    return exact_loads(Published.objects.get(kind=kind).content)


@pytest.fixture
def tariff(party: Party) -> Tariff:
    world.tariff_everywhere()
    return Tariff.objects.get()


@pytest.fixture
def cpo(operator_a: object) -> Partner:
    """A charge point operator that wants our tokens; we are the eMSP FR*CFE."""
    world.party_make(PartyRole.EMSP, "CFE")
    return world.partner_without_http("cpo", role="CPO", pushed_kinds=["tokens"])


def test_a_tariff_is_told_with_when_it_holds(tariff: Tariff, partner: Partner) -> None:
    assert tariff_publish(tariff.pk, NOW)
    assert not tariff_publish(tariff.pk, LATER)

    found = told("tariffs")
    assert (found["country_code"], found["party_id"], found["id"]) == ("FR", "CFG", tariff.code)
    assert found["start_date_time"] == "2020-01-01T00:00:00Z"
    assert found["tax_included"] == "NO"
    component = found["elements"][0]["price_components"][0]
    assert (component["price"], component["vat"]) == (Decimal("0.3012"), Decimal("8.5"))
    wire.decode("2.2.1", "Tariff", Published.objects.get().content_2_2_1)
    assert paths(queue()) == [f"PUT FR/CFG/{tariff.code}"]


def test_a_tariff_that_ends_is_deleted_and_stays_in_lists_as_ended(
    tariff: Tariff, partner: Partner
) -> None:
    tariff_publish(tariff.pk, NOW)
    queue_empty()
    end = datetime.now(UTC) + timedelta(minutes=1)
    tariff_assignment_end(assignment_id=TariffAssignment.objects.get().pk, now=end)

    assert tariffs_publish(now=end) == 1
    assert tariffs_publish(now=end + timedelta(minutes=2)) == 0

    assert paths(queue()) == [f"DELETE FR/CFG/{tariff.code}"]
    assert told("tariffs")["end_date_time"] == told("tariffs")["last_updated"]


def test_what_was_agreed_with_one_is_told_to_nobody(party: Party, partner: Partner) -> None:
    version = tariff_create(code="VIP", name="VIP", now=NOW)
    tariff_version_issue(version_id=version.pk, now=NOW)
    account = BillingAccount.objects.create(code="x", kind="company", name="X")
    tariff_assign(tariff_id=version.tariff_id, scope="account", target_id=account.pk, now=NOW)

    assert tariffs_publish(now=LATER) == 0

    assert queue() == []


def test_a_tariff_of_tomorrow_is_told_today(party: Party, partner: Partner) -> None:
    version = tariff_create(code="SOON", name="Soon", now=NOW)
    tariff_version_issue(version_id=version.pk, now=NOW, valid_from=NOW + timedelta(days=1))
    tariff_assign(tariff_id=version.tariff_id, scope="operator", now=NOW)

    assert tariffs_publish(now=NOW) == 1

    assert told("tariffs")["start_date_time"] == "2026-03-11T12:00:00Z"


def test_a_new_version_is_put_when_it_begins(tariff: Tariff, partner: Partner) -> None:
    tariff_publish(tariff.pk, NOW)
    queue_empty()
    version = tariff.versions.get()
    content = exact_loads('{"x":0.4}')["x"]
    version.pk, version.number = None, 2
    version.valid_from, version.issued_at = LATER, NOW
    version.content["elements"][0]["price_components"][0]["price"] = content
    version.save()

    assert tariffs_publish(now=LATER - timedelta(seconds=1)) == 0
    assert tariffs_publish(now=LATER) == 1

    (pushed,) = queue()
    assert pushed.body["elements"][0]["price_components"][0]["price"] == Decimal("0.4")


def test_our_token_is_told_to_operators(cpo: Partner) -> None:
    world.partner_without_http("emsp", pushed_kinds=["tokens"])
    group = TokenGroup.objects.create(group_id="FLEET")
    token = token_register(id_token="04AABBCC", group=group)

    assert token_publish(token.pk, NOW)

    assert told("tokens") == {
        "country_code": "FR", "party_id": "CFE", "uid": "04AABBCC", "type": "RFID",
        "contract_id": f"FR-CFE-C{token.pk:08d}", "issuer": "Cariflex Guadeloupe",
        "group_id": "FLEET", "valid": True, "whitelist": "ALLOWED",
        "last_updated": "2026-03-10T12:00:00Z",
    }  # fmt: skip
    (pushed,) = queue()
    assert (pushed.destination, pushed.method) == (cpo.destination, "PUT")
    assert pushed.path == "FR/CFE/04AABBCC"


def test_a_blocked_token_is_patched_to_be_not_valid(cpo: Partner) -> None:
    token = token_register(id_token="04AABBCC")
    token_publish(token.pk, NOW)
    queue_empty()
    token_register(id_token="04AABBCC", status=TokenStatus.BLOCKED)

    token_publish(token.pk, LATER)

    (pushed,) = queue()
    assert pushed.method == "PATCH"
    assert pushed.body == {"valid": False, "last_updated": "2026-03-10T13:00:00Z"}


def test_a_removed_token_is_not_valid(cpo: Partner) -> None:
    token = token_register(id_token="04AABBCC")
    other = token_register(id_token="04AABBDD")
    tokens_publish(now=NOW)
    queue_empty()
    pk = token.pk
    token_remove(token_id=pk)

    assert token_publish(pk, LATER)
    assert tokens_publish(now=LATER) == 0

    assert paths(queue()) == ["PATCH FR/CFE/04AABBCC"]
    assert IdToken.objects.get().pk == other.pk


def test_an_expired_token_is_found_by_the_sweep(cpo: Partner) -> None:
    token_register(id_token="04AABBCC", expires_at=LATER)
    assert tokens_publish(now=NOW) == 1
    assert tokens_publish(now=LATER - timedelta(seconds=1)) == 0
    assert tokens_publish(now=LATER) == 1
    assert told("tokens")["valid"] is False


def test_tokens_that_nobody_can_roam_with_are_kept(cpo: Partner) -> None:
    token_register(id_token="1234", token_type=TokenType.KEY_CODE)
    token_register(id_token="BAD", status=TokenStatus.BLOCKED)

    assert tokens_publish(now=NOW) == 0


def test_a_contract_is_its_own_id_and_named_by_its_type(cpo: Partner) -> None:
    token_register(id_token="FRCFEC12345678", token_type=TokenType.EMAID)
    tokens_publish(now=NOW)

    assert told("tokens")["contract_id"] == "FRCFEC12345678"
    assert told("tokens")["type"] == "EMAID"
    row = Published.objects.get()
    assert exact_loads(row.content_2_2_1)["type"] == "OTHER"  # 2.2.1 has no such type
