"""Stations and their messages: seen live, ordered to, searched, on every screen."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit

pytestmark = [pytest.mark.stack, pytest.mark.browser]

# An order goes to the station and back within a second; the page asks again each second.
ANSWERED_WITHIN_MS = 20_000


def test_a_station_is_found_ordered_to_and_its_messages_read(
    visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = visit()
    page = window.page
    window.open("/stations/")
    rows = page.locator("tr[data-asset]")
    expect(page.locator("#station-figures")).to_contain_text("Availability")
    total = rows.count()
    assert total > 1

    # A filter, and back.
    station_id = rows.first.get_attribute("data-asset") or ""
    page.get_by_label("Search").fill(station_id)
    page.get_by_role("button", name="Show").click()
    expect(rows).to_have_count(1)
    rows.first.locator("a.row-link").press("Enter")
    page.wait_for_url(re.compile(r"/stations/\d+/$"))
    expect(page.locator("#station")).to_contain_text(station_id)
    expect(page.locator("#station-connectors")).to_contain_text("EVSE 1 / 1")

    # An order by keyboard: what it does is said first, and the answer comes by itself.
    page.locator("#order-report summary").press("Enter")
    expect(page.locator("#order-report")).to_contain_text("tells all its variables")
    page.locator("#order-report-reason").fill("To see what it can do")
    page.locator("#order-report-reason").press("Enter")
    newest = page.locator("#station-orders li").first
    expect(newest).to_contain_text("GetBaseReport")
    expect(newest).to_contain_text("To see what it can do")
    expect(newest.locator(".badge")).to_have_text("Accepted", timeout=ANSWERED_WITHIN_MS)
    page.screenshot(path=screenshots / "station-ordered.png", full_page=True)

    page.get_by_role("link", name="Device model").click()
    page.get_by_label("Search").fill("heartbeat")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr").first).to_contain_text("HeartbeatInterval")

    page.get_by_role("link", name="Messages").click()
    expect(page.locator("#f-station")).to_have_value(station_id)
    page.select_option("#f-action", "GetBaseReport")
    page.wait_for_url(re.compile("action=GetBaseReport"))
    lines = page.locator("details.message")
    lines.last.locator("summary").press("Enter")
    expect(lines.last.locator("pre")).to_contain_text('"reportBase": "FullInventory"')
    # Its answer is found by the message id.
    lines.last.locator("dd a").nth(1).click()
    expect(page.locator("details.message", has_text="CALLRESULT")).to_have_count(1)
    assert "q=" in (page.get_by_role("link", name="CSV").get_attribute("href") or "")

    # New messages by themselves.
    window.open("/messages/?span=hour")
    page.get_by_label("Follow new messages").check()
    newest_message = lines.first.get_attribute("data-message") or ""
    expect(lines.first).not_to_have_attribute(
        "data-message", newest_message, timeout=ANSWERED_WITHIN_MS
    )


@pytest.mark.parametrize(
    ("width", "theme", "language"),
    [(1280, "light", "en"), (390, "dark", "fr")],
)
def test_the_pages_of_stations_fit_every_screen(
    width: int, theme: str, language: str, visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = visit(width=width, theme=theme, language=language)
    page = window.page
    window.open("/stations/")
    station = page.locator("tr[data-asset] a.row-link").first.get_attribute("href")

    for name, path in {
        "stations": "/stations/",
        "station": f"{station}",
        "model": f"{station}?tab=model",
        "events": f"{station}?tab=events",
        "upkeep": f"{station}?tab=upkeep",
        "messages": "/messages/",
    }.items():
        window.open(path)
        text = page.locator("body").inner_text()
        assert not re.search(r"\{\{|\{%|%\(\w+\)s|undefined|NaN", text)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        file = f"{name}-page-{language}-{width}-{theme}.png"
        page.screenshot(path=screenshots / file, full_page=True)
