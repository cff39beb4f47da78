"""A month is closed as billing staff do it: inbox, credit of a CDR, settlement, invoices, lock."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.stack import Stack

# Not in the ordinary run yet: a whole month takes minutes of a stack that does other things too.
pytestmark = [pytest.mark.stack, pytest.mark.browser, pytest.mark.slow]

OPERATOR = "martinique"
# Tasks of the running stack look at sessions each minute, and make papers at once.
TASKS_MS = 120_000


@pytest.fixture(scope="module")
def month(stack: Stack) -> str:
    """The last month, with sessions, CDRs and a partner's CDRs."""
    made = stack.run("manage", "demo_month", "--operator", OPERATOR)
    found = re.search(r"(\d{4}-\d{2}): 36 sessions, 35 CDRs, 4 CDRs of a partner", made.stdout)
    assert found is not None, made.stdout
    return found[1]


def picture(page: Page, folder: Path, name: str) -> None:
    page.screenshot(path=folder / f"billing-{name}.png", full_page=True)


def yes(page: Page) -> None:
    page.locator("#confirm button[value=yes]").click()


def until_shown(page: Page, words: str) -> None:
    """Load the page again until a task of the stack has done its part."""
    for _attempt in range(TASKS_MS // 2000):
        if page.get_by_text(words).count():
            return
        page.wait_for_timeout(2000)
        page.reload()
    pytest.fail(f"never shown: {words}")


def test_a_month_is_closed(month: str, visit: Callable[..., Visit], screenshots: Path) -> None:
    window = visit(operator=OPERATOR, username="billing")
    page, base = window.page, window.base_url

    # The inbox: a meter that ran backwards is billed as it stands.
    page.goto(f"{base}/billing/inbox/")
    until_shown(page, "Meter ran backwards")
    picture(page, screenshots, "inbox-en-1280-light")
    doubt = page.locator("section.exception", has_text="Meter ran backwards").first
    doubt.get_by_label("What to do").select_option("bill_as_is")
    doubt.get_by_label("Reason").fill("the register was exchanged")
    doubt.get_by_role("button", name="Decide").click()
    expect(page.get_by_text("Done. The reason is kept with it.")).to_be_visible()

    # A CDR is credited and priced anew in two clicks.
    page.goto(f"{base}/billing/cdrs/?month={month}")
    page.locator("tr[data-cdr] a.row-link").first.click()
    picture(page, screenshots, "cdr-en-1280-light")
    page.get_by_label("Reason").fill("wrong tariff")
    page.get_by_role("button", name="Credit", exact=True).click()
    yes(page)
    expect(page.get_by_text("this one takes its place")).to_be_visible()
    expect(page.locator(".timeline li")).to_have_count(3)

    # Drafts, settlement, invoices.
    address = f"{base}/billing/?month={month}"
    page.goto(address)
    page.get_by_role("button", name="Make the drafts").click()
    page.get_by_role("button", name="Make the settlements").click()
    page.get_by_role("button", name="Issue all").click()
    yes(page)
    expect(page.get_by_text("papers are issued")).to_be_visible()
    page.goto(f"{base}/billing/settlements/?month={month}")
    page.locator("tr[data-settlement] a.row-link").first.click()
    page.get_by_role("button", name="Both sides agree").click()
    yes(page)
    expect(page.get_by_text("The settlement is confirmed.")).to_be_visible()
    picture(page, screenshots, "settlement-en-1280-light")

    # An invoice has its number and its papers.
    page.goto(f"{base}/billing/invoices/?month={month}")
    picture(page, screenshots, "invoices-en-1280-light")
    page.locator("tr[data-invoice] a.row-link").first.click()
    until_shown(page, "Factur-X")
    picture(page, screenshots, "invoice-en-1280-light")
    with page.expect_download() as download:
        page.locator("a.button", has_text="Factur-X").first.click()
    document = screenshots / "billing-invoice-en.pdf"
    download.value.save_as(document)
    assert document.read_bytes().startswith(b"%PDF-")

    # The CDRs of the month as a file.
    page.goto(f"{base}/billing/exports/")
    page.locator("#e-month").fill(month)
    page.get_by_role("button", name="Make a CSV").click()
    made = page.locator("li[data-job]").first
    expect(made).to_have_attribute("data-job-state", "done", timeout=TASKS_MS)
    picture(page, screenshots, "exports-en-1280-light")
    with page.expect_download() as download:
        made.get_by_role("link", name=re.compile("^Download")).click()
    # 35 of the sessions, the one of the inbox, a credit and what took its place.
    assert len(download.value.path().read_text().splitlines()) == 1 + 38

    # The lock.
    page.goto(address)
    picture(page, screenshots, "month-open-en-1280-light")
    page.get_by_role("button", name="Close the month").click()
    yes(page)
    expect(page.get_by_text("The month is closed.")).to_be_visible()
    expect(page.get_by_role("button", name="Close the month")).to_have_count(0)
    picture(page, screenshots, "month-closed-en-1280-light")


@pytest.mark.parametrize(
    ("language", "width", "theme"), [("fr", 390, "dark"), ("es", 1280, "dark")]
)
def test_the_books_fit_every_screen(
    language: str,
    width: int,
    theme: str,
    month: str,
    visit: Callable[..., Visit],
    screenshots: Path,
) -> None:
    window = visit(
        operator=OPERATOR, language=language, width=width, theme=theme, username="billing"
    )
    page, base = window.page, window.base_url
    for name, path in (
        ("month", f"billing/?month={month}"),
        ("inbox", "billing/inbox/"),
        ("cdrs", "billing/cdrs/"),
        ("invoices", "billing/invoices/"),
        ("settlements", "billing/settlements/"),
    ):
        page.goto(f"{base}/{path}")
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        picture(page, screenshots, f"{name}-{language}-{width}-{theme}")
