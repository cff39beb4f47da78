"""Forecasts in a browser: drawn, named, read as a table, by keyboard and on a phone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_use import CONTRAST

pytestmark = [pytest.mark.stack, pytest.mark.browser]
PAGE = "/forecasts/?quantity="
# Something is measured or forecast within the first quarter hour of the stack.
LOOKS = 60
NAMELESS = """() => [...document.querySelectorAll(
    'main a, main button, main select, main [role=img], main section')]
  .filter(node => node.checkVisibility() && !node.closest('[aria-hidden=true]'))
  .filter(node => !(node.ariaLabel || node.getAttribute('aria-labelledby') || node.innerText.trim()
    || (node.labels ?? []).length))
  .map(node => node.outerHTML.slice(0, 120))"""
WIDER = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


def forecast(visit: Callable[..., Visit], quantity: str = "pv", **how: Any) -> Visit:
    """The page as soon as there is something to draw."""
    window = visit(**how)
    for _look in range(LOOKS):
        window.open(PAGE + quantity)
        if window.page.locator("#plot[data-ready]").count():
            return window
        window.page.wait_for_timeout(4_000)
    pytest.fail("the demo island has nothing to draw")


def test_the_day_ahead_is_drawn_and_can_be_read(visit: Callable[..., Visit]) -> None:
    page = forecast(visit).page

    expect(page.locator("#plot-chart canvas").first).to_be_visible()
    legend = page.locator("#plot-legend button")
    expected_now = legend.filter(has_text="Expected now")
    expected_now.click()
    expect(expected_now).to_have_attribute("aria-pressed", "false")
    expected_now.press("Enter")
    expect(expected_now).to_have_attribute("aria-pressed", "true")
    page.locator("details.as-table summary").click()
    # 48 h ahead and what is over of the day.
    assert page.locator("details.as-table tbody tr").count() >= 192
    assert page.locator("tr[data-method]").count() == 4


def test_quantities_days_and_methods_are_reached_by_keyboard(visit: Callable[..., Visit]) -> None:
    page = forecast(visit).page

    page.locator('[data-quantity="price"]').focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**quantity=price")
    expect(page.locator('[data-quantity="price"]')).to_have_attribute("aria-current", "page")
    page.locator('a[rel="prev"]').focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**day=*")
    page.get_by_role("link", name="Today").click()
    expect(page.locator('tr[data-method="flexmeasures"] .badge')).to_be_visible()


@pytest.mark.parametrize(
    ("language", "width", "theme"),
    [("fr", 390, "light"), ("en", 390, "dark"), ("es", 1280, "dark"), ("en", 1280, "light")],
)
def test_it_is_readable_everywhere(
    language: str, width: int, theme: str, visit: Callable[..., Visit], screenshots: Path
) -> None:
    page = forecast(visit, language=language, width=width, theme=theme).page

    page.screenshot(path=screenshots / f"forecasts-{language}-{width}-{theme}.png", full_page=True)

    assert page.evaluate(WIDER) is False
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(CONTRAST) == []
