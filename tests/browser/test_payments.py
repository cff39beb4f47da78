"""A bank statement is imported, matched and released; a dispute is opened and accepted."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.billing.payments.scene import camt, entry
from tests.browser.conftest import Visit
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]
# A credit note is numbered and its papers are asked for; a busy machine takes its time.
SLOW_MS = 30_000

SEED = """
import json
from datetime import date, timedelta
from apps.billing.services.reminders import reminder_levels_load
from apps.tenants.context import operator_context
from tests.billing.payments.scene import account_make, invoice_make
today = date.today()
with operator_context("guadeloupe"):
    account = account_make()
    papers = [
        invoice_make(account, amount, reference=f"PAY-{days}", due_on=today - timedelta(days=days))
        for amount, days in (("120.00", 5), ("80.40", 45), ("310.25", 75), ("60.00", 140))
    ]
    reminder_levels_load()
    print(json.dumps([paper.lines.get().pk for paper in papers]))
"""


@pytest.fixture(scope="module")
def lines(stack: Stack) -> Any:
    """The lines of four invoices of different ages."""
    made = stack.run("manage", "shell", "-c", SEED)
    assert made.returncode == 0, made.stdout
    return json.loads(made.stdout.strip().splitlines()[-1])


def signed_in(visit: Callable[..., Visit], stack: Stack, **window: Any) -> Visit:
    """In the window of somebody of billing."""
    found: Visit = visit(signed_in=False, **window)
    found.page.goto(f"{found.base_url}/login/")
    found.page.fill("#id_username", "billing")
    found.page.fill("#id_password", stack.password)
    found.page.click("main button.button-primary")
    found.page.wait_for_url(f"{found.base_url}/")
    return found


def confirm(page: Page) -> None:
    page.locator("#confirm button[value=yes]").click()


def test_a_statement_is_matched_and_a_dispute_accepted(
    visit: Callable[..., Visit], stack: Stack, lines: list[int], screenshots: Path
) -> None:
    window = signed_in(visit, stack)
    page, base = window.page, window.base_url
    page.goto(f"{base}/billing/payments/statements/")
    content = camt(
        entry("120.00", "VIR FACTURE PAY-5", reference="B1"),
        entry("80.00", "PAY 45", reference="B2"),
        entry("0.00", reference="B3"),
        entry("45.00", "LOYER", side="DBIT", name="SCI DU PORT", reference="B4"),
    )
    page.set_input_files("#s-file", {"name": "juin.xml", "mimeType": "text/xml", "buffer": content})
    page.get_by_role("button", name="Preview").click()
    expect(page.locator('tr[data-line="3"]')).to_contain_text(
        "No amount can be read.", timeout=SLOW_MS
    )
    page.screenshot(path=screenshots / "payments-preview.png", full_page=True)
    page.get_by_role("button", name="Import").click()
    expect(page.locator(".banner.tone-ok")).to_contain_text("2 payments", timeout=SLOW_MS)

    page.goto(f"{base}/billing/payments/")
    first = page.locator("li[data-payment]", has_text="PAY-5")
    expect(first.locator(".score").first).to_contain_text("100", timeout=SLOW_MS)
    page.screenshot(path=screenshots / "payments-match.png", full_page=True)
    first.get_by_role("button", name="Accept").first.click()
    expect(page.locator(".banner.tone-ok")).to_contain_text("Matched", timeout=SLOW_MS)
    expect(page.locator("li[data-payment]")).to_have_count(1)

    page.locator("li[data-payment] a.row-link").click()
    page.get_by_role("button", name="Accept").first.click()
    expect(page.locator("tr[data-allocation]")).to_contain_text("PAY-45", timeout=SLOW_MS)
    page.screenshot(path=screenshots / "payments-detail.png", full_page=True)
    page.locator("tr[data-allocation]").get_by_role("button", name="Release").click()
    confirm(page)
    expect(page.locator(".banner.tone-ok")).to_contain_text("open again", timeout=SLOW_MS)

    page.goto(f"{base}/billing/payments/reminders/")
    page.get_by_role("button", name="Propose what is due").click()
    page.locator("tr[data-reminder] a.row-link").first.click()
    expect(page.locator(".letter")).to_contain_text("PAY-", timeout=SLOW_MS)
    page.get_by_role("button", name="It was sent on paper").click()
    confirm(page)
    expect(page.locator(".title-row")).to_contain_text("Sent", timeout=SLOW_MS)
    page.screenshot(path=screenshots / "payments-reminder.png", full_page=True)

    page.goto(f"{base}/billing/disputes/new/?invoice_line={lines[2]}")
    page.fill("#d-text", "We charged at another station.")
    page.get_by_role("button", name="Open the dispute").click()
    page.fill("#a-amount", "60,00")
    page.locator("form[action$='/accept'] button").click()
    confirm(page)
    # What was refused would stand here.
    expect(page.locator(".main > .banner:not(#lost-banner)")).to_contain_text(
        "Decided", timeout=SLOW_MS
    )
    expect(page.locator(".title-row")).to_contain_text("Partly accepted")
    page.screenshot(path=screenshots / "disputes-detail.png", full_page=True)


@pytest.mark.parametrize(
    ("language", "width", "theme"),
    [("fr", 1280, "dark"), ("fr", 390, "light"), ("en", 390, "dark")],
)
def test_the_pages_fit(
    visit: Callable[..., Visit],
    stack: Stack,
    lines: list[int],
    screenshots: Path,
    language: str,
    width: int,
    theme: str,
) -> None:
    window = signed_in(visit, stack, language=language, width=width, theme=theme)
    for name in ("payments", "payments/statements", "payments/reminders", "disputes"):
        window.open(f"/billing/{name}/")
        overflow = window.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        picture = f"{name.replace('/', '-')}-{language}-{width}-{theme}.png"
        window.page.screenshot(path=screenshots / picture, full_page=True)
        assert overflow <= 0, name
