"""The pages of tariffs: list, week, editor, issuing, assigning, which one applies."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import translation

from apps.accounts.roles import Role
from apps.billing.models import Tariff, TariffAssignment, TariffVersion
from apps.billing.rating import tariff_parse
from apps.billing.services.tariffs import tariff_assign, tariff_create, tariff_version_issue
from apps.chargers.services import station_register
from apps.console.tariff_words import restriction_words
from apps.markets.models import Series
from apps.tenants.context import operator_context
from tests.billing.tariffs.conftest import content, element

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
HOME = "/billing/tariffs/"
WORKDAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]
DAY = element("0.40", start_time="08:00", end_time="20:00", day_of_week=WORKDAYS)


@pytest.fixture
def draft(operator_a: object, now: datetime, monkeypatch: pytest.MonkeyPatch) -> TariffVersion:
    """The draft of Day: 0.40 on working days from 8 to 20, else 0.25."""
    for module in ("tariffs", "tariff_editor"):
        monkeypatch.setattr(f"apps.console.views.{module}.utc_now", lambda: now)
    with operator_context("guadeloupe"):
        return tariff_create(code="DAY", name="Day", content=content(DAY, element("0.25")), now=now)


@pytest.fixture
def billing(signed_in: SignIn) -> Client:
    return signed_in("guadeloupe", role=Role.BILLING)


def page(draft: TariffVersion, more: str = "") -> str:
    return f"{HOME}{draft.tariff_id}/{more}"


def form_of(*rows: dict[str, str], **more: str) -> dict[str, Any]:
    """A form with rows `e0`, `e1`, ...: `{"ENERGY.price": "0.3"}`."""
    sent: dict[str, Any] = {"row": [f"e{n}" for n in range(len(rows))], "currency": "EUR", **more}
    for n, row in enumerate(rows):
        sent |= {f"e{n}.{name}": value for name, value in row.items()}
    return sent


def test_the_list_says_what_each_costs_and_what_is_in_force(
    billing: Client, draft: TariffVersion, now: datetime, queries_at_most: Any
) -> None:
    with operator_context("guadeloupe"):
        tariff_version_issue(version_id=draft.pk, now=now)
        for n in range(4):
            tariff_create(code=f"T-{n}", name=f"T {n}", now=now)
        tariff_assign(tariff_id=draft.tariff_id, scope="operator", now=now)
    with queries_at_most(12):
        text = billing.get(HOME).content.decode()

    assert "0.40 €/kWh …" in text.replace("\xa0", " ")
    assert "version 1 since" in text
    assert "Draft" in text
    found = billing.get(HOME, {"q": "T 2"}).content.decode()
    assert ("T 2" in found, ">Day<" in found) == (True, False)


def test_a_tariff_is_shown_as_a_week_in_words_and_as_a_bill(
    billing: Client, draft: TariffVersion, now: datetime
) -> None:
    # Monday 23 November 2026; the session comes at 19:00 local and is full at 21:00.
    asked = {"arrival": "2026-11-23T19:00", "kwh": "22", "kw": "11"}

    text = billing.get(page(draft), asked).content.decode().replace("\xa0", " ")

    assert "Monday to Friday, 08:00 to 20:00" in text
    assert text.count('class="level-6') == 5
    assert "Monday 08:00–20:00: 0.40 €/kWh" in text
    assert "Saturday 00:00–24:00: 0.25 €/kWh" in text
    # 11 kWh x 0.40 + 11 kWh x 0.25 = 7.15; x 1.085 = 7.757750
    assert '<strong class="bill-total" id="bill-total">7.76 €</strong>' in text
    part = billing.get(
        page(draft), asked | {"dimension": "TIME"}, headers={"x-fragment": "preview"}
    ).content.decode()
    assert "<html" not in part
    assert part.count("level-0") == 8, "seven free days and the legend"


@pytest.mark.parametrize(
    ("row", "place", "level", "words"),
    [
        ({"ENERGY.price": "abc"}, "e0.ENERGY.price", "errors", "not a number"),
        ({"ENERGY.price": "0.3", "ENERGY.vat": "120"}, "e0.ENERGY.vat", "errors", "0 to 100"),
        ({}, "e0.row", "errors", "one price at least"),
        ({"ENERGY.price": "0.3", "start_time": "25:00"}, "e0.start_time", "errors", "not known"),
        ({"ENERGY.price": "0,3", "min_kwh": "9", "max_kwh": "3"}, "e0.row", "warnings", "never"),
        ({"TIME.price": "2", "ENERGY.price": "-1"}, "e0.ENERGY.price", "warnings", "negative"),
        ({"ENERGY.price": "0.3", "TIME.price": "1"}, "e1.ENERGY.price", "warnings", "never used"),
    ],
)  # fmt: skip
def test_what_is_found_stands_beside_its_field(
    billing: Client, draft: TariffVersion, row: dict[str, str], place: str, level: str, words: str
) -> None:
    sent = form_of(row, {"ENERGY.price": "0.5"})

    answer = billing.post(page(draft, "check"), sent)

    told = json.loads(answer.content)
    assert words in " ".join(told[level][place])
    assert TariffVersion.objects.get().content == draft.content, "checking keeps nothing"


def test_the_check_draws_the_week_while_one_writes(billing: Client, draft: TariffVersion) -> None:
    sent = form_of(
        {"ENERGY.price": "0,35", "ENERGY.vat": "8,5", "max_duration": "30"},
        {"ENERGY.price": "0.45"},
        dimension="ENERGY", at_min="45", kwh="10", kw="20",
    )  # fmt: skip

    told = json.loads(billing.post(page(draft, "check"), sent).content)

    assert (told["errors"], told["warnings"]) == ({}, {})
    assert told["words"] == {"e0": "In the first 30 minutes", "e1": "Always"}
    assert "Sunday 00:00–24:00: 0.45" in told["html"].replace("\xa0", " ")
    # 10 kWh at 20 kW are full in 30 minutes: 3.50 x 1.085 = 3.7975
    assert ">3.80" in told["html"]


def test_a_draft_is_kept_and_issued_for_good(billing: Client, draft: TariffVersion) -> None:
    sent = form_of(
        {"ENERGY.price": "0,35", "ENERGY.vat": "8.5", "ENERGY.step": "1", "FLAT.price": "1",
         "day_of_week": ["0", "6"], "start_time": "22:00", "end_time": "06:00",
         "max_duration": "90"},
        {"ENERGY.price": "0.45", "min_power": "22"},
        change_note="Nights", seen_at=draft.updated_at.isoformat(),
        **{"min_price.excl_vat": "1,5", "alt_text.fr": "La nuit"},
    )  # fmt: skip

    saved = billing.post(page(draft, "save"), sent)
    issued = billing.post(page(draft, "issue"), {"version": draft.pk})
    again = billing.post(page(draft, "save"), sent)

    assert (saved.status_code, issued.status_code, again.status_code) == (302, 302, 404)
    version = TariffVersion.objects.get()
    first, second = version.content["elements"]
    assert first["restrictions"] == {
        "start_time": "22:00", "end_time": "06:00", "max_duration": 5400,
        "day_of_week": ["MONDAY", "SUNDAY"],
    }  # fmt: skip
    assert [(one["type"], one["price"]) for one in first["price_components"]] == [
        ("ENERGY", Decimal("0.35")), ("FLAT", Decimal(1)),
    ]  # fmt: skip
    assert second["restrictions"] == {"min_power": Decimal(22)}
    assert version.content["min_price"] == {"excl_vat": Decimal("1.5")}
    assert version.content["tariff_alt_text"] == [{"language": "fr", "text": "La nuit"}]
    assert (version.state, version.issued_by, version.change_note) == (
        "issued", "somebody", "Nights",
    )  # fmt: skip


def test_two_who_write_the_same_draft(billing: Client, draft: TariffVersion) -> None:
    sent = form_of({"ENERGY.price": "0.35"}, seen_at="2020-01-01T00:00:00Z")

    answer = billing.post(page(draft, "save"), sent)

    assert answer.status_code == 422
    assert "Somebody else has changed this draft" in answer.content.decode()
    assert 'value="0.35"' in answer.content.decode(), "what was written is not lost"


def test_a_stored_draft_comes_back_as_it_was(billing: Client, draft: TariffVersion) -> None:
    text = billing.get(page(draft, "edit")).content.decode()

    assert 'name="e0.ENERGY.price" value="0.4"' in text
    assert text.count('" checked>') == 5
    assert 'name="e0.start_time" value="08:00"' in text


def test_a_market_price_is_written_with_its_cap(
    billing: Client, draft: TariffVersion, now: datetime
) -> None:
    with operator_context("guadeloupe"):
        series = Series.objects.create(area="10YFR-RTE------C")
    sent = form_of(
        {"ENERGY.price": "0.35"}, is_dynamic="on", series=str(series.pk), adder_per_kwh="0,05"
    )

    missing = json.loads(billing.post(page(draft, "check"), sent).content)
    kept = billing.post(page(draft, "save"), sent | {"cap_per_kwh": "0.4"})

    assert "has a cap" in missing["errors"]["cap_per_kwh"][0]
    assert kept.status_code == 302
    assert TariffVersion.objects.get().formula.cap_per_kwh == Decimal("0.4")
    assert "follows the market" in billing.get(page(draft)).content.decode()


def test_assigning_and_which_tariff_applies(
    billing: Client, draft: TariffVersion, now: datetime
) -> None:
    with operator_context("guadeloupe"):
        station_register(station_id="CS-1", rated_power_kw=22, evses=2, connector_type="cType2")
        tariff_version_issue(version_id=draft.pk, now=now)
    for form in (
        {"scope": "operator"}, {"scope": "connector", "station": "CS-1", "evse": "2",
                                "connector": "1", "is_ad_hoc": "on"},
    ):  # fmt: skip
        billing.post(page(draft, "assign"), form)
    billing.post(page(draft, "assign"), {"scope": "station", "station": "CS-9"})

    def answer(**asked: str) -> str:
        return billing.get(f"{HOME}which/", {"at": "2026-11-23T12:00"} | asked).content.decode()

    assert TariffAssignment.objects.count() == 2
    assert "There is no such place to charge." in billing.get(page(draft)).content.decode()
    assert "Connector: CS-1/2/1" in answer(station="CS-1", evse="2", ad_hoc="1")
    assert "Connector: CS-1/2/1" not in answer(station="CS-1", evse="2", token="CARD")
    assert "no such EVSE" in answer(station="CS-1", evse="7")
    assert "No tariff applies" in answer(station="CS-1", at="2020-01-01T00:00")
    first = TariffAssignment.objects.get(scope="operator")
    billing.post(page(draft, f"assignments/{first.pk}/end"))
    assert not TariffAssignment.objects.filter(pk=first.pk).exists(), "it never applied"


def test_ocpi_json_in_and_out(billing: Client, draft: TariffVersion) -> None:
    out = billing.get(page(draft, "export"), {"ocpi": "2.3.0"})
    again = billing.post(
        f"{HOME}import", {"file": SimpleUploadedFile("t.json", out.content)}, follow=True
    )
    other = out.content.replace(b'"DAY"', b'"NIGHT"')
    made = billing.post(f"{HOME}import", {"text": other.decode()}, follow=True)
    odd = billing.post(f"{HOME}import", {"text": "[1"}, follow=True)

    assert b'"price": 0.40' in out.content
    assert "has a draft" in again.content.decode()
    assert "The tariff is here as a draft" in made.content.decode()
    assert "not JSON" in odd.content.decode()
    assert set(Tariff.objects.values_list("code", flat=True)) == {"DAY", "NIGHT"}


ACTS = ("change", "archive", "issue", "assign", "draft", "save", "check", "discard",
        "assignments/1/end")  # fmt: skip


def test_who_may_only_look_changes_nothing(signed_in: SignIn, draft: TariffVersion) -> None:
    client = signed_in("guadeloupe", role=Role.ANALYST)

    assert client.get(HOME).status_code == client.get(page(draft)).status_code == 200
    assert "tariffs-edit" not in client.get(page(draft)).content.decode()
    codes = {client.post(page(draft, act)).status_code for act in ACTS}
    codes |= {client.post(f"{HOME}{act}").status_code for act in ("add", "import")}
    assert codes | {client.get(page(draft, "edit")).status_code} == {403}


def test_pages_of_one_operator_know_nothing_of_anothers(
    signed_in: SignIn, draft: TariffVersion
) -> None:
    client = signed_in("martinique", role=Role.BILLING)

    assert ">Day<" not in client.get(HOME).content.decode()
    for where in ("", "edit", "export"):
        assert client.get(page(draft, where)).status_code == 404
    for act in ("save", "check", "draft", "discard"):
        assert client.post(page(draft, act)).status_code == 404
    for act in ("issue", "assign", "change", "archive"):
        client.post(page(draft, act), {"version": draft.pk, "scope": "operator", "name": "X"})
    with operator_context("guadeloupe"):
        assert TariffVersion.objects.get().state == "draft"
        assert not TariffAssignment.objects.exists()


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ({}, "Always"),
        ({"start_time": "22:00", "end_time": "06:00"}, "22:00 to 06:00 the next day"),
        ({"start_time": "18:00", "end_time": "00:00"}, "18:00 to 24:00"),
        ({"day_of_week": ["SATURDAY", "SUNDAY"]}, "Saturday and Sunday"),
        ({"max_kwh": 10}, "The first 10 kWh"),
        ({"min_kwh": 10, "max_power": 11}, "After 10 kWh, below 11 kW"),
        ({"min_duration": 90}, "After 90 seconds"),
        ({"reservation": "RESERVATION"}, "While reserved"),
    ],
)
def test_conditions_in_words(when: dict[str, Any], words: str) -> None:
    tariff, _notes = tariff_parse(content(element("1", **when)), "2.2.1")

    with translation.override("en"):
        told = restriction_words(tariff.elements[0].restrictions)

    assert told.replace("\xa0", " ") == words


def test_a_time_zone_is_the_operators(billing: Client, draft: TariffVersion) -> None:
    billing.post(page(draft, "issue"), {"version": draft.pk, "valid_from": "2026-12-01T00:00"})

    assert TariffVersion.objects.get().valid_from == datetime(2026, 12, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize("asked", ["9999-12-31T23:59", "0001-01-01T00:00", "nonsense", ""])
def test_odd_times_and_figures_are_no_error_of_the_server(
    billing: Client, draft: TariffVersion, asked: str
) -> None:
    more = {"arrival": asked, "kwh": "1e999", "kw": "0.0000001", "parking": "-5", "at_kwh": "NaN"}

    assert billing.get(page(draft), more).status_code == 200
    assert billing.get(f"{HOME}which/", {"station": "CS-1", "at": asked}).status_code == 200
    billing.post(page(draft, "issue"), {"version": draft.pk, "valid_from": asked})
    assert (TariffVersion.objects.get().state == "issued") == (asked == "")
    assert billing.get(page(draft)).status_code == 200
