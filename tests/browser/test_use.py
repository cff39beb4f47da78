"""Keyboard, theme, language, filters: what a person does with the pages."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit

pytestmark = [pytest.mark.stack, pytest.mark.browser]

CONTRAST = """() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = node => {
    for (let at = node; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (colour.startsWith('rgb') && (parse(colour)[3] ?? 1) === 1) return parse(colour);
    }
    return [255, 255, 255];
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !node.checkVisibility()) continue;
    if (node.closest('svg, script, option, .visually-hidden, .skip-link')) continue;
    const style = getComputedStyle(node);
    if (!style.color.startsWith('rgb(')) continue;
    const [one, other] = [light(parse(style.color)), light(behind(node))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const isLarge = parseFloat(style.fontSize) >= 24;
    if (ratio < (isLarge ? 3 : 4.5)) poor.push(`${node.className} ${ratio.toFixed(2)}`);
  }
  return [...new Set(poor)];
}"""


def focused(page: Page, selector: str) -> bool:
    return bool(page.evaluate("selector => document.activeElement.matches(selector)", selector))


def test_the_keyboard_reaches_a_marker_and_its_card(
    visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = visit()
    window.open("/map/")
    page = window.page
    page.locator(".land").wait_for()

    for _ in range(40):
        page.keyboard.press("Tab")
        if focused(page, ".marker"):
            break

    assert focused(page, ".marker")
    card = page.locator("#map-detail")
    expect(card).to_be_visible()
    name = card.locator("h3").inner_text()
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith(name)
    page.screenshot(path=screenshots / "map-keyboard-en-1280-light.png")

    page.keyboard.press("Tab")
    assert card.locator("h3").inner_text() != name
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()


def test_the_map_moves_and_zooms_by_keys_buttons_and_wheel(visit: Callable[..., Visit]) -> None:
    window = visit()
    window.open("/map/")
    page = window.page
    page.locator(".land").wait_for()

    def box() -> list[float]:
        return [float(n) for n in page.locator("#island").get_attribute("viewBox").split()]  # type: ignore[union-attr]

    whole = box()
    page.locator("#island").focus()
    page.keyboard.press("+")
    zoomed = box()
    page.keyboard.press("ArrowRight")
    moved = box()
    page.click('[data-map="fit"]')
    back = box()
    page.locator("#island").hover()
    page.mouse.wheel(0, -200)
    page.wait_for_function(
        "width => Number(document.getElementById('island').getAttribute('viewBox').split(' ')[2])"
        " < width",
        arg=whole[2],
    )

    assert zoomed[2] < whole[2]
    assert moved[0] > zoomed[0]
    assert back == whole


def test_the_first_tab_stop_skips_to_the_content(visit: Callable[..., Visit]) -> None:
    window = visit()
    window.open("/sessions/")

    window.page.keyboard.press("Tab")
    assert focused(window.page, ".skip-link")
    window.page.keyboard.press("Enter")

    window.page.wait_for_url("**/sessions/#main")
    assert focused(window.page, "#main")


def test_the_list_beside_the_map_filters(visit: Callable[..., Visit]) -> None:
    window = visit()
    window.open("/map/")
    page = window.page

    # Other tests add stations and devices to the thirty of the demo.
    kinds = Counter(
        page.evaluate(
            "JSON.parse(document.getElementById('island-data').textContent)"
            ".assets.map((asset) => asset.kind)"
        )
    )
    count = page.locator("#asset-list li:visible").count()
    assert count == kinds.total()
    assert min(kinds["pv"], kinds["battery"]) >= 10
    left_count = count - kinds["pv"] - kinds["battery"]
    hidden = page.locator("#island :is(.marker-pv, .marker-battery):visible")
    left = page.locator("#island .marker:not(.marker-pv, .marker-battery):visible")
    shown_before, left_before = hidden.count(), left.count()

    page.click('.chips [data-kind="pv"]')
    page.click('.chips [data-kind="battery"]')
    assert page.locator("#asset-list li:visible").count() == left_count
    assert shown_before >= 20
    assert (hidden.count(), left.count()) == (0, left_before)
    page.fill("#filter-text", "nowhere at all")

    expect(page.locator("#no-assets")).to_be_visible()
    assert f"0 of {count}" in page.locator("#shown-count").inner_text()


def test_the_theme_is_kept(visit: Callable[..., Visit]) -> None:
    window = visit()
    window.open("/")
    page = window.page

    page.locator('.top-settings [data-theme-choice="dark"]').click()
    page.reload()

    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(10, 18, 17)"


def test_the_language_is_switched_in_the_header(visit: Callable[..., Visit]) -> None:
    window = visit(language="fr")
    window.open("/plan/")

    window.page.locator('.top-settings button[value="es"]').click()

    expect(window.page.locator("main h1")).to_have_text("Plan de hoy")
    assert window.page.url.endswith("/plan/")


def test_on_a_phone_settings_are_in_the_menu(visit: Callable[..., Visit]) -> None:
    window = visit(width=390)
    window.open("/")
    page = window.page

    page.click("#user-menu summary")
    page.locator('#user-menu [data-theme-choice="dark"]').click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.keyboard.press("Escape")
    expect(page.locator("#user-menu .menu-sheet")).to_be_hidden()


def test_logging_out_closes_the_pages(visit: Callable[..., Visit]) -> None:
    window = visit()
    window.open("/")

    window.page.click("#user-menu summary")
    window.page.get_by_role("button", name="Log out").click()
    window.page.wait_for_url("**/login/")
    window.page.goto(f"{window.base_url}/plan/")

    assert "/login/?next=/plan/" in window.page.url


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_contrast(theme: str, visit: Callable[..., Visit]) -> None:
    window = visit(theme=theme)

    for path in ("/", "/map/", "/sessions/", "/plan/", "/devices/"):
        window.open(path)
        assert window.page.evaluate(CONTRAST) == [], path
