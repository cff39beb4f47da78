"""The history of imports: the list, a document with its refused rows, its bytes, asking again."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.console.views import data_imports
from apps.markets.choices import SeriesKind
from apps.markets.models import FeedAccess
from apps.markets.services.series import series_ensure, values_store
from apps.tenants.context import operator_context
from tests.console.data_scene import MIDNIGHT, PUBLISHED, access_build, document_build, given, key

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
Budget = Callable[[int], AbstractContextManager[None]]
PAGE = "/data/imports/"


@pytest.fixture(autouse=True)
def _frozen(monkeypatch: pytest.MonkeyPatch, now: object) -> None:
    monkeypatch.setattr(data_imports, "utc_now", lambda: now)


@pytest.fixture
def here(operator_a: object) -> Iterator[None]:
    with operator_context("guadeloupe"):
        yield


def text_of(client: Client, path: str = PAGE) -> str:
    reply = client.get(path)
    assert reply.status_code == 200, path
    return reply.content.decode()


def test_a_document_tells_what_became_of_it(here: None, signed_in: SignIn, now: object) -> None:
    document = document_build(access_build(now=now), now=now)
    series = series_ensure(key(SeriesKind.PRICE))
    values_store(
        series=series, values=given(MIDNIGHT, 94), published_at=PUBLISHED, document=document
    )
    client = signed_in("guadeloupe")

    row = text_of(client).split(f'data-document="{document.pk}"')[1].split("</tr>")[0]
    text = text_of(client, f"{PAGE}{document.pk}/")

    assert 'data-state="partly"' in row
    assert [cell in row for cell in (">94<", ">2<", "prices.csv", "somebody")] == [True] * 4
    assert "2 refused rows" in text
    assert "line 3, Price: &#x27;x&#x27; is no number" in text
    assert f"/data/series/{series.pk}/?day=2026-11-23" in text
    assert "94 values" in text
    assert "the-secret-token" not in text


def test_what_is_in_a_document_is_never_drawn(here: None, signed_in: SignIn, now: object) -> None:
    document = document_build(access_build(now=now), now=now)
    client = signed_in("guadeloupe")

    text = text_of(client, f"{PAGE}{document.pk}/")
    raw = client.get(f"{PAGE}{document.pk}/raw")

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert(1)" not in text
    assert raw.content == b"Date;Price\n<script>alert(1)</script>;1\n"
    assert raw.headers["Content-Type"] == "application/octet-stream"
    assert raw.headers["X-Content-Type-Options"] == "nosniff"
    assert (
        raw.headers["Content-Disposition"] == f'attachment; filename="document-{document.pk}.bin"'
    )


@pytest.mark.parametrize(
    ("raw", "words"),
    [(b"PK\x03\x04\0\0", "The document is no text."), (b"", "Its bytes are no longer kept."),
     (b"a" * 4001, "The rest is in the file as received.")],
)  # fmt: skip
def test_bytes_that_are_no_text_are_said_so(
    here: None, signed_in: SignIn, now: object, raw: bytes, words: str
) -> None:
    document = document_build(access_build(now=now), now=now, raw=raw)

    assert words in text_of(signed_in("guadeloupe"), f"{PAGE}{document.pk}/")


@pytest.mark.parametrize(
    ("query", "found"),
    [("", 2), ("status=refused", 1), ("feed=entsoe", 1), ("day=2026-11-23", 2),
     ("day=2026-11-22", 0), ("access=999", 0), ("status=x&day=x&access=x&page=7", 2)],
)  # fmt: skip
def test_the_history_is_filtered(
    here: None, signed_in: SignIn, now: object, query: str, found: int
) -> None:
    document_build(access_build(now=now), now=now)
    upload = FeedAccess.objects.create(feed="upload", area="GP")
    document_build(upload, now=now, status="refused", error="holds nothing")

    assert text_of(signed_in("guadeloupe"), f"{PAGE}?{query}").count("data-document=") == found


def test_the_history_keeps_its_budget(
    here: None, signed_in: SignIn, queries_at_most: Budget, now: object
) -> None:
    access = access_build(now=now)
    for n in range(30):
        document_build(access, now=now, sha256=f"{n:064}")
    client = signed_in("guadeloupe")
    text_of(client)

    # Operator, session, user, roles, rights 2; count, documents.
    with queries_at_most(8):
        assert text_of(client).count("data-document=") == 25


def test_what_a_document_answered_is_asked_again(
    here: None, signed_in: SignIn, now: object
) -> None:
    access = access_build(now=now)
    document = document_build(access, now=now)
    client = signed_in("guadeloupe")
    assert f"{PAGE}{document.pk}/retry" in text_of(client, f"{PAGE}{document.pk}/")

    client.post(f"{PAGE}{document.pk}/retry")

    asked = access.requests.get(day=document.day)
    assert (asked.status, asked.next_attempt_at) == ("missing", now)


def test_an_upload_is_not_asked_for_again(here: None, signed_in: SignIn, now: object) -> None:
    upload = FeedAccess.objects.create(feed="upload", area="GP")
    document = document_build(upload, now=now)
    client = signed_in("guadeloupe")
    assert "/retry" not in text_of(client, f"{PAGE}{document.pk}/")

    reply = client.post(f"{PAGE}{document.pk}/retry", follow=True)

    assert "upload the file again" in reply.content.decode()


def test_who_may_not_sees_and_asks_nothing(here: None, signed_in: SignIn, now: object) -> None:
    document = document_build(access_build(now=now), now=now)
    analyst = signed_in("guadeloupe", Role.ANALYST)

    assert "/retry" not in text_of(analyst, f"{PAGE}{document.pk}/")
    assert analyst.post(f"{PAGE}{document.pk}/retry").status_code == 403
    billing = signed_in("guadeloupe", Role.BILLING)
    for path in ("", f"{document.pk}/", f"{document.pk}/raw"):
        assert billing.get(f"{PAGE}{path}").status_code == 403


def test_another_operators_document_is_not_found(
    here: None, signed_in: SignIn, now: object
) -> None:
    document = document_build(access_build(now=now), now=now)
    client = signed_in("martinique")

    assert "data-document=" not in text_of(client)
    for path in (f"{document.pk}/", f"{document.pk}/raw"):
        assert client.get(f"{PAGE}{path}").status_code == 404
    assert client.post(f"{PAGE}{document.pk}/retry").status_code == 404
