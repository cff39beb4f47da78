"""What happens at stations and in billing reaches the outbox by itself."""

from typing import Any

import pytest

from apps.billing.services.tariffs.assignments import tariff_assign
from apps.billing.services.tariffs.versions import tariff_create, tariff_version_issue
from apps.chargers.events import StationChanged
from apps.chargers.models import ChargingStation, IdToken
from apps.chargers.services import token_register
from apps.ocpi.choices import PartyRole
from apps.ocpi.models import Partner, PartnerToken, Published
from apps.ocpi.tasks import publishing
from apps.tenants.context import current_schema
from apps.tenants.tasking import OperatorTask
from cariflex.common.events import publish
from tests.billing.conftest import session_make
from tests.ocpi.out import world
from tests.ocpi.out.world import NOW, paths, queue, queue_empty


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch, operator_a: object) -> list[str]:
    """Tasks of this app run where they are sent; the others are left out."""
    sent: list[str] = []

    def run(task: Any, args: Any = (), kwargs: Any = None, **_options: Any) -> None:
        if task.name.startswith("ocpi."):
            sent.append(task.name)
            task(*args, **(kwargs or {}))

    monkeypatch.setattr(OperatorTask, "apply_async", run)
    return sent


Capture = Any


def test_a_station_that_changed_is_told(
    station: ChargingStation, partner: Partner, django_capture_on_commit_callbacks: Capture
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        publish(StationChanged(current_schema(), station.station_id))

    assert paths(queue()) == ["PUT FR/CFG/CS-001"]


def test_a_session_of_a_partners_token_is_told_and_its_evse(
    station: ChargingStation, partner: Partner, django_capture_on_commit_callbacks: Capture
) -> None:
    PartnerToken.objects.create(
        partner=partner,
        country_code="FR",
        party_id="ABC",
        object_id=world.TOKEN["uid"],
        type="RFID",
        contract_id=world.TOKEN["contract_id"],
        whitelist="ALLOWED",
        content={**world.TOKEN, "valid": True, "issuer": "ABC", "whitelist": "ALLOWED"},
        last_updated=NOW,
        received_at=NOW,
    )

    with django_capture_on_commit_callbacks(execute=True):
        session = session_make(station, "tx-1", ended=False)

    assert f"PUT FR/CFG/{session.pk}" in paths(queue("sessions"))
    assert Published.objects.get(kind="sessions").audience == partner
    assert "CHARGING" in Published.objects.get(kind="locations").content


def test_a_cdr_and_what_its_session_cost(
    station: ChargingStation, partner: Partner, django_capture_on_commit_callbacks: Capture
) -> None:
    session = world.session_of(station, partner)
    with django_capture_on_commit_callbacks(execute=True):
        world.cdr_of(session)

    assert [one.method for one in queue("cdrs")] == ["POST"]
    assert queue("sessions")[-1].body["total_cost"]["incl_vat"] > 0


def test_a_tariff_that_is_issued(
    partner: Partner, django_capture_on_commit_callbacks: Capture
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        version = tariff_create(code="DAY", name="Day", now=NOW)
        tariff_version_issue(version_id=version.pk, now=NOW)
        tariff_assign(tariff_id=version.tariff_id, scope="operator", now=NOW)

    assert paths(queue("tariffs")) == ["PUT FR/CFG/DAY"]


def test_a_token(operator_a: object, django_capture_on_commit_callbacks: Capture) -> None:
    world.party_make(PartyRole.EMSP, "CFE")
    world.partner_without_http("cpo", role="CPO", pushed_kinds=["tokens"])
    with django_capture_on_commit_callbacks(execute=True):
        token_register(id_token="04AABBCC")

    assert paths(queue("tokens")) == ["PUT FR/CFE/04AABBCC"]


def test_sweeps_publish_what_was_missed_and_then_nothing(
    station: ChargingStation, partner: Partner
) -> None:
    world.party_make(PartyRole.EMSP, "CFE")
    world.cdr_of(world.session_of(station, partner, "tx-1"))
    world.session_of(station, partner, "tx-2", ended=False)
    IdToken.objects.create(id_token="04AABBCC")

    def sweep() -> None:
        publishing.publish_sweep()
        publishing.sessions_push()
        publishing.tokens_sweep()

    sweep()
    assert sorted(row.kind for row in Published.objects.all()) == [
        "cdrs", "locations", "sessions", "tariffs", "tokens",
    ]  # fmt: skip
    queue_empty()
    sweep()
    assert queue() == []
