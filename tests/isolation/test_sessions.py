"""A cookie of one operator is nothing at another, also when both tables hold the same rows."""

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client

from apps.accounts.binding import BOND
from apps.accounts.channels import user_of_cookie
from apps.accounts.models import User
from apps.accounts.services import user_ensure
from apps.tenants.context import operator_context

pytestmark = pytest.mark.django_db

A_HOST = "guadeloupe.localhost"
B_HOST = "martinique.localhost"


@pytest.fixture
def cookie_of_a() -> str:
    """The session key of an admin of A; B has an admin with the same id and password hash."""
    with operator_context("guadeloupe"):
        admin = user_ensure(username="admin", password="same", is_superuser=True)
        client = Client(headers={"host": A_HOST})
        client.force_login(admin)
        key = client.cookies[settings.SESSION_COOKIE_NAME].value
    with operator_context("martinique"):
        User.objects.filter(username="admin").delete()
        admin.pk = admin.pk
        User.objects.bulk_create([admin])
    return str(key)


def with_cookie(host: str, key: str) -> Client:
    client = Client(headers={"host": host})
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    return client


def test_the_cookie_opens_its_own_operators_admin(cookie_of_a: str) -> None:
    assert with_cookie(A_HOST, cookie_of_a).get("/admin/").status_code == 200


def test_the_cookie_replayed_at_another_operator_opens_nothing(cookie_of_a: str) -> None:
    reply = with_cookie(B_HOST, cookie_of_a).get("/admin/")

    assert reply.status_code == 302
    assert reply.headers["Location"].startswith("/admin/login/")


def test_a_copied_session_row_opens_nothing_either(cookie_of_a: str) -> None:
    with operator_context("guadeloupe"):
        row = Session.objects.get(pk=cookie_of_a)
    with operator_context("martinique"):
        Session.objects.bulk_create([row])

    reply = with_cookie(B_HOST, cookie_of_a).get("/admin/")

    assert reply.status_code == 302
    with operator_context("martinique"):
        assert not Session.objects.filter(pk=cookie_of_a).exists()


def test_a_log_in_is_bound_to_its_schema(cookie_of_a: str) -> None:
    with operator_context("guadeloupe"):
        assert Session.objects.get(pk=cookie_of_a).get_decoded()[BOND] == "guadeloupe"


def test_a_websocket_reads_the_cookie_in_its_own_operator_only(cookie_of_a: str) -> None:
    cookie = f"{settings.SESSION_COOKIE_NAME}={cookie_of_a}"
    with operator_context("guadeloupe"):
        assert user_of_cookie(cookie).is_authenticated
    with operator_context("martinique"):
        assert not user_of_cookie(cookie).is_authenticated


@pytest.mark.parametrize("cookie", ["", "other=1", "cariflex_session=", "\x00=;;;", "a=b;c"])
def test_a_strange_cookie_is_anonymous(operator_a: object, cookie: str) -> None:
    assert not user_of_cookie(cookie).is_authenticated
