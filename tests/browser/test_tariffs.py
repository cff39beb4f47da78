"""A tariff from its first price to where it applies, by mouse and keyboard."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_use import CONTRAST
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]
OCPI = {
    "id": "BROWSER-2", "currency": "EUR",
    "elements": [{"price_components": [{"type": "ENERGY", "price": 0.3, "step_size": 1}]}],
}  # fmt: skip


def billing(visit: Callable[..., Visit], stack: Stack, **how: Any) -> Visit:
    """A window of the demo's billing clerk."""
    window = visit(signed_in=False, **how)
    page = window.page
    page.goto(f"{window.base_url}/login/")
    page.fill("#id_username", "billing")
    page.fill("#id_password", stack.password)
    page.click("main button.button-primary")
    page.wait_for_url(f"{window.base_url}/")
    return window


def test_a_tariff_is_written_tried_issued_and_assigned(
    visit: Callable[..., Visit], stack: Stack, screenshots: Path
) -> None:
    window = billing(visit, stack, width=1280)
    page = window.page
    window.open("/billing/tariffs/")
    page.locator("summary", has_text="New tariff").click()
    page.fill("#n-name", "Browser")
    page.fill("#n-code", "BROWSER-1")
    page.get_by_role("button", name="Make and write prices").click()

    page.locator("#tariff-form[data-ready]").wait_for()

    # The first row is energy; a second one with the day's price, moved before it by keyboard.
    rows = page.locator("#rows > li")
    first, second = rows.nth(0), rows.nth(1)
    first.get_by_label("Energy: price before taxes").fill("0.28")
    page.get_by_role("button", name="Add a row").click()
    second.get_by_label("Energy: price before taxes").fill("0.42")
    second.get_by_label("Energy: tax in percent").fill("8.5")
    second.get_by_text("When it applies").click()
    second.locator("input[type=time]").nth(0).fill("07:00")
    second.locator("input[type=time]").nth(1).fill("21:00")
    expect(second.locator(".field-warning")).to_contain_text("An earlier row always applies first")
    second.get_by_role("button", name="Move the row up").press("Enter")
    expect(rows.nth(0).locator("[data-words]")).to_have_text("07:00 to 21:00")
    expect(page.locator(".field-warning")).to_have_count(0)
    expect(page.locator("#check-result")).to_have_text("No problem found.")
    expect(page.locator("#week td", has_text="0.42")).to_have_count(7)

    # 20 kWh at 11 kW from 12:00 on: 20 x 0.42 x 1.085 = 9.114
    page.fill("#a-arrival", "2026-11-24T12:00")
    expect(page.locator("#bill-total")).to_have_text(re.compile(r"9\.11\s€"))
    page.fill("#a-kwh", "x")
    page.fill("#a-kwh", "10")
    expect(page.locator("#bill-total")).to_have_text(re.compile(r"4\.56\s€"))
    page.locator("#dimension").get_by_role("button", name="Charging time").click()
    expect(page.locator("#week")).to_have_attribute("data-dimension", "TIME")
    page.locator("#dimension").get_by_role("button", name="Energy").press("Enter")
    page.screenshot(path=screenshots / "tariffs-edit-en-1280-light.png", full_page=True)
    assert page.evaluate(CONTRAST) == []

    page.get_by_role("button", name="Keep the draft").click()
    page.get_by_role("button", name="Issue for good").click()
    expect(page.get_by_text("It never changes again.", exact=False).first).to_be_visible()
    page.locator(".card-more summary").click()
    page.select_option("#s-scope", "operator")
    page.get_by_role("checkbox", name="Only for people without a contract").check()
    page.fill("#s-from", "2030-01-01T00:00")
    page.locator("#assign-form").get_by_role("button", name="Assign").click()
    expect(page.get_by_role("cell", name="Whole operator without a contract")).to_be_visible()
    page.screenshot(path=screenshots / "tariffs-detail-en-1280-light.png", full_page=True)
    # Nobody is to pay it after the test.
    page.get_by_role("button", name="End now").click()
    expect(page.get_by_text("It applies nowhere yet.")).to_be_visible()


def test_the_pages_on_a_phone_at_night_in_french(
    visit: Callable[..., Visit], stack: Stack, screenshots: Path
) -> None:
    window = billing(visit, stack, language="fr", width=390, theme="dark")
    page = window.page
    window.open("/billing/tariffs/")
    page.screenshot(path=screenshots / "tariffs-fr-390-dark.png", full_page=True)
    page.locator("details", has=page.locator("#i-text")).locator("summary").click()
    page.fill("#i-text", json.dumps(OCPI))
    page.locator("form[action$=import] button[type=submit]").press("Enter")
    expect(page.locator("#rows > li")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(CONTRAST) == []
    page.screenshot(path=screenshots / "tariffs-edit-fr-390-dark.png", full_page=True)
    page.locator("form[action$=discard] button").press("Enter")
    expect(page).to_have_url(re.compile(r"/billing/tariffs/$"))
    window.open("/billing/tariffs/which/")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(CONTRAST) == []
    page.screenshot(path=screenshots / "tariffs-which-fr-390-dark.png", full_page=True)
