"""Setting an operator up in FlexMeasures: idempotent, encrypted, recovering."""

import pytest
from django.db import connection

from apps.flexibility.choices import PlanReason, SensorRole
from apps.flexibility.models import FlexmeasuresAccount, FlexmeasuresAsset, FlexmeasuresSensor
from apps.flexibility.services.provisioning import (
    FlexmeasuresServer,
    ProvisioningBusy,
    mapping_drop,
    provision,
)
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import ExternalError
from tests.contracts.fake_server import Answer
from tests.contracts.flexmeasures_fake import FlexmeasuresFake
from tests.flexibility.conftest import NOW, Island, island_make

# The account; five assets; 15 sensors of the site, 2 of a PV plant, 3 of a battery.
EVERYTHING = 1 + 5 + 15 + 2 * 2 + 2 * 3


def test_first_time_creates_everything_second_time_nothing(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    first = provision(server=server, now=NOW)
    requests = len(fake.server.requests)
    second = provision(server=server, now=NOW)
    quiet = len(fake.server.requests)
    verified = provision(server=server, now=NOW, verify=True)

    assert first.created == EVERYTHING
    assert (second.created, quiet) == (0, requests)
    assert verified.created == 0
    assert (len(fake.assets), len(fake.sensors)) == (5, 25)
    assert FlexmeasuresAsset.objects.count() == 5
    assert FlexmeasuresSensor.objects.count() == 25


def test_sensors_are_quarter_hourly_and_powers_consumption_positive(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    provision(server=server, now=NOW)

    planned = FlexmeasuresSensor.objects.get(
        asset__device=island.bat_1, role=SensorRole.PLANNED_POWER
    )
    there = fake.sensors[planned.sensor_id]
    assert there["event_resolution"] == "PT15M"
    assert there["unit"] == "kW"
    assert there["timezone"] == "America/Guadeloupe"
    assert there["attributes"] == '{"consumption_is_positive": true}'
    price = FlexmeasuresSensor.objects.get(role=SensorRole.CONSUMPTION_PRICE)
    assert fake.sensors[price.sensor_id]["unit"] == "EUR/MWh"
    assert "attributes" not in fake.sensors[price.sensor_id]


def test_password_is_stored_encrypted_before_it_is_sent(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    fake.forced["/cariflex/accounts"] = Answer(503)
    with pytest.raises(ExternalError):
        provision(server=server, now=NOW)

    sent = fake.server.requests[0].json()
    account = FlexmeasuresAccount.objects.get()
    assert account.password == sent["password"]
    assert len(account.password) >= 32
    with connection.cursor() as cursor:
        cursor.execute("SELECT password FROM flexibility_flexmeasuresaccount")
        assert sent["password"] not in cursor.fetchone()[0]
    del fake.forced["/cariflex/accounts"]
    provision(server=server, now=NOW)
    assert fake.users[account.email] == (account.password, 1)


def test_new_device_is_added_alone(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    provision(server=server, now=NOW)
    island.bat_2.flexmeasures_asset.delete()

    again = provision(server=server, now=NOW)

    # It is still there: found by name, not made twice.
    assert again.created == 0
    assert FlexmeasuresAsset.objects.count() == 5
    assert len(fake.assets) == 5


def test_emptied_server_is_set_up_again(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    provision(server=server, now=NOW)
    fake.empty()

    again = provision(server=server, now=NOW, verify=True)

    assert again.created == EVERYTHING
    assert FlexmeasuresSensor.objects.count() == 25
    assert set(FlexmeasuresSensor.objects.values_list("sensor_id", flat=True)) == set(fake.sensors)


def test_interrupted_set_up_is_finished_by_the_next(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    fake.forced["/api/v3_0/sensors"] = Answer(503)
    with pytest.raises(ExternalError):
        provision(server=server, now=NOW)
    assert FlexmeasuresAccount.objects.get().last_error_code == PlanReason.NOT_PROVISIONED
    assert len(fake.assets) == 5
    fake.forced.clear()

    second = provision(server=server, now=NOW)

    assert second.created == 25
    assert len(fake.assets) == 5


def test_two_at_once_do_not_both_create(
    island: Island, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    provision(server=server, now=NOW)
    mapping_drop()
    FlexmeasuresAccount.objects.update(busy_until=NOW)

    with pytest.raises(ProvisioningBusy):
        provision(server=server, now=NOW.replace(minute=4))
    assert provision(server=server, now=NOW.replace(minute=6)).account.provisioned_at is not None


def test_wrong_provision_token_is_no_reason_to_repeat(
    island: Island, fake: FlexmeasuresFake
) -> None:
    with pytest.raises(ExternalError) as caught:
        provision(server=FlexmeasuresServer(fake.url, "wrong"), now=NOW)

    assert caught.value.status == 403
    assert not caught.value.retryable


def test_two_operators_have_accounts_of_their_own(
    island: Island, operator_b: Operator, server: FlexmeasuresServer, fake: FlexmeasuresFake
) -> None:
    provision(server=server, now=NOW)
    with operator_context("martinique"):
        island_make()
        other = provision(server=server, now=NOW)
        assert other.created == EVERYTHING
        theirs = set(FlexmeasuresSensor.objects.values_list("sensor_id", flat=True))

    ours = set(FlexmeasuresSensor.objects.values_list("sensor_id", flat=True))
    assert ours.isdisjoint(theirs)
    assert len(fake.accounts) == 2
    assert other.account.email != FlexmeasuresAccount.objects.get().email
