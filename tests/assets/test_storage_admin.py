"""The page of what is stored, and the form of how long it is kept."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.assets.models import Retention, Sensor
from apps.assets.selectors import StoredTable, storage_months
from apps.assets.services import ReadingRow, readings_store, retention_save
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.assets.conftest import battery_make

PAGE = "/admin/assets/retention/"
FORM = "/admin/assets/retention/1/change/"
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def client(operator_a: Operator) -> Client:
    """The superuser of Guadeloupe, in English."""
    client = Client(headers={"host": "guadeloupe.localhost", "accept-language": "en"})
    client.force_login(user_ensure(username="admin", password="x", is_superuser=True))
    return client


def text_of(client: Client, address: str = PAGE) -> str:
    reply = client.get(address)
    assert reply.status_code == 200
    return " ".join(reply.content.decode().split())


def test_the_page_shows_months_and_the_backlog(client: Client) -> None:
    with operator_context("guadeloupe"):
        battery_make()
        sensor = Sensor.objects.get(quantity="power_kw").pk
        readings_store([ReadingRow(sensor, MARCH + timedelta(days=9), 1.0)])

    text = text_of(client)

    assert "March 2026" in text
    assert "Readings are kept for 6 whole months before this one." in text
    assert "1 stretch of readings waits for its roll-ups." in text
    # March and six whole months after it are kept through September.
    assert "10/01/2026" in text or "Oct. 1, 2026" in text
    assert "Roll-ups of 1 hour:" in text


def test_how_long_is_changed_in_the_form(client: Client) -> None:
    assert "36" in text_of(client, FORM), "the defaults before anybody changed them"
    assert Retention.objects.count() == 0

    reply = client.post(FORM, {"readings_months": "3", "minutes_months": "12"})

    assert reply.status_code == 302
    with operator_context("guadeloupe"):
        retention = Retention.objects.get()
        assert (retention.readings_months, retention.minutes_months) == (3, 12)


def test_roll_ups_that_would_go_before_the_readings_are_refused(client: Client) -> None:
    reply = client.post(FORM, {"readings_months": "9", "minutes_months": "3"})

    assert reply.status_code == 200
    assert "at least as long" in reply.content.decode()
    with operator_context("guadeloupe"):
        assert Retention.objects.count() == 0


def test_a_change_forgets_nothing_of_what_was_dropped(operator_a: Operator) -> None:
    Retention.objects.create(readings_dropped_until=MARCH)

    retention_save(readings_months=1, minutes_months=1)

    assert Retention.objects.get().readings_dropped_until == MARCH


def test_there_is_one_row_that_nobody_adds_or_deletes(client: Client) -> None:
    assert client.get("/admin/assets/retention/add/").status_code == 403
    assert client.get("/admin/assets/retention/1/delete/").status_code in (302, 403)
    assert client.get("/admin/assets/retention/2/change/").status_code == 302


@pytest.mark.parametrize(
    ("role", "page", "form"), [(Role.ANALYST, 200, 403), (Role.BILLING, 403, 403)]
)
def test_who_may_see_and_who_may_change(
    operator_a: Operator, role: Role, page: int, form: int
) -> None:
    user: User = user_ensure(username="someone", password="x", role=role)
    client = Client(headers={"host": "guadeloupe.localhost"})
    client.force_login(user)

    assert client.get(PAGE).status_code == page
    posted = client.post(FORM, {"readings_months": "3", "minutes_months": "12"})
    assert posted.status_code == form


def test_the_page_shows_one_operator(client: Client, operator_b: Operator) -> None:
    with operator_context("martinique"):
        retention_save(readings_months=77, minutes_months=88)

    assert "77" not in text_of(client, FORM)


def test_months_stand_side_by_side() -> None:
    def part(table: str, start: datetime | None) -> StoredTable:
        return StoredTable(table, f"{table}_x", start, start, 1, None)

    readings, minutes = part("assets_reading", APRIL), part("assets_rollup_1m", APRIL)
    old = part("assets_rollup_1m", MARCH)

    months = storage_months([readings, minutes, old, part("assets_rollup_1h", None)])

    assert [(month.start, month.readings, month.minutes) for month in months] == [
        (APRIL, readings, minutes),
        (MARCH, None, old),
    ]
