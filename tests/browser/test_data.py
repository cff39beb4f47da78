"""The data pages as an operator uses them: series, files with faults and without, sources."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_use import CONTRAST

pytestmark = [pytest.mark.stack, pytest.mark.browser]
AREA = "TEST-UPLOAD"
HEAD = "Date;Time;Price"


def rows(first: int = 50) -> list[str]:
    """A local day of quarter hours: first, first + 1, ..."""
    return [f"10/03/2026;{n // 4:02}:{n % 4 * 15:02};{first + n},5" for n in range(96)]


def choose_file(page: Page, lines: list[str]) -> None:
    """The form of an upload, filled by a usual form and sent with these rows."""
    content = "\n".join([HEAD, *lines]).encode()
    file = {"name": "day.csv", "mimeType": "text/csv", "buffer": content}
    page.set_input_files("#u-file", files=[file])  # type: ignore[list-item]
    page.get_by_label("Area", exact=True).fill(AREA)
    page.select_option("#u-preset", "exchange")
    page.select_option("#u-zone", "America/Guadeloupe")
    page.get_by_role("button", name="Preview").click()


def forgive_refusals(window: Visit) -> None:
    """A page that says what is wrong comes with status 422, which the browser notes."""
    window.faults[:] = [fault for fault in window.faults if "422" not in fault]


def is_tidy(page: Page) -> None:
    """No placeholder is left and nothing is wider than the screen."""
    assert not re.search(r"\{\{|\{%|%\(\w+\)s|undefined|NaN", page.locator("body").inner_text())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_file_is_looked_at_taken_and_seen_as_a_series(
    visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = visit()
    page = window.page
    window.open("/data/upload/")

    # A column that is not there: said beside the field, the file stays.
    page.select_option("#u-kind", "load")
    expect(page.locator("#u-unit")).to_have_value("MW")
    expect(page.locator("#u-currency")).to_be_hidden()
    page.select_option("#u-kind", "price")
    choose_file(page, rows())
    expect(page.locator("#count-new")).to_have_text(re.compile("^(96|0)$"))
    page.get_by_role("link", name="Change the columns").click()
    page.get_by_label("Column of the value").fill("Prix")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#e-price")).to_contain_text("is not among")
    page.screenshot(path=screenshots / "data-upload-refused.png", full_page=True)

    # Two faults, by line; nothing is taken when the operator cancels.
    bad = rows()
    bad[2], bad[9] = "10/03/2026;00:30;much", "10/03/2026;02:20;1,0"
    window.open("/data/upload/")
    choose_file(page, bad)
    expect(page.locator('[data-fault="4"]')).to_contain_text("is not a number")
    expect(page.locator('[data-fault="11"]')).to_contain_text("is not the start of a slot")
    expect(page.locator('[data-day="2026-03-10"]')).to_contain_text("94 / 96")
    expect(page.locator("#plot-chart canvas")).to_be_visible()
    page.screenshot(path=screenshots / "data-upload-faults.png", full_page=True)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Nothing was taken.")).to_be_visible()

    # Without a fault: taken, and a series with its plot, table and publications.
    choose_file(page, rows())
    expect(page.get_by_text("Every row can be read.")).to_be_visible()
    page.get_by_role("button", name="Take it").click()
    expect(
        page.get_by_text(re.compile(r"\d+ new or changed values? (is|are) taken"))
    ).to_be_visible()
    page.get_by_role("link", name=re.compile(AREA)).click()
    expect(page.locator("#plot-chart canvas")).to_be_visible()
    expect(page.locator("[data-slot]")).to_have_count(96)
    expect(page.locator("#plot-legend")).to_contain_text("Published")
    page.locator("[data-slot]").first.get_by_role("link").press("Enter")
    expect(page.locator("#revisions [data-revision]")).not_to_have_count(0)
    page.get_by_role("link", name="3 days").click()
    expect(page.get_by_text("96 of 288 slots known")).to_be_visible()
    page.screenshot(path=screenshots / "data-series-upload.png", full_page=True)
    forgive_refusals(window)


def test_a_source_is_set_up_refused_asked_again_and_switched_off(
    visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = visit()
    page = window.page
    window.open("/data/sources/")
    page.locator(".data-source").first.wait_for()
    page.screenshot(path=screenshots / "data-sources.png", full_page=True)

    # What the feed refuses stands beside its field.
    page.select_option("#s-feed", "entsoe")
    page.get_by_role("button", name="Add a source").click()
    page.get_by_label("Area", exact=True).fill("FR")
    page.get_by_label("Token", exact=True).fill("not-a-real-token")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("#e-area")).to_contain_text("EIC code")
    assert "not-a-real-token" not in page.content()
    page.screenshot(path=screenshots / "data-source-refused.png", full_page=True)

    # One that has been asked is asked again.
    window.open("/data/sources/")
    asked = page.locator(".data-source").filter(has=page.locator("details")).first
    details = asked.locator("details")
    if details.get_attribute("open") is None:
        asked.locator("summary").click()
    asked.locator("[data-request]").first.get_by_role("button", name="Ask again").click()
    expect(page.get_by_text("It is asked for again at the next turn.")).to_be_visible()

    # The history leads to what came.
    window.open("/data/imports/")
    page.locator("[data-document] a").first.click()
    expect(page.get_by_text("How it begins")).to_be_visible()
    page.screenshot(path=screenshots / "data-import.png", full_page=True)
    forgive_refusals(window)


@pytest.mark.parametrize(
    ("width", "theme", "language"),
    [(1280, "dark", "fr"), (390, "light", "en"), (390, "dark", "fr")],
)
def test_the_data_pages_fit_every_screen(
    width: int, theme: str, language: str, visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = visit(width=width, theme=theme, language=language)
    page = window.page
    for name in ("", "sources/", "imports/", "upload/"):
        window.open(f"/data/{name}")
        is_tidy(page)
        label = name.strip("/") or "list"
        page.screenshot(
            path=screenshots / f"data-{label}-{language}-{width}-{theme}.png", full_page=True
        )
    window.open("/data/?kind=price")
    page.locator("[data-series] a").first.click()
    expect(page.locator("#plot-chart canvas")).to_be_visible()
    is_tidy(page)
    page.screenshot(
        path=screenshots / f"data-series-{language}-{width}-{theme}.png", full_page=True
    )


def wait_for_forecast(page: Page) -> None:
    """Feeds and forecasts begin with the stack: the day of a plant as soon as it is drawn."""
    page.locator("#plant-form").wait_for()
    for _look in range(60):
        if page.locator("#plot-chart").count():
            break
        page.wait_for_timeout(2_000)
        page.reload()
    expect(page.locator("#plot-chart canvas")).to_be_visible()


def test_a_plant_is_seen_with_its_day_and_given_another_array(
    visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = visit()
    page = window.page
    window.open("/data/plants/")
    ensure = page.get_by_role("button", name="Set up with usual values")
    if ensure.count():
        ensure.click()
    row = page.locator("[data-plant]").first
    expect(row).to_contain_text("kWp")
    row.locator("a").press("Enter")
    wait_for_forecast(page)
    expect(page.locator("#plot-legend")).to_contain_text("Forecast")
    page.screenshot(path=screenshots / "plant.png", full_page=True)
    window.open("/data/plants/")
    page.screenshot(path=screenshots / "plants.png", full_page=True)
    row.locator("a").click()

    # A row more, wrong, and gone again; Enter in a field keeps the form, whatever row it is in.
    arrays = page.locator("[data-array]")
    count = arrays.count()
    page.get_by_role("button", name="Add an array").press("Enter")
    expect(arrays).to_have_count(count + 1)
    new = arrays.nth(count)
    expect(new.get_by_label("Azimuth")).to_be_focused()
    new.get_by_label("Azimuth").fill("400")
    new.get_by_label("Tilt").fill("10")
    new.get_by_label("Peak power").fill("1,5")
    page.get_by_label("Losses").fill("14.5")
    new.get_by_label("Peak power").press("Enter")
    expect(new.locator(".field-error")).to_have_text("At least 0 and at most 360.")
    is_tidy(page)
    page.screenshot(path=screenshots / "plant-refused.png", full_page=True)
    forgive_refusals(window)
    new.get_by_role("button", name=re.compile("Remove array")).click()
    expect(arrays).to_have_count(count)
    expect(page.get_by_label("Losses")).to_have_value("14.5")
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_text("The plant is kept; the next forecast follows it.")).to_be_visible()
    expect(page.get_by_label("Losses")).to_have_value("14.5")


@pytest.mark.parametrize(
    ("width", "theme", "language"),
    [(1280, "dark", "fr"), (390, "light", "en"), (390, "dark", "fr")],
)
def test_the_pages_of_plants_fit_every_screen(
    width: int, theme: str, language: str, visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = visit(width=width, theme=theme, language=language)
    page = window.page
    window.open("/data/plants/")
    is_tidy(page)
    assert page.evaluate(CONTRAST) == []
    look = f"{language}-{width}-{theme}"
    page.screenshot(path=screenshots / f"plants-{look}.png", full_page=True)
    page.locator("[data-plant] a").first.click()
    wait_for_forecast(page)
    is_tidy(page)
    assert page.evaluate(CONTRAST) == []
    page.screenshot(path=screenshots / f"plant-{look}.png", full_page=True)
