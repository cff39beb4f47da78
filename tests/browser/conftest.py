"""A headless Chromium that watches: console errors, faults of scripts, requests to other hosts."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    sync_playwright,
)

from tests.stack import Stack

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.localhost 127.0.0.1",
]
HEIGHTS = {390: 844, 1280: 860}
USER = "operations"


@dataclass
class Visit:
    """One browser window at one operator, with what went wrong in it."""

    page: Page
    base_url: str
    faults: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go to a path and wait until the first live snapshot is shown."""
        reply = self.page.goto(f"{self.base_url}{path}")
        assert reply is not None
        assert reply.status == 200, path
        self.page.locator('#link-state[data-state="live"]').wait_for()

    def log_in(self, password: str, username: str = USER) -> None:
        """Through the log-in page, as a person does."""
        self.page.goto(f"{self.base_url}/login/")
        self.page.fill("#id_username", username)
        self.page.fill("#id_password", password)
        self.page.click("main button.button-primary")
        self.page.wait_for_url(f"{self.base_url}/")

    def console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"console {message.type}: {message.text}")

    def request(self, request: Request) -> None:
        host = urlsplit(request.url).hostname
        if host != urlsplit(self.base_url).hostname and not request.url.startswith("data:"):
            self.faults.append(f"outside request: {request.url}")


def chromium_path() -> str:
    """CARIFLEX_CHROMIUM, else Chromium on the machine; without one the browser tests fail."""
    given = os.environ.get("CARIFLEX_CHROMIUM")
    found = given or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found or not Path(found).exists():
        pytest.fail(
            "Chromium is missing: install Debian's package `chromium`, or name the binary of the "
            "npm package @sparticuz/chromium in CARIFLEX_CHROMIUM."
        )
    return found


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of this folder.

    It ends with them: Playwright keeps an event loop running in the thread of the tests.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser, stack: Stack) -> Iterator[Callable[..., Visit]]:
    """`visit(operator="guadeloupe", language="fr", width=1280, theme="light")`, signed in."""
    contexts: list[BrowserContext] = []
    visits: list[Visit] = []

    def start(
        *,
        operator: str = "guadeloupe",
        language: str = "en",
        width: int = 1280,
        theme: str = "light",
        signed_in: bool = True,
        username: str = USER,
    ) -> Visit:
        base_url = stack.operator_url(operator)
        context = chromium.new_context(
            viewport={"width": width, "height": HEIGHTS[width]},
            color_scheme="dark" if theme == "dark" else "light",
            has_touch=width < 500,
        )
        context.set_default_timeout(60_000)
        context.add_cookies([{"name": "cariflex_language", "value": language, "url": base_url}])
        contexts.append(context)
        window = Visit(context.new_page(), base_url)
        window.page.on("console", window.console)
        window.page.on("pageerror", lambda error: window.faults.append(f"script: {error}"))
        window.page.on("request", window.request)
        visits.append(window)
        if signed_in:
            window.log_in(stack.password, username)
        return window

    yield start
    for context in contexts:
        context.close()
    assert [fault for window in visits for fault in window.faults] == []


@pytest.fixture(scope="session")
def screenshots(stack: Stack) -> Path:
    """Where the pictures go: $CARIFLEX_VAR/screenshots of the test run, else of the checkout."""
    folder = Path(os.environ.get("CARIFLEX_VAR", "var")) / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
