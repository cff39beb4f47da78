"""The schedule of a day as an operator uses it: zoom, reasons, keys; and the policy of a site."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_use import CONTRAST

pytestmark = [pytest.mark.stack, pytest.mark.browser]
HOURS = re.compile(r"\d\d:\d\d – \d\d:\d\d")


def opened(window: Visit, path: str = "/plan/") -> Page:
    """The page once its chart is drawn."""
    window.open(path)
    window.page.locator("#schedule-chart[data-ready] canvas").wait_for()
    return window.page


def chosen(page: Page) -> int:
    return int(page.locator("#schedule-chart").get_attribute("aria-valuenow") or -1)


def battery_key(page: Page) -> str:
    return page.locator("#schedule-device option[value^='device-']").first.get_attribute("value")


def test_buttons_zoom_and_show_the_whole_day_again(visit: Callable[..., Visit]) -> None:
    page = opened(visit())
    seen = page.locator("#schedule-window")
    expect(page.locator("#schedule-all")).to_be_disabled()

    page.click("#schedule-in")
    expect(seen).to_have_text(HOURS)
    first = seen.inner_text()
    page.click("#schedule-in")
    expect(seen).not_to_have_text(first)
    second = seen.inner_text()
    page.click("#schedule-left")
    page.click("#schedule-left")
    expect(seen).not_to_have_text(second)
    page.click("#schedule-all")

    expect(seen).to_have_text("")
    expect(page.locator("#schedule-all")).to_be_disabled()


def test_dragging_and_the_wheel_zoom(visit: Callable[..., Visit]) -> None:
    page = opened(visit())
    plot = page.locator("#schedule-chart .u-over")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    before = chosen(page)

    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 90, steps=8)
    page.mouse.up()

    # A quarter of 24 hours from 06:00 on; the end of a drag chooses nothing.
    expect(page.locator("#schedule-window")).to_have_text(re.compile(r"0[56]:\d\d – 1[12]:\d\d"))
    assert chosen(page) == before

    first = page.locator("#schedule-window").inner_text()
    page.mouse.wheel(0, -200)
    expect(page.locator("#schedule-window")).not_to_have_text(first)


def test_a_quarter_hour_is_chosen_by_click_and_explained(visit: Callable[..., Visit]) -> None:
    window = visit()
    page = opened(window)
    key = battery_key(page)
    page.select_option("#schedule-device", key)
    expect(page.locator(f'#schedule-chart[data-ready="{key}"]')).to_be_visible()
    plot = page.locator("#schedule-chart .u-over")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None

    # The middle of the last quarter hour but one of the day.
    plot.click(position={"x": box["width"] * 94.5 / 96, "y": box["height"] / 2})

    assert chosen(page) == 94
    why = page.locator("#schedule-why")
    expect(why).to_contain_text("23:30 – 23:45")
    expect(why.locator("li[data-fact]").first).to_be_visible()
    assert f"device={key}" in page.url
    assert "slot=94" in page.url

    page.reload()
    page.locator("#schedule-chart[data-ready] canvas").wait_for()
    assert chosen(page) == 94
    expect(page.locator("#schedule-device")).to_have_value(key)


def test_the_keyboard_chooses_and_zooms(visit: Callable[..., Visit]) -> None:
    page = opened(visit(), "/plan/?device=pv&slot=40")
    chart = page.locator("#schedule-chart")
    chart.focus()

    page.keyboard.press("ArrowRight")
    page.keyboard.press("PageUp")
    assert chosen(page) == 45
    expect(page.locator("#schedule-why")).to_contain_text("11:15 – 11:30")
    assert "11:15" in (chart.get_attribute("aria-valuetext") or "")
    page.keyboard.press("+")
    expect(page.locator("#schedule-window")).to_have_text(HOURS)
    page.keyboard.press("End")
    assert chosen(page) == 95
    page.keyboard.press("Home")
    assert chosen(page) == 0
    page.keyboard.press("ArrowLeft")
    assert chosen(page) == 0
    page.keyboard.press("0")
    expect(page.locator("#schedule-window")).to_have_text("")


def test_the_table_follows_the_line_chosen(visit: Callable[..., Visit]) -> None:
    page = opened(visit())
    page.click("#schedule-table summary")
    cell = page.locator('#schedule-slots tr[data-slot="0"] [data-part="limit"]')
    before = cell.inner_text()

    page.select_option("#schedule-device", battery_key(page))

    expect(cell).not_to_have_text(before)
    page.locator('#schedule-slots a[data-slot-link="8"]').click()
    expect(page.locator("#schedule-why")).to_contain_text("02:00 – 02:15")
    assert chosen(page) == 8


def test_without_scripts_there_is_a_table(visit: Callable[..., Visit]) -> None:
    window = visit()
    context = window.page.context.browser.new_context(  # type: ignore[union-attr]
        java_script_enabled=False, storage_state=window.page.context.storage_state()
    )
    page = context.new_page()

    page.goto(f"{window.base_url}/plan/?device=pv&slot=3")

    expect(page.locator("#schedule-slots tr[data-slot]")).to_have_count(96)
    expect(page.locator('#schedule-slots tr[data-slot="3"]')).to_be_visible()
    expect(page.locator("#schedule-why li[data-fact]").first).to_be_visible()
    page.select_option("#schedule-device", "site")
    page.click("#schedule-go")
    assert "device=site" in page.url
    context.close()


def test_a_policy_and_a_request_are_kept_and_shown(
    visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = visit()
    window.open("/plan/policy/")
    page = window.page

    page.fill("#p-reserve_kw", "abc")
    page.click("#policy-form .button-primary")
    expect(page.locator("#e-reserve_kw")).to_be_visible()
    # A page that says what is wrong comes with status 422, which the browser notes.
    window.faults[:] = [fault for fault in window.faults if "422" not in fault]
    page.fill("#p-reserve_kw", "0")
    page.locator('#policy-form input[value="self_consumption"]').check()
    page.click("#policy-form .button-primary")
    expect(page.locator('#policy-form input[value="self_consumption"]')).to_be_checked()

    page.fill("#r-limit", "900")
    page.fill("#r-start", "2099-01-01T18:00")
    page.fill("#r-end", "2099-01-01T20:00")
    page.click("#request-form button[type=submit]")
    expect(page.locator('[data-state="ahead"]').first).to_be_visible()
    page.screenshot(path=screenshots / "policy-en-1280-light.png", full_page=True)
    page.locator("tr[data-request] form button").first.click()
    expect(page.locator('[data-state="cancelled"]').first).to_be_visible()

    page.locator('#policy-form input[value="cost"]').check()
    page.click("#policy-form .button-primary")
    expect(page.locator('#policy-form input[value="cost"]')).to_be_checked()


@pytest.mark.parametrize(
    ("width", "theme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
)
def test_it_fits_and_can_be_read(
    width: int, theme: str, visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = visit(width=width, theme=theme)
    page = opened(window, "/plan/?device=batteries")
    page.locator("#schedule-why li[data-fact]").first.wait_for()

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(CONTRAST) == []
    page.screenshot(path=screenshots / f"schedule-en-{width}-{theme}.png", full_page=True)
    window.open("/plan/policy/")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(CONTRAST) == []
    page.screenshot(path=screenshots / f"policy-en-{width}-{theme}.png", full_page=True)
