"""Exports as the billing staff use them: columns by hand, a view, a file made by a worker."""

import csv
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]
LIVE_MS = 30_000


def as_billing(visit: Callable[..., Visit], stack: Stack, **how: object) -> Visit:
    """Signed in as the billing staff of the demo."""
    window = visit(signed_in=False, **how)
    page = window.page
    page.goto(f"{window.base_url}/login/")
    page.fill("#id_username", "billing")
    page.fill("#id_password", stack.password)
    page.click("main button.button-primary")
    page.wait_for_url(f"{window.base_url}/")
    return window


def chosen(page: Page) -> list[str]:
    """The columns that are in the file, in their order."""
    names: list[str] = page.locator("#columns-chosen input").evaluate_all(
        "boxes => boxes.map((box) => box.value)"
    )
    return names


def test_a_file_with_chosen_columns_is_made_and_downloaded(
    stack: Stack, visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = as_billing(visit, stack)
    page = window.page
    window.open("/billing/exports/")

    # Columns: one more, one less, and the new one up by keyboard.
    page.locator(".export-columns > summary").click()
    before = chosen(page)
    page.locator('.column-group input[value="account_code"]').check()
    page.locator('#columns-chosen input[value="id"]').uncheck()
    page.get_by_role("button", name="Move Account up", exact=True).press("Enter")
    after = chosen(page)
    assert after == [name for name in before if name != "id"][:-1] + ["account_code", before[-1]]
    expect(page.locator("#columns-count")).to_have_text(f"{len(before)} columns")
    page.screenshot(path=screenshots / "exports-columns.png", full_page=True)

    # Kept as a view, which then fills the form.
    page.get_by_label("Save as a view").fill("For the accountant")
    page.select_option("#e-style", "excel_fr")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("The view For the accountant is saved.")).to_be_visible()
    assert chosen(page) == after

    # Made by a worker, followed without a reload, taken.
    page.locator("#e-month").fill("")
    page.get_by_role("button", name="Make a CSV").click()
    expect(page.get_by_text("The file is being made")).to_be_visible()
    line = page.locator("li[data-job]").first
    expect(line).to_have_attribute("data-job-state", "done", timeout=LIVE_MS)
    page.screenshot(path=screenshots / "exports-done.png", full_page=True)
    with page.expect_download() as coming:
        line.get_by_role("link", name=re.compile("^Download")).click()
    path = coming.value.path()
    text = path.read_bytes().decode("utf-8-sig")
    rows = list(csv.reader(StringIO(text, newline=""), delimiter=";"))
    assert rows[0] == after
    assert coming.value.suggested_filename.startswith("cdrs-guadeloupe-")

    # Deleted before its time, after a question.
    line.get_by_role("button", name="Delete the file").click()
    dialog = page.locator("dialog#confirm")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Yes, do it").press("Enter")
    expect(page.get_by_text("The file is deleted.")).to_be_visible()
    expect(page.locator("li[data-job]").first).to_have_attribute("data-job-state", "expired")


@pytest.mark.parametrize(
    ("width", "theme", "language"),
    [(1280, "dark", "fr"), (390, "light", "en"), (390, "dark", "fr")],
)
def test_the_page_of_exports_fits_every_screen(
    width: int, theme: str, language: str, stack: Stack, visit: Callable[..., Visit],
    screenshots: Path,
) -> None:  # fmt: skip
    window = as_billing(visit, stack, width=width, theme=theme, language=language)
    page = window.page
    window.open("/billing/exports/")
    for is_open in (False, True):
        if is_open:
            page.locator(".export-columns > summary").click()
        text = page.locator("body").inner_text()
        assert not re.search(r"\{\{|\{%|%\(\w+\)s|undefined|NaN", text)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        name = f"exports-{'columns-' if is_open else ''}{language}-{width}-{theme}.png"
        page.screenshot(path=screenshots / name, full_page=True)
