"""Card numbers in the log of roaming: whole for those who may see cards, cut for the others."""

import csv
import io
import json
import time
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.ocpi.models import Exchange, Partner
from apps.ocpi.selectors.card_masks import body_masked, error_masked, order_key_masked, path_masked
from apps.outbox.models import OutboxMessage
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.console.test_roaming_pages import NOW, exchange, room_make, text_of

SignIn = Callable[..., Client]
CARD = "04A1B2C3D4E5F6"
TOLD = {
    "uid": CARD, "type": "RFID", "contract_id": "FR-LAG-C12345678-X", "visual_number": "77001234",
    "issuer": "Lagon", "valid": True,
}  # fmt: skip


@pytest.fixture
def lagon(operator_a: Operator, monkeypatch: pytest.MonkeyPatch) -> Partner:
    """Lagon told a card; a push of another one waits."""
    for module in ("roaming_partners", "roaming_log"):
        monkeypatch.setattr(f"apps.console.views.{module}.utc_now", lambda: NOW)
    partner = room_make()
    exchange(
        partner, 6, method="PUT", module="tokens", correlation_id="c-9", status_code=2001,
        path=f"/ocpi/2.2.1/receiver/tokens/FR/LAG/{CARD}?type=RFID",
        request_body=json.dumps(TOLD), error=f"no such card: {CARD}",
        response_body=json.dumps({"status_code": 2001, "status_message": f"bad {CARD}"}),
    )  # fmt: skip
    OutboxMessage.objects.create(
        destination=partner.destination, kind="tokens", payload={}, next_attempt_at=NOW,
        order_key=f"tokens:{CARD}", last_error=f"answered HTTP 404 unknown {CARD}", attempts=1,
    )  # fmt: skip
    return partner


@pytest.fixture
def reader(lagon: Partner) -> Client:
    """Somebody who may read the log and see partners, and not see cards."""
    client = Client(headers={"host": "guadeloupe.localhost", "accept-language": "en"})
    with operator_context("guadeloupe"):
        user = user_ensure(username="reader", password="pw")
        user.user_permissions.set(
            Permission.objects.filter(
                content_type__app_label="ocpi", codename__in=["view_exchange", "view_partner"]
            )
        )
        client.force_login(user)
    return client


def pages(client: Client) -> dict[str, str]:
    one = Exchange.objects.get(correlation_id="c-9")
    return {
        **{
            address: text_of(client, address)
            for address in ("/roaming/log/", f"/roaming/log/{one.pk}/", "/roaming/lagon/")
        },
        **{
            ending: b"".join(client.get(f"/roaming/log/export.{ending}").streaming_content).decode()
            for ending in ("csv", "jsonl")
        },
    }


@pytest.mark.django_db
def test_who_may_not_see_cards_sees_their_last_characters(reader: Client) -> None:
    for address, text in pages(reader).items():
        assert CARD not in text, address
        assert "C12345678" not in text, address
        assert "77001234" not in text, address
        assert "E5F6" in text, address

    stored = Exchange.objects.get(correlation_id="c-9")
    assert CARD in stored.path
    assert CARD in stored.request_body


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.OPERATOR_ADMIN, Role.OPERATIONS, Role.BILLING, Role.ANALYST])
def test_who_may_see_cards_sees_them(role: Role, lagon: Partner, signed_in: SignIn) -> None:
    for address, text in pages(signed_in("guadeloupe", role=role)).items():
        assert CARD in text, address
        assert "•••" not in text, address


@pytest.mark.django_db
def test_a_whole_card_is_found_by_everybody(reader: Client) -> None:
    text = text_of(reader, f"/roaming/log/?q={CARD}", **{"X-Fragment": "live-part"})

    assert text.count("data-exchange=") == 1
    assert CARD not in text


@pytest.mark.django_db
def test_an_export_keeps_all_but_the_cards(reader: Client) -> None:
    found = pages(reader)

    told = next(
        one for line in found["jsonl"].splitlines() if (one := json.loads(line))["error"] != ""
        and one["module"] == "tokens"
    )  # fmt: skip
    assert told["path"] == "/ocpi/2.2.1/receiver/tokens/FR/LAG/•••E5F6?type=RFID"
    assert told["error"] == "no such card: •••E5F6"
    assert json.loads(told["request_body"]) == TOLD | {
        "uid": "•••E5F6", "contract_id": "•••78-X", "visual_number": "•••1234",
    }  # fmt: skip
    assert json.loads(told["response_body"])["status_message"] == "bad •••E5F6"
    rows = list(csv.DictReader(io.StringIO(found["csv"])))
    assert told["path"] in [row["path"] for row in rows]


@pytest.mark.parametrize(
    ("path", "module", "shown"),
    [
        (f"/ocpi/2.2.1/sender/tokens/{CARD}/authorize?type=RFID", "tokens",
         "/ocpi/2.2.1/sender/tokens/•••E5F6/authorize?type=RFID"),
        (f"https://x.example/cards/GP/CFG/{CARD}", "tokens",
         "https://x.example/cards/GP/CFG/•••E5F6"),
        (f"https://x.example/cards/{CARD}/authorize", "tokens",
         "https://x.example/cards/•••E5F6/authorize"),
        (f"/ocpi/2.1.1/tokens/fr/lag/{CARD}/", "tokens", "/ocpi/2.1.1/tokens/fr/lag/•••E5F6/"),
        ("/tokens/FR/LAG/a%20card%20with%2Fslash", "tokens", "/tokens/FR/LAG/•••lash"),
        ("/tokens/FR/LAG/short", "tokens", "/tokens/FR/LAG/•••"),
        (f"/tokens/FR/{CARD}", "", "/tokens/•••/•••E5F6"),
        (f"/x?limit=5&uid={CARD}", "commands", "/x?limit=5&uid=•••E5F6"),
        ("/ocpi/2.2.1/sender/tokens?offset=0&limit=50", "tokens", None),
        ("/ocpi/2.2.1/sender/tokens/", "tokens", None),
        ("/ocpi/2.2.1/receiver/sessions/FR/LAG/S123456789", "sessions", None),
        ("https://x.example/locations/GP/CFG/LOC-123456/EVSE-1", "locations", None),
        ("", "", None),
    ],
)  # fmt: skip
def test_cards_of_addresses(path: str, module: str, shown: str | None) -> None:
    assert path_masked(path, module) == (path if shown is None else shown)


@pytest.mark.parametrize(
    ("body", "module", "shown"),
    [
        ('{"p": 1.500, "uid" : "04A1B2C3D4", "n": null}', "tokens",
         '{"p": 1.500, "uid" : "•••C3D4", "n": null}'),
        ('[{"UID":"04A1B2C3D4"},{"auth_id":"DE8ACC12E46L89"}]', "sessions",
         '[{"UID":"•••C3D4"},{"auth_id":"•••6L89"}]'),
        ('{"visual_number":123456789}', "tokens", '{"visual_number":"•••6789"}'),
        # Cut: what stands at the end is not the card's end.
        ('{"contract_id":"FR-LAG-C123', "cdrs", '{"contract_id":"•••"'),
        ('{"contract_i', "cdrs", None),
        (r'{"u\u0069d":"\u0030412345678"}', "tokens", r'{"u\u0069d":"•••5678"}'),
        # No card: an EVSE, and a member inside a text.
        ('{"uid":"EVSE-1234567","evse_id":"FR*LAG*E1"}', "locations", None),
        (r'{"name":"say \"uid\":\"04A1B2C3D4\""}', "tokens", None),
        ('{"evse_uid":"EVSE-1234567","uid":null,"contract_id":{}}', "sessions", None),
        ("not JSON at all: uid", "tokens", None),
        ("", "tokens", None),
    ],
)  # fmt: skip
def test_cards_of_bodies(body: str, module: str, shown: str | None) -> None:
    assert body_masked(body, module) == (body if shown is None else shown)


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("unknown token 04A1B2C3", "unknown token •••B2C3"),
        ("contract FR-LAG-C12345678-X is blocked", "contract •••78-X is blocked"),
        ("answered HTTP 500, OCPI 3000 authorization unavailable", None),
        ("card DEMO-7 of mine", "card ••• of mine"),
    ],
)
def test_cards_in_what_went_wrong(error: str, shown: str | None) -> None:
    found = error_masked(error, "/tokens/FR/LAG/demo-7", "tokens")

    assert found == (error if shown is None else shown)


def test_objects_that_wait() -> None:
    assert order_key_masked(f"tokens:{CARD}") == "tokens:•••E5F6"
    assert order_key_masked("sessions:1234567890") == "sessions:1234567890"
    assert order_key_masked("ocpi.push") == "ocpi.push"


def test_hostile_bodies_take_no_time() -> None:
    began = time.process_time()
    for body in ('"' * 20_000, '{"a":"' + '\\"' * 9_990, '{"uid":"' * 2_500, "\\" * 20_000,
                 '"uid"' + " " * 19_990, '{"uid":1' + "1" * 19_990):  # fmt: skip
        body_masked(body, "tokens")
    path_masked("/tokens" + "/a" * 245, "tokens")

    # Milliseconds each; something that grows with the square takes minutes.
    assert time.process_time() - began < 5
