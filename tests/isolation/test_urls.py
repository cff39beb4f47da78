"""Every address of an operator, asked for with another operator's cookie."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.tenants.context import operator_context
from apps.tenants.models import Operator

A_HOST = "guadeloupe.localhost"
B_HOST = "martinique.localhost"
# Open to everybody on purpose.
OPEN = {
    "/login/",
    "/admin/login/",
    "/admin/jsi18n/",
    "/i18n/setlang/",
    "/logout/",
    "/admin/logout/",
}


def patterns(resolver: URLResolver, namespace: str = "") -> Iterator[str]:
    """The name of every address that takes no argument."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from patterns(entry, inner)
        elif isinstance(entry, URLPattern) and entry.name:
            yield namespace + entry.name


def addresses() -> list[str]:
    found = set()
    for name in set(patterns(get_resolver(settings.ROOT_URLCONF))):
        try:
            found.add(reverse(name, urlconf=settings.ROOT_URLCONF))
        except NoReverseMatch:
            continue
    return sorted(found - OPEN)


def logged_in(host: str, schema_name: str) -> Client:
    with operator_context(schema_name):
        user = user_ensure(username="admin", password="same", is_superuser=True)
        client = Client(headers={"host": host})
        client.force_login(user)
    return client


def is_refused(status: int, location: str) -> bool:
    return status in {401, 403} or (status == 302 and "login" in location)


def by_room(found: list[str]) -> dict[str, list[str]]:
    """Addresses by their first two parts: a test each, with one log-in for all of them."""
    rooms: dict[str, list[str]] = {}
    for address in found:
        rooms.setdefault("/".join(address.split("/")[1:3]), []).append(address)
    return rooms


ROOMS = by_room(addresses())


@pytest.mark.parametrize("room", ROOMS)
def test_an_address_is_closed_to_nobody_and_to_another_operators_cookie(
    room: str, operator_a: Operator, operator_b: Operator
) -> None:
    cookie = logged_in(A_HOST, "guadeloupe").cookies[settings.SESSION_COOKIE_NAME].value
    answers = {}
    for address in ROOMS[room]:
        anonymous, replay = Client(headers={"host": B_HOST}), Client(headers={"host": B_HOST})
        replay.cookies[settings.SESSION_COOKIE_NAME] = cookie
        for client in (anonymous, replay):
            reply = client.get(address)
            answers[address, client is replay] = reply.status_code, reply.get("Location", "")

    assert {key: answer for key, answer in answers.items() if not is_refused(*answer)} == {}


@pytest.mark.parametrize("room", [room for room in ROOMS if room.startswith("admin/")])
def test_every_admin_list_opens_for_its_own_admin(room: str, operator_a: Operator) -> None:
    client = logged_in(A_HOST, "guadeloupe")

    answers = {address: client.get(address, follow=True).status_code for address in ROOMS[room]}

    assert {key: status for key, status in answers.items() if status not in {200, 403}} == {}


@pytest.mark.parametrize("address", ["/admin/tenants/operator/", "/admin/tenants/domain/"])
def test_an_operators_admin_sees_no_operators(address: str, operator_a: Operator) -> None:
    assert logged_in(A_HOST, "guadeloupe").get(address).status_code in {403, 404}


def test_a_partners_machine_does_not_enter_the_admin(operator_a: Operator) -> None:
    with operator_context("guadeloupe"):
        partner = user_ensure(username="partner", password="x", role=Role.PARTNER_API)
        client = Client(headers={"host": A_HOST})
        client.force_login(partner)

    assert client.get("/admin/").status_code == 302
