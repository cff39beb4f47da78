"""CDRs of a partner's customers reach that partner once; so do their credits."""

from datetime import timedelta
from decimal import Decimal

import pytest

from apps.billing.models import Cdr
from apps.billing.services.credits import cdr_credit
from apps.chargers.models import ChargingStation
from apps.ocpi import wire
from apps.ocpi.models import Partner, Published
from apps.ocpi.services.publish_cdrs import cdr_publish, cdrs_publish_missed
from apps.ocpi.services.publish_locations import location_publish
from apps.outbox.models import OutboxMessage
from cariflex.common.exact_json import exact_loads
from tests.ocpi.out import world
from tests.ocpi.out.world import NOW

LATER = NOW + timedelta(hours=2)


@pytest.fixture
def cdr(station: ChargingStation, partner: Partner) -> Cdr:
    return world.cdr_of(world.session_of(station, partner))


def test_a_cdr_says_what_the_partner_gave_and_where_it_was(
    cdr: Cdr, station: ChargingStation, partner: Partner
) -> None:
    location_publish(station.pk, NOW)

    assert cdr_publish(cdr.pk, LATER)

    row = Published.objects.get(kind="cdrs")
    found = exact_loads(row.content)
    place = exact_loads(Published.objects.get(kind="locations").content)
    assert (found["country_code"], found["party_id"], found["id"]) == ("FR", "CFG", cdr.reference)
    assert found["cdr_token"] == world.TOKEN
    assert found["authorization_reference"] == "REF-tx-1"
    assert found["session_id"] == str(cdr.session_id)
    assert found["cdr_location"]["id"] == place["id"]
    assert found["cdr_location"]["evse_uid"] == place["evses"][0]["uid"]
    assert found["cdr_location"]["evse_id"] == place["evses"][0]["evse_id"]
    assert found["tariffs"][0]["party_id"] == "CFG"
    assert found["total_energy"] == Decimal("9.0006")
    assert found["total_cost"]["before_taxes"] == cdr.total_excl_vat
    # Whoever pulls by date finds it, however late it was published.
    assert row.last_updated == LATER
    old = wire.decode("2.2.1", "Cdr", row.content_2_2_1)
    assert old.total_cost.incl_vat == cdr.total_incl_vat


def test_a_cdr_is_posted_once(cdr: Cdr, partner: Partner) -> None:
    assert cdr_publish(cdr.pk, LATER)
    assert not cdr_publish(cdr.pk, LATER + timedelta(minutes=1))
    assert cdrs_publish_missed(now=LATER) == 0

    (message,) = OutboxMessage.objects.filter(kind="cdrs")
    assert message.payload["method"] == "POST"
    assert message.payload["segments"] == []
    assert message.destination == partner.destination
    assert message.order_key == f"cdrs:{cdr.reference}"


def test_a_credit_travels_as_a_cdr(cdr: Cdr) -> None:
    credit, _corrected = cdr_credit(cdr_id=cdr.pk, reason="Wrong card", by=None, reissue=False)

    cdr_publish(cdr.pk, LATER)
    cdr_publish(credit.pk, LATER)

    found = exact_loads(Published.objects.get(object_id=credit.reference).content)
    assert (found["credit"], found["credit_reference_id"]) == (True, cdr.reference)
    assert found["total_cost"]["before_taxes"] == -cdr.total_excl_vat
    assert found["total_energy"] == Decimal("9.0006")


def test_missed_cdrs_are_found(cdr: Cdr) -> None:
    assert cdrs_publish_missed(now=LATER) == 1
    assert cdrs_publish_missed(now=LATER) == 0


def test_only_the_partner_whose_token_it_was_has_it(cdr: Cdr, partner: Partner) -> None:
    other = world.partner_without_http("other", pushed_kinds=world.EVERYTHING)

    cdr_publish(cdr.pk, LATER)

    assert world.queue("cdrs", other) == []
    assert Published.objects.get(kind="cdrs").audience == partner


def test_positions_count_without_a_gap_for_each_partner(
    station: ChargingStation, partner: Partner
) -> None:
    other = world.partner_without_http("other")
    for nth, whose in enumerate((partner, other, partner, other, partner)):
        session = world.session_of(station, whose, f"tx-{nth}")
        cdr_publish(world.cdr_of(session).pk, LATER)

    rows = Published.objects.filter(kind="cdrs").order_by("pk")
    assert [(row.audience_id, row.position) for row in rows] == [
        (partner.pk, 1), (other.pk, 1), (partner.pk, 2), (other.pk, 2), (partner.pk, 3),
    ]  # fmt: skip
