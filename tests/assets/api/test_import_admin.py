"""Imports of readings in the back office, and who may send which."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.assets.models import PushGrant, ReadingImport
from apps.assets.services.reading_imports import readings_import
from apps.assets.services.reading_lines import SentLine
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import format_rfc3339, utc_now
from tests.assets.api.conftest import sensor_of, user_of
from tests.assets.conftest import battery_make

IMPORTS = "/admin/assets/readingimport/"
GRANTS = "/admin/assets/pushgrant/"


@pytest.fixture
def client_of(operators: tuple[Operator, Operator]) -> Callable[..., Client]:
    def sign_in(role: Role, schema: str = "guadeloupe") -> Client:
        client = Client(headers={"host": f"{schema}.localhost", "accept-language": "en"})
        with operator_context(schema):
            client.force_login(user_of(role, schema))
        return client

    return sign_in


@pytest.fixture
def of_import(operators: tuple[Operator, Operator]) -> ReadingImport:
    """One good line, and one that is 10 minutes ahead."""
    sensor, now = sensor_of(battery_make()), utc_now()
    lines = [
        SentLine(n, f"the text of line {n}", {"sensor": sensor.pk, "at": at, "value": 1})
        for n, at in enumerate(map(format_rfc3339, (now, now + timedelta(minutes=10))), start=1)
    ]
    sender = user_of(Role.OPERATIONS)
    return readings_import(
        lines=lines, sent_by=sender, name="text/csv", digest="d", now=now
    ).of_import


def test_an_import_shows_its_refused_lines_in_words(
    client_of: Callable[..., Client], of_import: ReadingImport
) -> None:
    page = client_of(Role.OPERATIONS).get(f"{IMPORTS}{of_import.pk}/change/").content.decode()

    assert "the text of line 2" in page
    assert "the text of line 1" not in page
    assert "ahead: the sender&#x27;s clock is wrong." in page
    assert "operations" in page


def test_an_import_is_kept_as_it_is(
    client_of: Callable[..., Client], of_import: ReadingImport
) -> None:
    client = client_of(Role.OPERATOR_ADMIN)

    assert client.get(f"{IMPORTS}add/").status_code == 403
    assert client.post(f"{IMPORTS}{of_import.pk}/change/", {"name": "x"}).status_code == 403
    assert client.post(f"{IMPORTS}{of_import.pk}/delete/", {"post": "yes"}).status_code == 403


def test_another_operator_sees_no_import(
    client_of: Callable[..., Client], of_import: ReadingImport
) -> None:
    client = client_of(Role.OPERATOR_ADMIN, "martinique")

    assert client.get(f"{IMPORTS}{of_import.pk}/change/").status_code == 302
    assert "text/csv" not in client.get(IMPORTS).content.decode()


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.OPERATOR_ADMIN, 302), (Role.OPERATIONS, 403), (Role.ANALYST, 403)],
)
def test_an_operators_admin_says_who_may_send(
    client_of: Callable[..., Client], role: Role, status: int
) -> None:
    partner, battery = user_of(Role.PARTNER_API), battery_make()
    form = {"user": partner.pk, "device": battery.pk}

    reply = client_of(role).post(f"{GRANTS}add/", form)

    assert reply.status_code == status
    assert PushGrant.objects.filter(user=partner, device=battery).exists() == (status == 302)
