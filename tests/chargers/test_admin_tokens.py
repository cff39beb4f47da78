"""Tokens in the admin: written by their services, imported from lists, masked once written."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from apps.accounts.roles import Role
from apps.chargers.models import ChargingStation, IdToken, TokenGroup
from apps.chargers.services import token_register
from apps.chargers.services.passwords import password_matches
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.chargers.test_admin_stations import logged_in

LIST, ADD, IMPORT = (
    reverse(f"admin:chargers_idtoken_{name}") for name in ("changelist", "add", "import")
)
STATIONS = reverse("admin:chargers_chargingstation_import")
FORM = {
    "id_token": "04A2B3C4", "type": "ISO14443", "status": "Accepted", "charging_priority": "0",
    "is_in_local_lists": "on", "note": "blue card",
}  # fmt: skip


@pytest.fixture
def client(operator_a: Operator) -> Client:
    return logged_in(Role.OPERATIONS)


def send(client: Client, address: str, text: str | bytes, name: str = "list.csv") -> Any:
    content = text if isinstance(text, bytes) else text.encode()
    return client.post(address, {"file": SimpleUploadedFile(name, content, "text/csv")})


def test_a_token_is_added_and_changed_by_its_services(client: Client) -> None:
    contract = {**FORM, "id_token": " FR-CFX-C12345678-X ", "type": "eMAID"}

    assert client.post(ADD, contract).status_code == 302
    token = IdToken.objects.get()
    assert token.id_token == "FRCFXC12345678X", "as the service keeps a contract"
    change = reverse("admin:chargers_idtoken_change", args=[token.pk])
    shown = client.get(change).content.decode()
    assert "•••678X" in shown
    assert token.id_token not in shown
    changed = {**FORM, "id_token": "OTHER", "type": "eMAID", "status": "Blocked"}
    assert client.post(change, changed).status_code == 302

    token.refresh_from_db()
    assert (token.id_token, token.status) == ("FRCFXC12345678X", "Blocked")
    assert token.id_token not in client.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"id_token": "04a2b3c4"}, "id_token", "There is such a token already."),
        ({"id_token": "A" * 37}, "id_token", None),
        (
            {"id_token": "N", "charging_priority": "10"}, "charging_priority",
            "A charging priority is between -9 and 9.",
        ),
        (
            {"id_token": "N", "valid_from_0": "2027-01-02", "valid_from_1": "00:00:00",
             "expires_at_0": "2027-01-01", "expires_at_1": "00:00:00"},
            "expires_at", "The token would expire before it is valid.",
        ),
    ],
)  # fmt: skip
def test_what_the_service_refuses_is_an_error_of_the_form(
    client: Client, changed: dict[str, str], field: str, words: str | None
) -> None:
    token_register(id_token="04A2B3C4")

    reply = client.post(ADD, {**FORM, **changed})

    errors = reply.context_data["adminform"].form.errors
    assert list(errors) == [field]
    assert words is None or errors[field] == [words]
    assert IdToken.objects.count() == 1


def test_a_list_of_tokens_is_imported_with_an_error_for_each_bad_line(client: Client) -> None:
    TokenGroup.objects.create(group_id="FLEET")
    token_register(id_token="OLD-1", note="before")
    text = (
        "\ufefftoken;type;status;group;expires_at;priority;local_lists;note\n"
        "NEW-1;iso15693;;FLEET;2027-01-31;3;no;café\n"
        "old-1;;blocked;;;;;after\n"
        "\n"
        "NEW-1;;;;;;;twice\n"
        ";;;;;;;nothing\n"
        "NEW-2;Plastic;;;;;;\n"
        "NEW-3;;;NOPE;;;;\n"
        "NEW-4;;;;31/01/2027;;;\n"
        "NEW-5;;;;;12;;\n"
        "NEW-6;;;;;;maybe;\n"
        "NEW-7;;;;;;;;too many\n"
    )

    told = send(client, IMPORT, text)

    result = told.context_data["result"]
    assert [count for _word, count in result["counts"]] == [1, 1, 8]
    assert [(line["number"], line["field"]) for line in result["refused"]] == [
        (5, "token"), (6, "token"), (7, "type"), (8, "group"), (9, "expires_at"),
        (10, "priority"), (11, "local_lists"), (12, ""),
    ]  # fmt: skip
    assert "The token is listed twice." in told.content.decode()
    new, old = IdToken.objects.order_by("id_token")
    assert (new.type, new.note, new.charging_priority) == ("ISO15693", "café", 3)
    assert new.group == TokenGroup.objects.get()
    assert not new.is_in_local_lists
    # Midnight of the reader's day: Guadeloupe is 4 hours behind UTC.
    assert new.expires_at is not None
    assert new.expires_at.isoformat() == "2027-01-31T04:00:00+00:00"
    assert (old.id_token, old.status, old.note) == ("OLD-1", "Blocked", "after")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("\n\n", "The list is empty."),
        ("NEW-1\nNEW-2\n", "The first line names the columns"),
        ("token,token\nA,B\n", "The first line names the columns"),
        ("token\nA\0B\n", "This is no text file"),
        (b"token\n" + b"A" * 200_000, "field larger than field limit"),
        (b"token\n" + b"AB\n" * 1_000_000, "The file is too big"),
        ("token\n" + "".join(f"T{n}\n" for n in range(10_001)), "The list has too many lines."),
    ],
    ids=["nothing", "blank", "no header", "twice", "binary", "cell", "big", "long"],
)
def test_what_is_no_list_is_refused_whole(client: Client, text: str | bytes, words: str) -> None:
    told = send(client, IMPORT, text)

    assert told.status_code == 200
    assert words in told.context_data["form"].errors.as_text()
    assert IdToken.objects.count() == 0


def test_latin_1_is_read(client: Client) -> None:
    send(client, IMPORT, "token,note\nNEW-1,café\n".encode("latin-1"))

    assert IdToken.objects.get().note == "café"


def test_a_list_of_stations_is_imported_with_an_error_for_each_bad_line(
    client: Client, station: ChargingStation
) -> None:
    text = "id,password\nCS-100,a-long-password-0001\nCS-101\n../x\nCS-102,short\nCS-001\n"

    told = send(client, STATIONS, text)

    result = told.context_data["result"]
    assert [count for _word, count in result["counts"]] == [2, 0, 1, 2]
    assert [line["number"] for line in result["refused"]] == [4, 5]
    page = told.content.decode()
    assert "A station password has 16 to 40 characters." in page
    (made,) = result["made"]
    assert made.station_id == "CS-101"
    assert made.password in page
    assert "no-store" in told["Cache-Control"]
    stored = ChargingStation.objects.get(station_id="CS-101")
    assert password_matches(made.password, stored.password_hash)


@pytest.mark.parametrize("address", [IMPORT, STATIONS])
def test_who_may_not_add_imports_nothing(operator_a: Operator, address: str) -> None:
    client = logged_in(Role.ANALYST)

    assert send(client, address, "token\nNEW-1\n").status_code == 403
    assert client.get(address).status_code == 403
    assert (IdToken.objects.count(), ChargingStation.objects.count()) == (0, 0)


def test_a_list_goes_to_its_own_operator(client: Client, operator_b: Operator) -> None:
    with operator_context(operator_b.schema_name):
        other = logged_in(Role.OPERATIONS, host="martinique.localhost")
        token_register(id_token="NEW-1", note="of Martinique")

    send(client, IMPORT, "token,note\nNEW-1,of Guadeloupe\n")
    send(other, STATIONS, "CS-7,a-long-password-0001\n")

    with operator_context("guadeloupe"):
        assert IdToken.objects.get().note == "of Guadeloupe"
        assert ChargingStation.objects.count() == 0
    with operator_context("martinique"):
        assert IdToken.objects.get().note == "of Martinique"
        assert ChargingStation.objects.get().station_id == "CS-7"
