"""Tokens to the API: hashed, shown once, revoked; who makes them."""

import logging
import secrets
from datetime import timedelta

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from apps.accounts.models import ApiToken, User
from apps.accounts.roles import Role
from apps.accounts.services import token_create, token_revoke, user_ensure
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

pytestmark = pytest.mark.usefixtures("operator_a")
TOKENS = "/admin/accounts/apitoken/"
SITES = "/api/v1/sites"
DAY = timedelta(days=1)


def user(role: Role = Role.ANALYST, name: str = "someone") -> User:
    return user_ensure(username=name, password="x", role=role)


def api(key: str) -> Client:
    # Failures are counted by address, and the count outlives the test.
    headers = {"host": "guadeloupe.localhost", "authorization": f"Bearer {key}"}
    return Client(headers=headers, REMOTE_ADDR=secrets.token_hex(4))


def admin(role: Role = Role.OPERATOR_ADMIN) -> Client:
    client = Client(headers={"host": "guadeloupe.localhost", "accept-language": "en"})
    client.force_login(user(role, "boss"))
    return client


def test_the_key_itself_is_nowhere_in_the_database() -> None:
    token, key = token_create(user=user(), name="gateway", lifetime=DAY)

    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM accounts_apitoken t")
        [(row,)] = cursor.fetchall()

    assert key.startswith("cfx_")
    assert len(key) == 68
    assert key not in row
    assert key[15:] not in row
    assert token.token_key == key[:15]
    assert len(token.digest) == 128


def test_a_token_acts_as_its_user_until_it_expires() -> None:
    _token, key = token_create(user=user(), name="gateway", lifetime=DAY)

    assert api(key).get(SITES).status_code == 200
    with time_machine.travel(utc_now() + DAY - timedelta(minutes=1)):
        assert api(key).get(SITES).status_code == 200
    with time_machine.travel(utc_now() + DAY + timedelta(minutes=1)):
        assert api(key).get(SITES).status_code == 401


def test_a_revoked_token_is_nothing() -> None:
    token, key = token_create(user=user(), name="gateway", lifetime=DAY)

    token_revoke(token=token)

    assert api(key).get(SITES).status_code == 401


def test_a_role_that_is_taken_away_is_taken_from_the_token_too() -> None:
    someone = user()
    _token, key = token_create(user=someone, name="gateway", lifetime=DAY)

    someone.groups.clear()

    assert api(key).get(SITES).status_code == 403


def test_the_use_is_noted_to_the_minute() -> None:
    token, key = token_create(user=user(), name="gateway", lifetime=DAY)
    start = utc_now()

    def used_at(after_s: float) -> float:
        with time_machine.travel(start + timedelta(seconds=after_s), tick=False):
            api(key).get(SITES)
        token.refresh_from_db()
        assert token.last_used_at is not None
        return (token.last_used_at - start).total_seconds()

    assert token.last_used_at is None
    assert [round(used_at(s), 3) for s in (0, 30, 59, 60, 70)] == [0, 0, 0, 60, 60]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "  "}, "token.name_missing"),
        ({"lifetime": timedelta(0)}, "token.lifetime"),
        ({"lifetime": timedelta(days=367)}, "token.lifetime"),
    ],
)
def test_a_token_has_a_name_and_an_end(change: dict[str, object], code: str) -> None:
    with pytest.raises(DomainError) as refused:
        token_create(**{"user": user(), "name": "gateway", "lifetime": DAY, **change})  # type: ignore[arg-type]

    assert refused.value.code == code
    assert ApiToken.objects.count() == 0


def test_an_inactive_user_gets_none() -> None:
    someone = user()
    someone.is_active = False
    someone.save()

    with pytest.raises(DomainError, match="not active"):
        token_create(user=someone, name="gateway", lifetime=DAY)


def test_nobody_rises_by_a_superusers_token() -> None:
    above = user_ensure(username="root", password="x", is_superuser=True)

    with pytest.raises(DomainError, match="only a superuser"):
        token_create(user=above, name="x", lifetime=DAY, created_by=user(Role.OPERATOR_ADMIN))
    assert token_create(user=above, name="x", lifetime=DAY, created_by=above)[1]


def test_the_admin_shows_a_new_token_once() -> None:
    client = admin()
    form = {"user": user().pk, "name": "Gateway 7", "days": "30"}

    page = client.post(f"{TOKENS}add/", form)

    token = ApiToken.objects.get()
    key = page.content.decode().partition('id="token"')[2].partition(">")[2].partition("<")[0]
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    assert api(key).get(SITES).status_code == 200
    assert token.expiry is not None
    assert timedelta(days=29) < token.expiry - utc_now() <= timedelta(days=30)
    assert token.created_by == User.objects.get(username="boss")

    for address in (TOKENS, f"{TOKENS}{token.pk}/change/"):
        again = client.get(address).content.decode()
        assert key[:15] in again
        assert key[:20] not in again
    assert not any(key[:20] in str(s.get_decoded()) for s in Session.objects.all())
    assert key[:20] not in "".join(map(str, LogEntry.objects.values_list("object_repr", flat=True)))


def test_the_admin_revokes_by_deleting() -> None:
    token, key = token_create(user=user(), name="gateway", lifetime=DAY)

    reply = admin().post(f"{TOKENS}{token.pk}/delete/", {"post": "yes"})

    assert reply.status_code == 302
    assert api(key).get(SITES).status_code == 401


def test_the_admin_explains_a_refusal_at_its_field() -> None:
    above = user_ensure(username="root", password="x", is_superuser=True)

    page = admin().post(f"{TOKENS}add/", {"user": above.pk, "name": "x", "days": "1"})

    assert "Only a superuser makes a superuser&#x27;s token." in page.content.decode()
    assert ApiToken.objects.count() == 0


@pytest.mark.parametrize("role", [Role.OPERATIONS, Role.BILLING, Role.ANALYST])
def test_only_an_operators_admin_manages_tokens(role: Role) -> None:
    token, _key = token_create(user=user(), name="gateway", lifetime=DAY)
    client = admin(role)

    assert client.get(TOKENS).status_code == 403
    assert client.get(f"{TOKENS}add/").status_code == 403
    assert client.post(f"{TOKENS}{token.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_same_row_at_another_operator_would_be_needed_there(operator_b: Operator) -> None:
    _token, key = token_create(user=user(), name="gateway", lifetime=DAY)
    with operator_context("martinique"):
        user_ensure(username="someone", password="x", role=Role.ANALYST)

    client = Client(headers={"host": "martinique.localhost", "authorization": f"Bearer {key}"})

    assert client.get(SITES).status_code == 401


def test_keys_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    _token, key = token_create(user=user(), name="gateway", lifetime=DAY)

    api(key).get(SITES)
    api(key + "0").get(SITES)
    api(key).get("/api/v1/nothing")

    assert key not in caplog.text
    assert key[15:] not in caplog.text


def test_the_token_table_of_the_library_is_not_made() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname = 'knox_authtoken'")
        assert cursor.fetchone() == (0,)
