"""A month's report is looked at, drawn, taken as files and asked for again."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_use import CONTRAST
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

SEED = """
import json
from apps.tenants.context import operator_context
from cariflex.common.time import utc_now
from tests.flexibility.reporting.past_month import past_month_make
with operator_context("guadeloupe"):
    print(json.dumps(past_month_make(utc_now())))
"""


@pytest.fixture(scope="module")
def address(stack: Stack) -> str:
    """The page of a whole month in the past."""
    made = stack.run("manage", "shell", "-c", SEED)
    assert made.returncode == 0, made.stdout
    site_id, month = json.loads(made.stdout.strip().splitlines()[-1])
    return f"/reports/{site_id}/{month}/"


@pytest.mark.parametrize(
    ("language", "width", "theme"),
    [("en", 1280, "light"), ("fr", 390, "dark"), ("es", 390, "light"), ("en", 1280, "dark")],
)
def test_a_month_is_read_on_every_screen(
    address: str, visit: Callable[..., Visit], screenshots: Path, language: str, width: int,
    theme: str,
) -> None:  # fmt: skip
    window = visit(language=language, width=width, theme=theme)
    page = window.page
    for name, path in (("reports", "/reports/"), ("report", address)):
        window.open(path)
        if name == "report":
            # Drawn: a canvas with a size, and a legend with the figures of the last day.
            expect(page.locator("#days-chart canvas")).to_be_visible()
            expect(page.locator("#days-legend output").first).to_have_text(re.compile(r"\d.*kWh"))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert page.evaluate(CONTRAST) == [], name
        page.screenshot(path=screenshots / f"{name}-{language}-{width}-{theme}.png", full_page=True)


def test_figures_savings_and_gaps_are_told(address: str, visit: Callable[..., Visit]) -> None:
    window = visit()
    page = window.page
    window.open("/reports/")
    page.locator(f'a.row-link[href="{address}"]').press("Enter")

    expect(page.locator(".report-gaps")).to_contain_text("was not measured in 8 quarter hours.")
    saving = page.locator('tr[data-case="no_control"] .report-saving')
    expect(saving).to_have_text(re.compile(r"^[\d,.]+\s€ saved$"))
    expect(page.locator('tr[data-case="foresight"]')).to_be_visible()
    table = page.locator("details.as-table")
    table.locator("summary").press("Enter")
    expect(table.locator("tbody tr").first).to_be_visible()
    # Another button of the legend takes its line away, by keyboard.
    button = page.locator("#days-legend button").first
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "false")


def test_files_are_taken_and_the_month_is_asked_for_again(
    address: str, visit: Callable[..., Visit]
) -> None:
    window = visit()
    page = window.page
    window.open(address)
    for name, first in (("PDF", b"%PDF-"), ("CSV", b"section,name,figure,value")):
        with page.expect_download() as taken:
            page.get_by_role("link", name=name, exact=True).click()
        assert Path(taken.value.path()).read_bytes().startswith(first)

    window.open("/reports/")
    form = page.locator(".report-form")
    form.get_by_label("Month").fill(address.rstrip("/").split("/")[-1])
    form.get_by_role("button", name="Compute").click()
    expect(
        page.get_by_text("The report is being computed; it is here in a moment.")
    ).to_be_visible()
