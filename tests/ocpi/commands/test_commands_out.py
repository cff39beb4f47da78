"""We command stations of partners: sent, answered, the result awaited at our own address."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.chargers.models import IdToken
from apps.ocpi.models import Partner, PartnerLocation, PartnerSession, RemoteCommand
from apps.ocpi.services import remote_commands_out as out
from apps.tenants.context import operator_context
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.chargers.server import A, B, at
from tests.contracts.ocpi_partner import OcpiPartner, ocpi_partner
from tests.ocpi.commands.conftest import OUR_UID as UID
from tests.ocpi.server import Site, partner_of


def start(sender: out.Sender, **changes: Any) -> RemoteCommand:
    def send() -> RemoteCommand:
        values = {
            "location": PartnerLocation.objects.select_related("partner").get(),
            "id_token": IdToken.objects.select_related("group").get(id_token=UID),
            "evse_uid": "EVSE1",
        }
        return out.session_start(sender=sender, **{**values, **changes})

    return at(A, send)


def read(command: RemoteCommand) -> RemoteCommand:
    return at(A, lambda: RemoteCommand.objects.get(pk=command.pk))


def test_a_start_goes_out_with_our_token_and_its_result_comes_back(
    network: OcpiPartner, sender: out.Sender
) -> None:
    command = start(sender)

    ((kind, body),) = network.commands
    assert kind == "START_SESSION"
    assert body["token"]["uid"] == UID
    assert (body["token"]["country_code"], body["token"]["party_id"]) == ("GP", "CFE")
    assert body["token"]["type"] == "RFID"
    assert (body["location_id"], body["evse_uid"]) == ("LOC1", "EVSE1")
    assert body["authorization_reference"] == command.authorization_reference
    assert body["response_url"].endswith(f"/sender/commands/START_SESSION/{command.key}")
    sent = network.requests[-1]
    assert sent.headers["ocpi-from-party-id"] == "CFE"
    assert sent.headers["ocpi-to-party-id"] == "CPO"
    assert (command.response, command.timeout_s, command.result) == ("ACCEPTED", 30, "")
    assert command.deadline_at == command.asked_at + timedelta(seconds=35)

    reply = network.call("POST", body["response_url"], {"result": "ACCEPTED"})

    assert (reply.http, reply.status_code, reply.data) == (200, 1000, None)
    assert read(command).result == "ACCEPTED"


def test_only_the_first_result_counts(network: OcpiPartner, sender: out.Sender) -> None:
    command = start(sender)
    told = {"result": "REJECTED", "message": [{"language": "en", "text": "No car."}]}
    network.call("POST", command.response_url, told)

    again = network.call("POST", command.response_url, {"result": "ACCEPTED"})

    assert again.status_code == 1000
    assert (read(command).result, read(command).message) == ("REJECTED", "No car.")


def test_no_result_by_the_deadline_is_a_timeout_and_a_later_one_nothing(
    network: OcpiPartner, sender: out.Sender
) -> None:
    command = start(sender)

    def sweep(seconds: int) -> int:
        now = command.asked_at + timedelta(seconds=seconds)
        return at(A, lambda: out.commands_out_sweep(now=now))

    assert (sweep(34), sweep(36), sweep(37)) == (0, 1, 0)
    late = network.call("POST", command.response_url, {"result": "ACCEPTED"})

    assert late.status_code == 1000
    assert read(command).result == "TIMEOUT"


def test_a_result_without_our_key_or_of_another_partner_is_nowhere(
    network: OcpiPartner, sender: out.Sender, site: Site
) -> None:
    command = start(sender)
    base = command.response_url.rpartition("/")[0]
    with ocpi_partner(role="CPO", party=("DE", "ZZZ")) as other:
        with operator_context(A):
            partner_of(other)
        stolen = other.call("POST", command.response_url, {"result": "REJECTED"})
    with ocpi_partner(role="CPO", party=("FR", "CPO")) as abroad:
        with operator_context(B):
            partner_of(abroad)
        url = command.response_url.replace("guadeloupe", "martinique")
        elsewhere = abroad.call("POST", url, {"result": "REJECTED"})
    guessed = network.call("POST", f"{base}/0e1f5d0c-0000-4000-8000-000000000000",
                           {"result": "REJECTED"})  # fmt: skip
    nonsense = network.call("POST", f"{base}/17", {"result": "REJECTED"})

    replies = (stolen, elsewhere, guessed, nonsense)
    assert [reply.http for reply in replies] == [404, 404, 404, 404]
    assert read(command).result == ""


def test_a_result_that_is_none_is_refused_by_name(network: OcpiPartner, sender: out.Sender) -> None:
    command = start(sender)

    wrong = network.call("POST", command.response_url, {"result": "MAYBE"})
    empty = network.call("POST", command.response_url, {})

    assert (wrong.status_code, empty.status_code) == (2001, 2002)
    assert "result" in wrong.envelope["status_message"]
    assert read(command).ended_at is None


@pytest.mark.parametrize("word", ["REJECTED", "NOT_SUPPORTED", "UNKNOWN_SESSION"])
def test_a_partner_that_says_no_ends_it(
    network: OcpiPartner, sender: out.Sender, word: str
) -> None:
    network.command_response = {
        "result": word, "timeout": 0, "message": [{"language": "en", "text": "Not today."}],
    }  # fmt: skip

    command = start(sender)

    assert (command.response, command.result, command.message) == (word, "", "Not today.")
    assert command.ended_at is not None


@pytest.mark.parametrize(
    "fault",
    [{"status": 500}, {"truncated": True}, {"no_envelope": True}, {"status": 404}, {"drop": True}],
)
def test_a_partner_that_gives_no_answer_is_a_command_that_failed(
    network: OcpiPartner, sender: out.Sender, fault: dict[str, Any]
) -> None:
    for name, value in fault.items():
        setattr(network.fault, name, value)

    command = start(sender)

    assert (command.response, command.result) == ("", "FAILED")
    assert command.message
    assert command.ended_at is not None


def test_a_session_is_stopped_a_place_reserved_and_a_plug_unlocked(
    network: OcpiPartner, sender: out.Sender
) -> None:
    until = utc_now() + timedelta(hours=1)

    def send() -> list[RemoteCommand]:
        location = PartnerLocation.objects.select_related("partner").get()
        token = IdToken.objects.select_related("group").get(id_token=UID)
        session = PartnerSession.objects.select_related("partner").get()
        first = out.place_reserve(
            sender=sender, location=location, id_token=token, expires_at=until, evse_uid="EVSE1"
        )
        return [
            first,
            out.place_reserve(
                sender=sender, location=location, id_token=token, expires_at=until, changes=first
            ),
            out.reservation_cancel(sender=sender, reserved=first),
            out.session_stop(sender=sender, session=session),
            out.connector_unlock(
                sender=sender, location=location, evse_uid="evse1", connector_id="1"
            ),
        ]

    sent = at(A, send)

    kinds = [kind for kind, _body in network.commands]
    bodies = [body for _kind, body in network.commands]
    assert kinds == [
        "RESERVE_NOW", "RESERVE_NOW", "CANCEL_RESERVATION", "STOP_SESSION", "UNLOCK_CONNECTOR",
    ]  # fmt: skip
    assert {body["reservation_id"] for body in bodies[:3]} == {str(sent[0].pk)}
    assert bodies[3]["session_id"] == "SES1"
    assert (bodies[4]["evse_uid"], bodies[4]["connector_id"]) == ("evse1", "1")
    assert len({body["response_url"] for body in bodies}) == 5
    network.call("POST", sent[0].response_url, {"result": "ACCEPTED"})
    network.call("POST", sent[0].response_url, {"result": "CANCELED_RESERVATION"})
    assert read(sent[0]).result == "CANCELED_RESERVATION"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"evse_uid": "EVSE9"}, "roaming.place_unknown"),
        ({"evse_uid": "EVSE2"}, "roaming.place_unknown"),
        ({"evse_uid": "", "connector_id": "1"}, "roaming.place_unknown"),
        ({"connector_id": "9"}, "roaming.place_unknown"),
    ],
)
def test_what_a_partner_does_not_have_is_not_asked_of_it(
    network: OcpiPartner, sender: out.Sender, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(DomainError) as refused:
        start(sender, **changes)

    assert refused.value.code == code
    assert network.commands == []
    assert at(A, RemoteCommand.objects.count) == 0


def test_a_partner_that_is_suspended_or_serves_no_commands_is_asked_nothing(
    network: OcpiPartner, sender: out.Sender
) -> None:
    at(A, lambda: Partner.objects.get().endpoints.filter(identifier="commands").delete())
    with pytest.raises(DomainError) as missing:
        start(sender)
    at(A, lambda: Partner.objects.update(state="suspended"))
    with pytest.raises(DomainError) as away:
        start(sender)

    assert missing.value.code == "ocpi.endpoint_missing"
    assert away.value.code == "roaming.partner_away"
    assert at(A, RemoteCommand.objects.count) == 0


def test_a_token_that_may_not_charge_commands_nothing(
    network: OcpiPartner, sender: out.Sender
) -> None:
    at(A, lambda: IdToken.objects.filter(id_token=UID).update(status="Blocked"))

    with pytest.raises(DomainError) as refused:
        start(sender)

    assert refused.value.code == "roaming.token_invalid"


def test_the_address_for_the_result_is_ours_whatever_the_clock(
    network: OcpiPartner, sender: out.Sender
) -> None:
    at_noon = out.Sender(sender.root_url, datetime.fromisoformat("2026-03-10T12:00:00Z"))

    command = start(at_noon)

    assert command.response_url.startswith(f"{sender.root_url}/2.2.1/sender/commands/")
