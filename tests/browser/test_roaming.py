"""A partner from its invitation to its end, in a browser, with a platform that really registers."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_use import CONTRAST
from tests.contracts.ocpi_partner import Fault, OcpiPartner, ocpi_partner

pytestmark = [pytest.mark.stack, pytest.mark.browser]
ADMIN = "admin"
PARTY = ("NL", "BRW")
TOKENS = 60


@pytest.fixture(scope="module")
def platform() -> Iterator[OcpiPartner]:
    """A mobility provider of 2.2.1 with two pages of cards."""
    with ocpi_partner(role="EMSP", party=PARTY, version="2.2.1") as served:
        served.lists["tokens"] = [
            {
                "country_code": PARTY[0], "party_id": PARTY[1], "uid": f"04BEEF00{number:06X}",
                "type": "RFID", "contract_id": f"NL-BRW-C{number:08d}-X", "issuer": "Browser",
                "valid": True, "whitelist": "ALLOWED", "last_updated": "2026-11-01T10:00:00Z",
            }
            for number in range(TOKENS)
        ]  # fmt: skip
        yield served


def picture(page: Page, folder: Path, name: str) -> None:
    page.screenshot(path=folder / f"roaming-{name}.png", full_page=True)


def press(page: Page, name: str) -> None:
    """A button that asks before it acts, and yes."""
    page.get_by_role("button", name=name, exact=True).click()
    page.locator("#confirm button[value=yes]").click()


def invited(page: Page) -> tuple[str, str]:
    """Our versions URL and the token, as the page shows them this once."""
    page.locator("#token").wait_for()
    return page.locator("#versions-url").input_value(), page.locator("#token").input_value()


def test_a_partner_comes_changes_and_goes(
    visit: Callable[..., Visit], platform: OcpiPartner, screenshots: Path
) -> None:
    window = visit(username=ADMIN)
    page = window.page

    # Invited; the token is shown once.
    window.open("/roaming/")
    page.locator("summary", has_text="Invite a partner").click()
    page.fill("#i-name", "Browser Mobility")
    page.select_option("#i-role", "EMSP")
    press(page, "Invite")
    versions_url, token = invited(page)
    picture(page, screenshots, "invited-en-1280-light")
    page.locator(".back-link").click()
    expect(page.locator("h1")).to_have_text("Browser Mobility")
    expect(page.locator(".title-row .badge")).to_have_text("invited")
    assert token not in page.content()
    code = page.url.rstrip("/").rsplit("/", 1)[1]

    # It registers over HTTP, and is shown as it told itself.
    reply = platform.register(versions_url, token)
    assert (reply.http, reply.status_code) == (200, 1000)
    assert platform.call("GET", versions_url, token=token).http == 401
    page.reload()
    expect(page.locator(".title-row .badge")).to_have_text("registered")
    expect(page.locator(".page-head p")).to_contain_text("OCPI 2.2.1")
    expect(page.get_by_text("NL*BRW")).to_be_visible()
    served = page.locator("section", has=page.locator("#caps-title"))
    expect(served.locator("tbody tr", has_text="tokens")).to_contain_text("yes")

    # Its settings: refused with the field and the rule, then kept.
    page.locator("#settings-title + a").click()
    page.get_by_label("Objects on a page that we ask for").fill("0")
    page.get_by_role("checkbox", name="tariffs").uncheck()
    page.get_by_label("Fields they insist on").fill("locations: owner.nam")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("#e-pull_limit")).to_have_text("A number from 1 to 1000.")
    expect(page.locator("#e-required_fields")).to_contain_text("Line 1:")
    picture(page, screenshots, "settings-refused-en-1280-light")
    assert page.evaluate(CONTRAST) == []
    page.get_by_label("Objects on a page that we ask for").fill("40")
    page.get_by_label("Fields they insist on").fill("locations: owner.name\nlocations: images.url")
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_text("The settings are kept.")).to_be_visible()
    facts = page.locator("section", has=page.locator("#settings-title"))
    expect(facts).to_contain_text("100 given, 40 asked for")
    expect(facts).to_contain_text("locations, sessions, CDRs, tokens")
    # No station of the demo has a picture.
    missed = page.locator("section", has=page.locator("#lack-title"))
    expect(missed.locator("li").first).to_contain_text("images.url")
    expect(missed).to_contain_text("They are sent all the same.")

    # Its cards are read: 40 and 20 of them.
    press(page, "Pull everything now")
    cards = page.locator("tr[data-pull]", has_text="tokens")
    expect(cards.first).to_contain_text(f"{TOKENS} of {TOKENS}", timeout=30_000)
    picture(page, screenshots, "partner-en-1280-light")
    assert page.evaluate(CONTRAST) == []

    # Suspended it is refused; then it is let in again.
    ours = platform.ours("tokens") + f"/NL/BRW/{platform.lists['tokens'][0]['uid']}"
    press(page, "Suspend")
    expect(page.locator(".title-row .badge")).to_have_text("suspended")
    assert platform.call("GET", ours).http == 401
    press(page, "Resume")
    expect(page.locator(".title-row .badge")).to_have_text("registered")
    assert platform.call("GET", ours).http == 200

    # It does not answer: nothing changes. Then it does.
    platform.fault = Fault(status=503, only=["credentials"])
    press(page, "Unregister")
    expect(page.get_by_text("Nothing has changed, the partner was not told")).to_be_visible()
    expect(page.locator(".title-row .badge")).to_have_text("registered")
    platform.fault = Fault()
    token_out = platform.token_out
    press(page, "Unregister")
    expect(page.locator(".title-row .badge")).to_have_text("unregistered")
    assert platform.credentials is None
    assert platform.call("GET", ours, token=token_out).http == 401
    page.goto(f"{window.base_url}/roaming/log/?partner={code}")
    expect(page.locator("tr[data-exchange]").first).to_be_visible()
    picture(page, screenshots, "log-en-1280-light")


def test_the_pages_on_a_phone_at_night_in_french(
    visit: Callable[..., Visit], platform: OcpiPartner, screenshots: Path
) -> None:
    window = visit(username=ADMIN, language="fr", width=390, theme="dark")
    page = window.page
    window.open("/roaming/")
    page.locator("details", has=page.locator("#i-name")).locator("summary").click()
    page.fill("#i-name", "Mobilité de nuit")
    page.locator("form[action$='/invite'] button").press("Enter")
    page.locator("#confirm button[value=yes]").press("Enter")
    versions_url, token = invited(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    platform.token_in, platform.token_out = "in-night", ""
    assert platform.register(versions_url, token).status_code == 1000

    page.locator(".back-link").press("Enter")
    expect(page.locator(".title-row .badge[data-state=registered]")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    picture(page, screenshots, "partner-fr-390-dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(CONTRAST) == []

    page.locator("#settings-title + a").press("Enter")
    expect(page.locator("#s-authorize_timeout_s")).to_have_value("1,2")
    page.locator("#s-timeout_s").fill("0,1")
    page.locator("#s-required").fill("tariffs: elements.restrictions\ncards: uid")
    page.locator(".settings-go button").press("Enter")
    expect(page.locator("#e-timeout_s")).to_be_visible()
    expect(page.locator("#e-required_fields")).to_contain_text("cards")
    picture(page, screenshots, "settings-fr-390-dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(CONTRAST) == []
    page.locator("#s-timeout_s").fill("12,5")
    page.locator("#s-required").fill("tariffs: elements.restrictions")
    page.locator(".settings-go button").press("Enter")
    expect(page).to_have_url(re.compile(r"/roaming/mobilite-de-nuit/$"))
    expect(page.locator("#lack-title")).to_be_visible()
    picture(page, screenshots, "lacking-fr-390-dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    page.locator("form[action$='/unregister'] button").press("Enter")
    page.locator("#confirm button[value=yes]").press("Enter")
    expect(page.locator(".title-row .badge[data-state=gone]")).to_be_visible()
    assert platform.credentials is None
