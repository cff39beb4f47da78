"""A person with a phone and no contract: code, price, test payment, live cost, stop, receipt."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_use import CONTRAST

pytestmark = [pytest.mark.stack, pytest.mark.browser]


def test_a_person_without_a_contract_charges_and_gets_a_receipt(
    visit: Callable[..., Visit], screenshots: Path
) -> None:
    console = visit(width=1280)
    console.open("/charging/stickers/")
    addresses = console.page.locator(".sticker-address").all_inner_texts()
    console.page.screenshot(path=screenshots / "stickers-en-1280-light.png", full_page=True)
    phone = visit(language="en", width=390, signed_in=False)
    page = phone.page

    for address in addresses:
        reply = page.goto(address)
        assert reply is not None
        assert reply.status == 200
        if page.locator("#start").count():
            break
    expect(page.locator("#price")).to_contain_text("0.3798 €/kWh")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(CONTRAST) == []
    page.screenshot(path=screenshots / "ad-hoc-evse-en-390-light.png", full_page=True)
    page.click("#start")
    expect(page.locator("h1")).to_have_text("Test payment")
    page.screenshot(path=screenshots / "ad-hoc-payment-en-390-light.png", full_page=True)
    page.click("#pay")
    page.wait_for_url("**/stay/*/")

    # No reload by hand from here on: the page asks itself.
    page.locator('[data-step="charging"]').wait_for(timeout=60_000)
    expect(page.locator("#energy")).not_to_have_text("0.00 kWh", timeout=60_000)
    page.screenshot(path=screenshots / "ad-hoc-charging-en-390-light.png", full_page=True)
    page.click("#stop")
    page.locator('[data-step="paid"], [data-step="released"]').first.wait_for(timeout=90_000)
    expect(page.locator("#receipt-number")).to_be_visible()
    assert page.evaluate(CONTRAST) == []
    page.screenshot(path=screenshots / "ad-hoc-receipt-en-390-light.png", full_page=True)

    other = visit(language="fr", width=390, theme="dark", signed_in=False)
    other.page.goto(page.url)
    expect(other.page.locator("#receipt-number")).to_be_visible()
    assert other.page.evaluate(CONTRAST) == []
    other.page.screenshot(path=screenshots / "ad-hoc-receipt-fr-390-dark.png", full_page=True)
