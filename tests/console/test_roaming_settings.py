"""A partner's settings changed in the console, what of ours it misses, and leaving it."""

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from html import unescape
from typing import Any

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.accounts.services import roles_ensure
from apps.billing.models import BillingAccount
from apps.ocpi.choices import PartnerState
from apps.ocpi.models import Partner, PartnerEndpoint, Party, Published
from apps.ocpi.selectors import required_fields
from apps.ocpi.selectors.required_fields import field_known, fields_lacking, lacking_of
from apps.ocpi.services.partner_settings import settings_of
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.console.test_roaming_pages import room_make, text_of

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
AtMost = Callable[[int], AbstractContextManager[None]]
PAGE = "/roaming/lagon/settings/"


@pytest.fixture
def lagon(operator_a: Operator) -> Partner:
    """Lagon, a mobility provider of 2.2.1 to which locations and sessions are pushed."""
    return room_make()


def form_of(client: Client, **changes: Any) -> dict[str, Any]:
    """The form as it stands on the page, with changes; None takes a field out."""
    text = text_of(client, PAGE)
    form: dict[str, Any] = {}
    for found in re.finditer(r"<input [^>]*>", text):
        names = dict(re.findall(r'([a-z_-]+)="([^"]*)"', found[0]))
        name, value = names.get("name", ""), unescape(names.get("value", "on"))
        if names.get("type") == "checkbox":
            if "checked" not in found[0]:
                continue
            if name == "pushed_kinds":
                form.setdefault(name, []).append(value)
                continue
        form[name] = value
    for found in re.finditer(
        r'<textarea [^>]*name="([a-z_]+)"[^>]*>\n(.*?)</textarea>', text, re.S
    ):
        form[found[1]] = unescape(found[2])
    for found in re.finditer(r'<select [^>]*name="([a-z_]+)".*?</select>', text, re.S):
        chosen = re.search(r'value="([^"]*)" selected', found[0])
        form[found[1]] = chosen[1] if chosen else ""
    form |= changes
    return {name: value for name, value in form.items() if value is not None and name}


def save(client: Client, form: dict[str, Any]) -> str:
    return client.post(f"{PAGE}save", form, follow=True).content.decode()


def published(kind: str, number: int, content: dict[str, Any]) -> Published:
    party = Party.objects.get()
    text = json.dumps({"id": f"{kind}-{number}", **content})
    return Published.objects.create(
        kind=kind, party=party, position=number, object_id=f"{kind}-{number}", content=text,
        content_2_2_1=text, last_updated=utc_now(), created_at=utc_now(),
    )  # fmt: skip


def test_all_settings_are_changed_on_the_page(lagon: Partner, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe", role=Role.OPERATOR_ADMIN)
    account = BillingAccount.objects.create(code="lagon", name="Lagon SA", kind="emsp")

    page = save(
        client,
        form_of(
            client, name="Lagon 2", account_id=str(account.pk),
            pushed_kinds=["locations", "tariffs"], delivery="fifo", session_updates="put",
            session_update_s="30", page_limit="50", pull_limit="1000", timeout_s="12,5",
            authorize_timeout_s="0.8", needs_routing_headers=None, accepts_unencoded_token="on",
            sends_unencoded_token="on", note="Calls on Mondays\r\nonly.",
            required_fields="locations: owner.name\r\n\r\nLocations : evses.evse_id\ntokens:issuer",
        ),
    )  # fmt: skip

    assert "The settings are kept." in page
    lagon.refresh_from_db()
    assert lagon.name == "Lagon 2"
    assert lagon.account == account
    assert lagon.pushed_kinds == ["locations", "tariffs"]
    assert (lagon.delivery, lagon.session_updates, lagon.session_update_s) == ("fifo", "put", 30)
    assert (lagon.page_limit, lagon.pull_limit) == (50, 1000)
    assert (lagon.timeout_s, lagon.authorize_timeout_s) == (12.5, 0.8)
    assert not lagon.needs_routing_headers
    assert lagon.accepts_unencoded_token
    assert lagon.sends_unencoded_token
    assert lagon.note == "Calls on Mondays\nonly."
    assert lagon.required_fields == {
        "locations": ["owner.name", "evses.evse_id"], "tokens": ["issuer"],
    }  # fmt: skip
    assert lagon.state == PartnerState.REGISTERED
    assert lagon.token_out == "secret-out"


def test_a_form_that_is_sent_back_as_it_was_changes_nothing(
    lagon: Partner, signed_in: SignIn
) -> None:
    client = signed_in("guadeloupe", role=Role.OPERATOR_ADMIN)
    Partner.objects.filter(pk=lagon.pk).update(
        required_fields={"locations": ["owner.name"]}, note='A "note" & more', timeout_s=7.25
    )
    lagon.refresh_from_db()
    before = settings_of(lagon)

    save(client, form_of(client))

    lagon.refresh_from_db()
    assert settings_of(lagon) == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "  "}, "Give the partner a name."),
        ({"name": "x" * 101}, "At most 100 characters."),
        ({"account_id": "999999"}, "There is no such choice."),
        ({"account_id": "x"}, "There is no such choice."),
        ({"delivery": "never"}, "There is no such choice."),
        ({"pushed_kinds": ["locations", "cars"]}, "There is no such choice."),
        ({"page_limit": "0"}, "A number from 1 to 1000."),
        ({"page_limit": "many"}, "A number from 1 to 1000."),
        ({"page_limit": "1.5"}, "A number from 1 to 1000."),
        ({"timeout_s": "nan"}, "A number from 0.5 to 60."),
        ({"timeout_s": "1e9"}, "A number from 0.5 to 60."),
        ({"authorize_timeout_s": ""}, "A number from 0.2 to 10."),
        ({"session_update_s": "0"}, "A number from 1 to 86400."),
        ({"required_fields": "locations: owner.name\n\nlocation: name"},
         "Line 3: there is no kind “location”."),
        ({"required_fields": "owner.name"}, "Line 1: write a kind, a colon and a field."),
        ({"required_fields": "locations:"}, "Line 1: write a kind, a colon and a field."),
        ({"required_fields": "locations: owner.nam"},
         "Line 1: locations have no field “owner.nam” in this version of OCPI."),
        # A field of 2.3.0; Lagon speaks 2.2.1.
        ({"required_fields": "locations: parking_places"}, "in this version of OCPI"),
        ({"required_fields": "locations: id\n" * 101}, "At most 100 lines."),
        ({"note": "x" * 5001}, "At most 5000 characters."),
    ],
)  # fmt: skip
def test_a_refusal_names_the_field_and_the_rule(
    changes: dict[str, Any], words: str, lagon: Partner, signed_in: SignIn
) -> None:
    client = signed_in("guadeloupe", role=Role.OPERATOR_ADMIN)
    before = settings_of(lagon)

    page = unescape(save(client, form_of(client, delivery="fifo", **changes)
                         if "delivery" not in changes else form_of(client, **changes)))  # fmt: skip

    (field,) = changes
    assert "Nothing was changed" in page
    assert words in page
    assert f'id="e-{field}"' in page
    lagon.refresh_from_db()
    assert settings_of(lagon) == before


def test_what_was_typed_stays_after_a_refusal(lagon: Partner, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe", role=Role.OPERATOR_ADMIN)

    page = save(client, form_of(client, page_limit="many", note="Keep <me>", delivery="fifo"))

    assert 'value="many"' in page
    assert "Keep &lt;me&gt;" in page
    assert re.search(r'value="fifo" selected', page)


def test_two_people_change_different_things(lagon: Partner, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe", role=Role.OPERATOR_ADMIN)
    first, second = form_of(client, page_limit="20"), form_of(client, note="Mine")

    save(client, first)
    save(client, second)

    lagon.refresh_from_db()
    assert (lagon.page_limit, lagon.note) == (20, "Mine")


def test_two_people_change_the_same_thing(lagon: Partner, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe", role=Role.OPERATOR_ADMIN)
    first = form_of(client, page_limit="20", pull_limit="30")
    second = form_of(client, page_limit="40", pull_limit="30")
    save(client, first)

    page = save(client, second)
    lagon.refresh_from_db()
    kept = lagon.page_limit
    again = {**second, "seen": unescape(re.search(r'name="seen" value="([^"]*)"', page)[1])}  # type: ignore[index]
    save(client, again)

    assert "Somebody else has changed this to 20. Saving again puts yours." in page
    assert 'value="40"' in page
    assert page.count("Somebody else") == 1
    assert kept == 20
    lagon.refresh_from_db()
    assert (lagon.page_limit, lagon.pull_limit) == (40, 30)


def test_a_form_without_what_was_seen_changes_nothing(lagon: Partner, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe", role=Role.OPERATOR_ADMIN)

    for seen in (None, "", "{", '{"name": 1}'):
        assert "came back incomplete" in save(client, form_of(client, name="X", seen=seen))

    lagon.refresh_from_db()
    assert lagon.name == "Lagon Mobility"


@pytest.mark.parametrize("role", [Role.OPERATIONS, Role.BILLING, Role.ANALYST, Role.PARTNER_API])
def test_who_may_not_change_partners_gets_no_form(
    role: Role, lagon: Partner, signed_in: SignIn
) -> None:
    client = signed_in("guadeloupe", role=role)

    assert client.get(PAGE).status_code == 403
    assert client.post(f"{PAGE}save", {"name": "X"}).status_code == 403
    assert client.post("/roaming/lagon/unregister").status_code == 403
    if role != Role.PARTNER_API:
        assert "/settings/" not in text_of(client, "/roaming/lagon/")


def test_another_operators_partner_is_not_there(
    operator_a: Operator, operator_b: Operator, signed_in: SignIn
) -> None:
    partner = room_make()
    with operator_context("martinique"):
        roles_ensure()
    client = signed_in("martinique", role=Role.OPERATOR_ADMIN)

    assert client.get(PAGE).status_code == 404
    for action in ("settings/save", "unregister"):
        assert client.post(f"/roaming/lagon/{action}", {"name": "X"}).status_code == 404

    with operator_context("guadeloupe"):
        partner.refresh_from_db()
    assert (partner.name, partner.state) == ("Lagon Mobility", PartnerState.REGISTERED)


@pytest.mark.parametrize(
    ("kind", "name", "version", "is_known"),
    [
        ("locations", "owner.name", "2.2.1", True),
        ("locations", "evses.connectors.tariff_ids", "2.2.1", True),
        ("locations", "evses.connectors.tariff_id", "2.2.1", False),
        ("locations", "evses.connectors.tariff_id", "2.1.1", True),
        ("locations", "evses.connectors.tariff_id", "", True),
        ("cdrs", "cdr_token.contract_id", "2.2.1", True),
        ("sessions", "auth_id", "2.2.1", False),
        ("sessions", "auth_id", "2.1.1", True),
        ("tariffs", "elements.price_components.vat", "2.2.1", True),
        ("tokens", "visual_number", "2.3.0", True),
        ("tokens", "uid.more", "2.3.0", False),
        ("tokens", "", "2.2.1", False),
        ("tokens", "uid.", "2.2.1", False),
    ],
)
def test_fields_are_those_of_the_version(
    kind: str, name: str, version: str, is_known: bool
) -> None:
    assert field_known(kind, name, version) is is_known


def test_a_value_is_missing_where_there_is_none() -> None:
    location = {
        "name": "", "owner": {"name": "Cariflex"}, "images": [], "publish": False,
        "evses": [{"evse_id": "GP*1"}, {"evse_id": None}], "facilities": ["MALL"],
    }  # fmt: skip
    names = ["name", "owner.name", "owner.website", "images", "images.url", "publish",
             "evses.evse_id", "evses", "facilities", "operator.name", "owner.name.x"]  # fmt: skip

    assert fields_lacking(location, names) == (
        "name", "owner.website", "images", "images.url", "evses.evse_id", "operator.name",
        "owner.name.x",
    )  # fmt: skip


def test_the_page_tells_which_objects_lack_a_field(
    lagon: Partner, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(required_fields, "LOOKED_AT", 3)
    monkeypatch.setattr(required_fields, "EXAMPLES", 1)
    for number in range(1, 5):
        owner = {"owner": {"name": "Cariflex"}} if number == 3 else {}
        published("locations", number, owner)
    client = signed_in("guadeloupe", role=Role.ANALYST)

    without = text_of(client, "/roaming/lagon/")
    Partner.objects.filter(pk=lagon.pk).update(
        required_fields={"locations": ["id", "owner.name"], "tariffs": ["id"]}
    )
    text = text_of(client, "/roaming/lagon/")

    # The newest three of four: 4, 3 and 2; 3 has an owner.
    lagon.refresh_from_db()
    lacking = lacking_of(lagon)
    assert (lacking.count, lacking.looked_at, lacking.is_cut) == (2, 3, True)
    assert "What they miss" not in without
    assert "locations: <strong>locations-4</strong> lacks owner.name" in text
    assert "locations-2" not in text
    assert "3 published objects were looked at." in text
    assert "There are more" in text


def test_what_it_misses_costs_a_query_for_each_kind(
    lagon: Partner, queries_at_most: AtMost
) -> None:
    with queries_at_most(0):
        assert lacking_of(lagon).looked_at == 0
    lagon.required_fields = {"locations": ["owner.name"], "tariffs": ["id"], "cdrs": []}
    for number in range(1, 30):
        published("locations", number, {})

    with queries_at_most(2):
        found = lacking_of(lagon)

    assert (found.count, len(found.examples), found.is_more, found.is_cut) == (29, 20, True, False)


def test_sessions_that_lack_something_are_the_partners_own(lagon: Partner) -> None:
    other = room_make("other", "Other")
    for partner in (lagon, other):
        row = published("sessions", 1 if partner == lagon else 2, {})
        Published.objects.filter(pk=row.pk).update(audience=partner, position=1)
    lagon.required_fields = {"sessions": ["meter_id"]}

    assert [lack.object_id for lack in lacking_of(lagon).examples] == ["sessions-1"]


def test_unregistering_from_a_partner_that_does_not_answer_changes_nothing(
    lagon: Partner, signed_in: SignIn
) -> None:
    client = signed_in("guadeloupe", role=Role.OPERATOR_ADMIN)
    # A name that leads nowhere.
    PartnerEndpoint.objects.create(
        partner=lagon, identifier="credentials", role="SENDER",
        url="https://partner.invalid/credentials",
    )  # fmt: skip
    assert "/roaming/lagon/unregister" in text_of(client, "/roaming/lagon/")

    page = client.post("/roaming/lagon/unregister", follow=True).content.decode()

    assert "Nothing has changed, the partner was not told" in page
    lagon.refresh_from_db()
    assert lagon.state == PartnerState.REGISTERED
    assert lagon.token_out == "secret-out"
    assert lagon.endpoints.filter(identifier="credentials").exists()


@pytest.mark.parametrize("state", [PartnerState.INVITED, PartnerState.GONE])
def test_who_does_not_know_us_is_not_unregistered(
    state: PartnerState, lagon: Partner, signed_in: SignIn
) -> None:
    Partner.objects.filter(pk=lagon.pk).update(state=state)
    client = signed_in("guadeloupe", role=Role.OPERATOR_ADMIN)

    assert "/roaming/lagon/unregister" not in text_of(client, "/roaming/lagon/")
    page = client.post("/roaming/lagon/unregister", follow=True).content.decode()

    assert "The partner is not registered." in page
    lagon.refresh_from_db()
    assert lagon.state == state


def test_numbers_are_written_as_the_reader_writes_them(lagon: Partner, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe", role=Role.OPERATOR_ADMIN)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "fr"

    form = form_of(client, note="Nuit")
    save(client, form)

    assert form["authorize_timeout_s"] == "1,2"
    assert form["page_limit"] == "100"
    lagon.refresh_from_db()
    assert (lagon.authorize_timeout_s, lagon.note) == (1.2, "Nuit")
