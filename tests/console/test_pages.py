"""The pages: who may see them, what they show, how much they ask of the database."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation

from apps.accounts.roles import Role
from apps.chargers.models import Session
from apps.tenants.context import operator_context
from tests.console.scene import island_build

pytestmark = pytest.mark.django_db

PAGES = (
    "/", "/map/", "/sessions/", "/plan/", "/devices/", "/alarms/", "/live/snapshot", "/live/day"
)  # fmt: skip
BUDGET = {
    "/": 26, "/map/": 10, "/sessions/": 8, "/plan/": 40, "/devices/": 7, "/alarms/": 11,
    "/live/snapshot": 16, "/live/day": 13,
}  # fmt: skip
"""With an empty cache; operator, session and user count too. More assets add none."""


@pytest.fixture
def scene(operator_a: object, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.console.views.pages.utc_now", lambda: now)
    with operator_context("guadeloupe"):
        island_build(now=now)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_and_keeps_its_budget(
    path: str,
    scene: None,
    signed_in: Callable[..., Client],
    queries_at_most: Callable[[int], AbstractContextManager[None]],
) -> None:
    client = signed_in("guadeloupe")

    with queries_at_most(BUDGET[path]):
        reply = client.get(path)

    assert reply.status_code == 200


@pytest.mark.parametrize("path", [*PAGES, "/sessions/1/"])
def test_a_stranger_is_sent_to_the_log_in(path: str, operator_a: object) -> None:
    reply = Client(headers={"host": "guadeloupe.localhost"}).get(path)

    assert reply.status_code == 302
    assert reply.headers["Location"] == f"/login/?next={path}"


@pytest.mark.parametrize("path", PAGES)
def test_a_partners_machine_has_no_console(
    path: str, scene: None, signed_in: Callable[..., Client]
) -> None:
    assert signed_in("guadeloupe", Role.PARTNER_API).get(path).status_code == 403


@pytest.mark.parametrize("path", PAGES)
def test_a_page_only_reads(path: str, scene: None, signed_in: Callable[..., Client]) -> None:
    assert signed_in("guadeloupe").post(path).status_code == 405


@pytest.mark.parametrize("path", PAGES)
def test_another_operators_pages_show_nothing_of_it(
    path: str, scene: None, signed_in: Callable[..., Client]
) -> None:
    text = signed_in("martinique").get(path).content.decode()

    assert not re.search(r"bat-01|pv-01|CS-1|TX-1", text)


def test_another_operators_session_is_not_found(
    scene: None, signed_in: Callable[..., Client]
) -> None:
    with operator_context("guadeloupe"):
        session_id = Session.objects.get().pk

    assert signed_in("guadeloupe").get(f"/sessions/{session_id}/").status_code == 200
    assert signed_in("martinique").get(f"/sessions/{session_id}/").status_code == 404


def test_the_overview_says_what_the_batteries_follow(
    scene: None, signed_in: Callable[..., Client]
) -> None:
    text = signed_in("guadeloupe").get("/").content.decode()

    assert "Plan in force" in text
    assert "since 11:07" in text
    assert "18.0\u00a0kW" in text
    assert "calculated" in text


@pytest.mark.parametrize("path", [path for path in PAGES if "live" not in path])
def test_a_page_has_nothing_inline_and_nothing_from_elsewhere(
    path: str, scene: None, signed_in: Callable[..., Client]
) -> None:
    reply = signed_in("guadeloupe").get(path)
    text = reply.content.decode()

    policy = reply.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy + ";"
    assert "unsafe" not in policy
    assert " style=" not in text
    assert not re.search(r"\son[a-z]+=", text)
    scripts = re.findall(r"<script([^>]*)>", text)
    assert all("src=" in script or 'type="application/json"' in script for script in scripts)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)


def test_rows_and_lists_are_served_as_fragments(
    scene: None, signed_in: Callable[..., Client]
) -> None:
    client = signed_in("guadeloupe")

    rows = client.get("/sessions/", headers={"X-Fragment": "rows"})
    lists = client.get("/devices/", headers={"X-Fragment": "devices"})
    alarms = client.get("/alarms/", headers={"X-Fragment": "alarms"})

    assert "<html" not in rows.content.decode()
    assert 'data-session="' in rows.content.decode()
    assert "<html" not in lists.content.decode()
    assert "<html" not in alarms.content.decode()
    assert rows.headers["Vary"].split(",")[0] == "X-Fragment"


@pytest.mark.parametrize(
    ("query", "count"),
    [("", 1), ("state=active", 1), ("state=ended", 0), ("station=CS-1", 1), ("station=CS-2", 0),
     ("q=gosier", 1), ("q=tx-1", 1), ("q=nothing", 0), ("page=99", 1), ("page=x", 1),
     ("state=%27%3B--", 0)],
)  # fmt: skip
def test_sessions_are_filtered(
    query: str, count: int, scene: None, signed_in: Callable[..., Client]
) -> None:
    text = signed_in("guadeloupe").get(f"/sessions/?{query}").content.decode()

    assert text.count("<tr data-session=") == count


def test_a_token_is_masked(scene: None, signed_in: Callable[..., Client]) -> None:
    text = signed_in("guadeloupe").get("/sessions/").content.decode()

    assert "GP-CAR-0001" not in text


@pytest.mark.parametrize("language", ["fr", "en", "es"])
def test_the_language_is_chosen_and_kept(
    language: str, scene: None, signed_in: Callable[..., Client]
) -> None:
    client = signed_in("guadeloupe")

    client.post("/i18n/setlang/", {"language": language, "next": "/"})
    text = client.get("/").content.decode()

    assert f'<html lang="{language}"' in text
    with translation.override(language):
        assert translation.gettext("Power flow") in text


@pytest.mark.parametrize(
    ("cookie", "theme"), [("dark", "dark"), ("light", "light"), ('"><script>', "auto")]
)
def test_the_theme_comes_from_its_cookie(
    cookie: str, theme: str, scene: None, signed_in: Callable[..., Client]
) -> None:
    client = signed_in("guadeloupe")
    client.cookies["cariflex_theme"] = cookie

    assert f'data-theme="{theme}"' in client.get("/").content.decode()


def test_the_log_in_page_signs_in_and_refuses(operator_a: object) -> None:
    from apps.accounts.services import user_ensure

    with operator_context("guadeloupe"):
        user_ensure(username="ops", password="right", role=Role.OPERATIONS)
    client = Client(headers={"host": "guadeloupe.localhost", "accept-language": "en"})

    refused = client.post("/login/", {"username": "ops", "password": "wrong"})
    accepted = client.post("/login/", {"username": "ops", "password": "right", "next": "/map/"})

    assert "The user name or the password is wrong" in refused.content.decode()
    assert (accepted.status_code, accepted.headers["Location"]) == (302, "/map/")


def test_a_missing_page_is_in_the_same_design(
    scene: None, signed_in: Callable[..., Client]
) -> None:
    reply = signed_in("guadeloupe").get("/nothing/here/")

    assert reply.status_code == 404
    assert "Page not found" in reply.content.decode()
    assert "console/base.css" in reply.content.decode()


def test_the_scripts_stay_small() -> None:
    import gzip

    root = Path(settings.BASE_DIR) / "static"
    files = [*root.glob("console/*.js"), *root.glob("vendor/**/*.js")]

    size = sum(len(gzip.compress(file.read_bytes())) for file in files)

    assert len(files) > 5
    assert size < 150_000
