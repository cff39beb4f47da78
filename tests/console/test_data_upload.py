"""The pages of an upload: form, preview, taken once, dropped, and who may."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.accounts.roles import Role
from apps.markets.models import ImportedDocument, Series, SeriesValue
from apps.tenants.context import operator_context

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]
PAGE = "/data/upload/"
FORM = {
    "kind": "price", "area": "GP", "currency": "EUR", "unit": "EUR/MWh", "quality": "actual",
    "time_zone": "America/Guadeloupe", "resolution": "15", "price": "Price", "date": "Date",
    "time": "Time", "delimiter": ";", "decimal_mark": ",", "header_line": "1",
}  # fmt: skip
LINES = [f"10/03/2026;{n // 4:02}:{n % 4 * 15:02};{50 + n},5" for n in range(96)]


@pytest.fixture
def here(operator_a: object) -> Iterator[None]:
    with operator_context("guadeloupe"):
        yield


def file_of(lines: list[str], head: str = "Date;Time;Price") -> SimpleUploadedFile:
    return SimpleUploadedFile("day.csv", "\n".join([head, *lines]).encode())


def previewed(client: Client, **changes: Any) -> Any:
    return client.post(f"{PAGE}preview", {**FORM, "file": file_of(LINES), **changes})


def test_a_file_is_previewed_then_taken_once(here: None, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe")
    assert client.get(PAGE).status_code == 200

    to_draft = previewed(client)
    draft = to_draft.headers["Location"]
    text = client.get(draft).content.decode()

    assert to_draft.status_code == 302
    assert 'id="count-new">96<' in text
    assert "96 / 96" in text
    assert text.count("data-value=") == 12
    assert "50.50\u00a0€/MWh" in text
    assert "Every row can be read." in text
    assert not Series.objects.exists()
    first = client.post(f"{draft}take", follow=True)
    second = client.post(f"{draft}take")
    document = ImportedDocument.objects.get()
    assert "96 new or changed values are taken." in first.content.decode()
    assert second.headers["Location"] == f"/data/imports/{document.pk}/"
    assert (document.received_by, document.times_received) == ("somebody", 1)
    assert SeriesValue.objects.count() == 96


def test_bad_rows_stand_there_with_line_and_rule(here: None, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe")
    lines = [*LINES[:2], "10/03/2026;00:30;<b>much</b>", *LINES[3:]]

    text = client.get(previewed(client, file=file_of(lines)).headers["Location"]).content.decode()

    row = text.split('data-fault="4"')[1].split("</tr>")[0]
    assert "&lt;b&gt;much&lt;/b&gt;" in row
    assert "is not a number with decimal mark" in row
    assert "1 fault was found." in text
    assert "95 / 96" in text


def test_a_file_that_cannot_be_read_keeps_the_form_and_the_file(
    here: None, signed_in: SignIn
) -> None:
    client = signed_in("guadeloupe")

    reply = previewed(client, price="Prix")
    text = reply.content.decode()

    assert reply.status_code == 422
    assert '<p class="field-error" id="e-price">' in text
    assert "is not among" in text
    assert "<code>Price</code>" in text
    assert "10/03/2026;00:00;50,5" in text
    held = text.split('name="held" value="')[1].split('"')[0]
    again = client.post(f"{PAGE}preview", FORM | {"held": held})
    assert again.status_code == 302
    assert 'id="count-new">96<' in client.get(again.headers["Location"]).content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"area": ""}, "area"), ({"price": ""}, "price"), ({"kind": "ghi"}, "kind"),
        ({"unit": "MW"}, "unit"), ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"header_line": "0"}, "header_line"), ({"thousands_mark": ","}, "thousands_mark"),
        ({"slot_number": "Q"}, "date"), ({"date": "Jour"}, "date"),
        ({"delimiter": "#"}, "delimiter"),
        ({"date_format": "%s"}, "date_format"), ({"currency": "XYZ"}, "currency"),
        ({"file": SimpleUploadedFile("x.csv", b" ")}, "file"),
        ({"file": SimpleUploadedFile("x.csv", b"x\0y")}, "file"),
    ],
)  # fmt: skip
def test_what_is_refused_stands_beside_its_field(
    here: None, signed_in: SignIn, changes: dict[str, Any], field: str
) -> None:
    reply = previewed(signed_in("guadeloupe"), **changes)

    assert reply.status_code == 422
    assert f'id="e-{field}"' in reply.content.decode()
    assert not ImportedDocument.objects.exists()


def test_a_file_is_asked_for(here: None, signed_in: SignIn) -> None:
    reply = signed_in("guadeloupe").post(f"{PAGE}preview", FORM)

    assert reply.status_code == 422
    assert "Choose a file." in reply.content.decode()


def test_a_dropped_file_is_gone(here: None, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe")
    draft = previewed(client).headers["Location"]

    dropped = client.post(f"{draft}drop", follow=True).content.decode()

    assert "Nothing was taken." in dropped
    assert "no longer kept" in client.get(draft, follow=True).content.decode()
    taken = client.post(f"{draft}take", follow=True).content.decode()
    assert "choose the file again" in taken
    assert not SeriesValue.objects.exists()


def test_the_choice_is_filled_in_again(here: None, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe")
    draft = previewed(client, decimal_mark=",").headers["Location"]
    key = draft.rstrip("/").rpartition("/")[2]

    text = client.get(f"{PAGE}?held={key}").content.decode()

    assert 'name="price" value="Price"' in text
    assert 'value="GP"' in text
    assert "day.csv is kept" in text


def test_what_was_downloaded_can_be_uploaded(here: None, signed_in: SignIn) -> None:
    client = signed_in("guadeloupe")
    client.post(f"{previewed(client).headers['Location']}take")
    series = Series.objects.get()
    content = client.get(f"/data/series/{series.pk}/values.csv?day=2026-03-10").content

    draft = previewed(
        client, file=SimpleUploadedFile("again.csv", content), price="value", date="", time="",
        date_time="start_utc", date_time_format="%Y-%m-%dT%H:%M:%S%z", delimiter=",",
        decimal_mark=".",
    ).headers["Location"]  # fmt: skip

    assert 'id="count-same">96<' in client.get(draft).content.decode()


def test_who_may_only_look_uploads_nothing(here: None, signed_in: SignIn) -> None:
    draft = previewed(signed_in("guadeloupe")).headers["Location"]

    for role in (Role.ANALYST, Role.BILLING):
        client = signed_in("guadeloupe", role)
        assert client.get(PAGE).status_code == 403
        assert client.get(draft).status_code == 403
        assert previewed(client).status_code == 403
        assert client.post(f"{draft}take").status_code == 403
    assert not SeriesValue.objects.exists()


def test_another_operator_does_not_find_the_file(here: None, signed_in: SignIn) -> None:
    draft = previewed(signed_in("guadeloupe")).headers["Location"]
    client = signed_in("martinique")

    assert client.get(draft).headers["Location"] == PAGE
    assert client.post(f"{draft}take").headers["Location"] == PAGE
    for schema in ("guadeloupe", "martinique"):
        with operator_context(schema):
            assert not SeriesValue.objects.exists()
