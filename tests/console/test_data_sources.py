"""The page of sources: how feeds stand, the form of an access, asking again."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.console.views import data_sources
from apps.markets.models import FeedAccess, FeedRequest
from apps.tenants.context import operator_context
from tests.console.data_scene import access_build

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
Budget = Callable[[int], AbstractContextManager[None]]
PAGE = "/data/sources/"
TOKEN = "the-secret-token"  # noqa: S105
FORM = {
    "feed": "entsoe", "area": "10YFR-RTE------C", "base_url": "https://feed.example/api",
    "token": "a-new-token", "quota": "400", "enabled": "on", "s.requests": ["prices", "load"],
    "s.time_zone": "Europe/Paris",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _frozen(monkeypatch: pytest.MonkeyPatch, now: object) -> None:
    monkeypatch.setattr(data_sources, "utc_now", lambda: now)


@pytest.fixture
def here(operator_a: object) -> Iterator[None]:
    with operator_context("guadeloupe"):
        yield


def text_of(client: Client, path: str = PAGE) -> str:
    reply = client.get(path)
    assert reply.status_code == 200, path
    return reply.content.decode()


def test_a_source_tells_how_it_stands(here: None, signed_in: SignIn, now: object) -> None:
    access_build(now=now)

    text = text_of(signed_in("guadeloupe"))

    assert 'data-state="unreachable"' in text
    assert "Source cannot be reached" in text
    assert text.count("no answer within 20 s") == 2
    # Yesterday's call does not count: 3 of 10.
    assert "3 / 10" in text
    assert '<rect width="30" height="8"/>' in text
    assert text.count("data-request=") == 2
    assert "1 failed" in text
    assert TOKEN not in text


def test_a_pause_and_a_used_up_quota_are_shown(here: None, signed_in: SignIn, now: object) -> None:
    access_build(now=now)
    FeedAccess.objects.update(
        state="quota",
        quota_per_day=3,
        paused_until=now + timedelta(hours=9),  # type: ignore[operator]
    )

    text = text_of(signed_in("guadeloupe"))

    # 15:07:30 UTC and 9 h: midnight and 7 minutes UTC, 20:07 in Guadeloupe, also the next attempt.
    assert "Paused until 23 Nov., 20:07" in text
    assert text.count("23 Nov., 20:07") == 2
    assert "tone-bar-bad" in text
    assert "Waiting: quota used up" in text


def test_the_page_keeps_its_budget(
    here: None, signed_in: SignIn, queries_at_most: Budget, now: object
) -> None:
    access_build(now=now)
    for n in range(20):
        access = FeedAccess.objects.create(feed="epex", area=f"A{n}")
        FeedRequest.objects.create(access=access, day=now.date())  # type: ignore[attr-defined]
    client = signed_in("guadeloupe")
    text_of(client)

    # Operator, session, user, roles, rights 2; accesses, requests.
    with queries_at_most(8):
        assert text_of(client).count("data-access=") == 21


def test_a_source_is_set_up_with_what_was_typed(here: None, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe")
    empty = text_of(client, f"{PAGE}add?feed=entsoe")
    assert 'name="s.requests" value="prices" checked' in empty

    reply = client.post(f"{PAGE}save", FORM)

    assert reply.headers["Location"] == PAGE
    access = FeedAccess.objects.get()
    assert (access.token, access.quota_per_day, access.enabled) == ("a-new-token", 400, True)
    assert access.settings == {"requests": ["prices", "load"], "time_zone": "Europe/Paris"}


def test_a_token_is_kept_when_nothing_is_typed_and_never_shown(
    here: None, signed_in: SignIn, now: object
) -> None:
    access = access_build(now=now)
    client = signed_in("guadeloupe")

    form = text_of(client, f"{PAGE}{access.pk}/edit")
    client.post(f"{PAGE}save", FORM | {"access": access.pk, "token": "", "area": "another"})

    assert TOKEN not in form
    assert "A token is kept" in form
    access.refresh_from_db()
    assert (access.token, access.quota_per_day, access.area) == (TOKEN, 400, "10YFR-RTE------C")
    assert access.state == "new"
    assert FeedAccess.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"area": "FR"}, "area", "is not an EIC code of 16 signs"),
        ({"token": ""}, "token", "must not be empty"),
        ({"quota": "many"}, "quota", "1 to 100000, or nothing"),
        ({"quota": "0"}, "quota", "1 to 100000, or nothing"),
        ({"s.time_zone": "Mars/Base"}, "s.time_zone", "Mars/Base is no time zone"),
    ],
)
def test_what_is_refused_stands_beside_its_field(
    here: None, signed_in: SignIn, changes: dict[str, str], field: str, words: str
) -> None:
    reply = signed_in("guadeloupe").post(f"{PAGE}save", FORM | changes)

    text = reply.content.decode()
    assert reply.status_code == 422
    assert f'<p class="field-error" id="e-{field}">{words}</p>' in text
    assert f'aria-describedby="e-{field}"' in text
    assert "a-new-token" not in text
    assert not FeedAccess.objects.exists()


def test_a_second_access_for_an_area_is_refused(here: None, signed_in: SignIn, now: object) -> None:
    access_build(now=now)

    reply = signed_in("guadeloupe").post(f"{PAGE}save", FORM)

    assert reply.status_code == 422
    assert "This area is set up already." in reply.content.decode()
    assert FeedAccess.objects.get().token == TOKEN


def test_a_source_is_switched_off_and_on(here: None, signed_in: SignIn, now: object) -> None:
    access = access_build(now=now)
    client = signed_in("guadeloupe")

    client.post(f"{PAGE}{access.pk}/switch")
    off = text_of(client)
    access.refresh_from_db()
    assert not access.enabled
    assert 'data-state="off"' in off
    client.post(f"{PAGE}{access.pk}/switch", {"enabled": "on"})

    access.refresh_from_db()
    assert (access.enabled, access.token) == (True, TOKEN)


def test_a_request_is_asked_again(here: None, signed_in: SignIn, now: object) -> None:
    access = access_build(now=now)
    failed = access.requests.get(status="unreachable")

    for _twice in range(2):
        reply = signed_in("guadeloupe").post(f"{PAGE}requests/{failed.pk}/retry", follow=True)

    failed.refresh_from_db()
    assert (failed.status, failed.next_attempt_at, failed.last_error) == ("missing", now, "")
    assert "asked for again at the next turn" in reply.content.decode()


def test_who_may_only_look_changes_nothing(here: None, signed_in: SignIn, now: object) -> None:
    access = access_build(now=now)
    request = access.requests.first()
    client = signed_in("guadeloupe", Role.ANALYST)

    text = text_of(client)

    for word in ("/edit", "/switch", "/retry", "/add"):
        assert word not in text
    assert client.get(f"{PAGE}{access.pk}/edit").status_code == 403
    for path in ("save", f"{access.pk}/switch", f"requests/{request.pk}/retry"):
        assert client.post(f"{PAGE}{path}", FORM).status_code == 403
    assert signed_in("guadeloupe", Role.BILLING).get(PAGE).status_code == 403


def test_another_operators_source_is_not_found(here: None, signed_in: SignIn, now: object) -> None:
    access = access_build(now=now)
    failed = access.requests.get(status="unreachable")
    client = signed_in("martinique")

    assert "data-access=" not in text_of(client)
    assert client.get(f"{PAGE}{access.pk}/edit").status_code == 404
    for path in (f"{access.pk}/switch", f"requests/{failed.pk}/retry"):
        assert client.post(f"{PAGE}{path}").status_code == 404
    assert client.post(f"{PAGE}save", FORM | {"access": access.pk}).status_code == 404
    with operator_context("guadeloupe"):
        failed.refresh_from_db()
    assert failed.status == "unreachable"


@pytest.mark.parametrize("path", ["add?feed=upload", "add?feed=x", "add", "999/edit"])
def test_a_source_that_cannot_be_set_up_is_not_found(
    here: None, signed_in: SignIn, path: str
) -> None:
    assert signed_in("guadeloupe").get(f"{PAGE}{path}").status_code == 404
