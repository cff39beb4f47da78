"""The island price tells why, alerts come and go, a calendar is written with its week drawn."""

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_use import CONTRAST

pytestmark = [pytest.mark.stack, pytest.mark.browser]
SLOTS = 96
LOOKS = 60


def priced(visit: Callable[..., Visit], **how: Any) -> Visit:
    """The day of today as soon as it has prices: feeds and computation begin with the stack."""
    window = visit(**how)
    for _look in range(LOOKS):
        window.open("/data/island/")
        if window.page.locator("#island-charts[data-ready]").count():
            return window
        window.page.wait_for_timeout(2_000)
    pytest.fail("the demo island has no price today")


def forgive_refusals(window: Visit) -> None:
    """A page that says what is wrong comes with status 422, which the browser notes."""
    window.faults[:] = [fault for fault in window.faults if "422" not in fault]


def amount(text: str) -> Decimal:
    return Decimal(re.sub(r"\s", "", text).replace("\u2212", "-").replace(",", "."))


def part(page: Page, name: str) -> Locator:
    return page.locator(f'[data-part="{name}"]')


def test_a_quarter_hour_says_why_it_costs_what_it_costs(
    visit: Callable[..., Visit], screenshots: Path
) -> None:
    page = priced(visit).page
    charts, time = page.locator("#island-charts"), page.locator("#why-time")

    charts.focus()
    page.keyboard.press("Home")
    expect(time).to_have_text("00:00–00:15")
    page.keyboard.press("ArrowRight")
    expect(time).to_have_text("00:15–00:30")
    page.keyboard.press("PageUp")
    expect(time).to_have_text("01:15–01:30")
    expect(charts).to_have_attribute("aria-valuenow", "5")
    page.keyboard.press("End")
    expect(time).to_have_text("23:45–00:00")

    # The middle of the 79th quarter hour: 19:30, in the evening peak.
    box = charts.locator(".plot-price svg").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 78.5 / SLOTS, box["y"] + box["height"] / 2)
    expect(time).to_have_text("19:30–19:45")
    expect(part(page, "scarcity").locator("[data-words]")).to_have_text(
        re.compile(r"Peak window Pointe du soir|Alert: ")
    )
    total = amount(page.locator("#why-total").inner_text())
    amounts = [
        amount(part(page, name).locator("[data-amount]").inner_text())
        for name in ("base", "carbon", "scarcity", "curtailment")
    ]
    assert sum(amounts) == total
    assert amounts[2] >= 60
    # No mix is published of hours to come; a day that ran before fills them in.
    expect(part(page, "carbon").locator("[data-words]")).to_have_text(
        re.compile(r"g/kWh × 80\s€/t|The CO2 intensity is not known")
    )
    page.get_by_role("button", name="Quarter hour before").click()
    expect(time).to_have_text("19:15–19:30")

    page.locator("#slots-table summary").click()
    expect(page.locator("#slots-table tbody tr")).to_have_count(SLOTS)
    page.locator("#slots-table").get_by_role("link", name="04:00").click()
    expect(time).to_have_text("04:00–04:15")
    page.screenshot(path=screenshots / "island-price-en-1280-light.png", full_page=True)
    assert page.evaluate(CONTRAST) == []


def test_an_alert_is_declared_and_cancelled(visit: Callable[..., Visit]) -> None:
    window = priced(visit)
    page = window.page
    form = page.locator("#alert-form")
    page.get_by_role("link", name="Tomorrow").click()
    day = page.locator(".day-pick input").input_value()

    form.get_by_label("From").fill(f"{day}T10:00")
    form.get_by_label("Until").fill(f"{day}T09:00")
    form.get_by_label("Addition").fill("80")
    form.get_by_label("Reason").fill("Browser drill")
    form.get_by_role("button", name="Declare").click()
    expect(form.locator('[data-field="end"]')).to_have_text("The end is not after the start.")
    forgive_refusals(window)
    form.get_by_label("Until").fill(f"{day}T11:00")
    form.get_by_role("button", name="Declare").press("Enter")

    row = page.locator("tr", has_text="Browser drill").first
    expect(row.locator('[data-state="to_come"]')).to_have_text("To come")
    row.get_by_role("button", name="Cancel").click()
    row = page.locator("tr", has_text="Browser drill").first
    expect(row.locator('[data-state="cancelled"]')).to_have_text("Cancelled")


def test_a_calendar_is_written_and_its_week_redrawn(
    visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = visit()
    page = window.page
    window.open("/data/calendars/")
    new = page.locator("details", has=page.locator("#n-name"))
    if new.get_attribute("open") is None:
        new.locator("summary").click()
    page.fill("#n-name", "Browser")
    page.get_by_role("button", name="Make and fill in").click()
    page.locator("#calendar-form[data-ready]").wait_for()
    cells = page.locator("#week td")
    # Seven days and the public holidays, one level each.
    expect(cells).to_have_count(8)

    page.get_by_label("Price of the level").fill("120")
    page.get_by_role("button", name="Add a level").click()
    page.get_by_label("Name of the level").nth(1).fill("Evening")
    page.get_by_label("Price of the level").nth(1).fill("310,50")
    page.get_by_role("button", name="Add a window").press("Enter")
    rows = page.locator(".window-row")
    expect(rows).to_have_count(1)
    expect(rows.nth(0).get_by_label("from")).to_be_focused()
    rows.nth(0).get_by_label("from").fill("19:00")
    rows.nth(0).get_by_label("to", exact=True).fill("22:00")
    rows.nth(0).get_by_label("Price level").select_option("Evening")
    expect(page.locator('#week td[title*="19:00–22:00: Evening, 310.50"]')).to_have_count(8)
    expect(page.locator("#check-result")).to_have_text("No problem found.")

    page.get_by_role("button", name="Add a window").click()
    rows.nth(1).get_by_label("from").fill("21:00")
    rows.nth(1).get_by_label("to", exact=True).fill("00:00")
    rows.nth(1).get_by_label("Price level").select_option("Evening")
    expect(page.locator("#week td.overlap")).to_have_count(8)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#not-saved")).to_contain_text(
        "All year · All days · 21:00–24:00: 21:00–24:00 overlaps 19:00–22:00 at 21:00."
    )
    forgive_refusals(window)
    page.screenshot(path=screenshots / "calendars-overlap-en-1280-light.png", full_page=True)
    assert page.evaluate(CONTRAST) == []

    page.locator("#calendar-form[data-ready]").wait_for()
    rows.nth(1).get_by_role("button", name="Remove the window").click()
    expect(rows).to_have_count(1)
    expect(page.locator("#week td.overlap")).to_have_count(0)
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_text("The calendar is saved.")).to_be_visible()
    expect(page.locator('#week td[title*="19:00–22:00: Evening, 310.50"]')).to_have_count(8)


def test_the_pages_on_a_phone_at_night_in_french(
    visit: Callable[..., Visit], screenshots: Path
) -> None:
    page = priced(visit, language="fr", width=390, theme="dark").page
    page.locator("#island-charts .plot-price").tap()
    page.screenshot(path=screenshots / "island-price-fr-390-dark.png", full_page=True)
    narrow = [page.evaluate("document.documentElement.scrollWidth")]
    poor = page.evaluate(CONTRAST)
    base = page.url.split("/data/")[0]
    for name, path in (("island-settings", "/data/island/settings/"),
                       ("calendars", "/data/calendars/")):  # fmt: skip
        page.goto(f"{base}{path}")
        narrow.append(page.evaluate("document.documentElement.scrollWidth"))
        poor += page.evaluate(CONTRAST)
        page.screenshot(path=screenshots / f"{name}-fr-390-dark.png", full_page=True)
    page.get_by_role("link", name="Tarif de l'île").click()
    page.locator("#calendar-form[data-ready]").wait_for()
    narrow.append(page.evaluate("document.documentElement.scrollWidth"))
    poor += page.evaluate(CONTRAST)
    page.screenshot(path=screenshots / "calendars-edit-fr-390-dark.png", full_page=True)

    assert max(narrow) <= 390
    assert poor == []
