"""We set charging profiles of our customers' sessions at partners' stations."""

from datetime import timedelta
from typing import Any

import pytest

from apps.ocpi.models import PartnerSession, RemoteProfile
from apps.ocpi.services import remote_profiles_out as out
from apps.ocpi.services.remote_commands_out import Sender
from cariflex.common.errors import DomainError
from tests.chargers.server import A, at
from tests.contracts.fake_server import Answer, Request, serving
from tests.contracts.ocpi_partner import OcpiPartner

PROFILE = {"charging_rate_unit": "A", "charging_profile_period": [{"start_period": 0, "limit": 10}]}
ACTIVE = {
    "start_date_time": "2026-03-10T12:00:00Z",
    "charging_profile": {**PROFILE, "duration": 900},
}


@pytest.fixture
def asked(network: OcpiPartner) -> Any:
    """The partner's chargingprofiles interface: it takes everything."""

    def serve(_request: Request) -> Answer:
        data = {"result": "ACCEPTED", "timeout": 20}
        return Answer.of({"data": data, "status_code": 1000, "timestamp": "2026-03-10T12:00:00Z"})

    with serving(serve) as server:

        def point() -> None:
            partner = PartnerSession.objects.select_related("partner").get().partner
            partner.endpoints.filter(identifier="chargingprofiles").update(url=server.url)

        at(A, point)
        yield server


def session() -> PartnerSession:
    return PartnerSession.objects.select_related("partner").get()


def read(order: RemoteProfile) -> RemoteProfile:
    return at(A, lambda: RemoteProfile.objects.get(pk=order.pk))


def test_a_profile_is_set_asked_for_and_cleared(
    network: OcpiPartner,
    sender: Sender,
    asked: Any,
) -> None:
    put = at(A, lambda: out.profile_set(sender=sender, session=session(), profile=PROFILE))
    get = at(A, lambda: out.active_profile_ask(sender=sender, session=session(), duration_s=900))
    delete = at(A, lambda: out.profile_clear(sender=sender, session=session()))

    first, second, third = asked.requests
    assert [one.method for one in asked.requests] == ["PUT", "GET", "DELETE"]
    assert {one.path for one in asked.requests} == {"/SES1"}
    assert first.json() == {"charging_profile": PROFILE, "response_url": put.response_url}
    assert second.query == {"duration": "900", "response_url": get.response_url}
    assert third.query == {"response_url": delete.response_url}
    assert (put.response, put.timeout_s) == ("ACCEPTED", 20)

    same = {"result": "ACCEPTED"}
    for order in (put, delete):
        assert network.call("POST", order.response_url, same).status_code == 1000
    told = {"result": "ACCEPTED", "profile": ACTIVE}
    assert network.call("POST", get.response_url, told).status_code == 1000

    assert [read(one).result for one in (put, get, delete)] == ["ACCEPTED"] * 3
    assert read(get).profile == ACTIVE
    assert read(put).profile is None
    network.call("POST", put.response_url, {"result": "REJECTED"})
    assert read(put).result == "ACCEPTED"


def test_news_of_a_profile_that_we_set_are_kept_with_it(
    network: OcpiPartner,
    sender: Sender,
    asked: Any,
) -> None:
    url = network.ours("chargingprofiles", "SENDER")
    before = network.call("PUT", f"{url}/SES1", ACTIVE)
    put = at(A, lambda: out.profile_set(sender=sender, session=session(), profile=PROFILE))

    after = network.call("PUT", f"{url}/ses1", ACTIVE)

    assert before.http == 404
    assert (after.http, after.status_code) == (200, 1000)
    assert read(put).profile == ACTIVE


def test_no_result_in_time_ends_it(network: OcpiPartner, sender: Sender, asked: Any) -> None:
    put = at(A, lambda: out.profile_set(sender=sender, session=session(), profile=PROFILE))

    def sweep(seconds: int) -> int:
        now = put.asked_at + timedelta(seconds=seconds)
        return at(A, lambda: out.profiles_out_sweep(now=now))

    assert (sweep(24), sweep(26)) == (0, 1)
    assert read(put).result == "REJECTED"


def test_a_profile_that_is_none_is_not_sent(
    network: OcpiPartner,
    sender: Sender,
    asked: Any,
) -> None:
    with pytest.raises(DomainError) as refused:
        at(
            A,
            lambda: out.profile_set(
                sender=sender, session=session(), profile={"charging_rate_unit": "kW"}
            ),
        )

    assert refused.value.code == "roaming.profile_invalid"
    assert asked.requests == []
