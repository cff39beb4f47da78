"""What changes by itself, and what happens when the line is lost."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit

pytestmark = [pytest.mark.stack, pytest.mark.browser]


def test_a_live_value_changes_within_five_seconds(visit: Callable[..., Visit]) -> None:
    window = visit()
    frames: list[str] = []
    window.page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda frame: frames.append(str(frame))),
    )
    window.open("/devices/")
    column = window.page.locator('tr[data-asset] [data-part="power"], [data-part="soc"]')
    before = column.all_inner_texts()

    started = time.monotonic()
    window.page.wait_for_function(
        """before => JSON.stringify(Array.from(document.querySelectorAll(
             'tr[data-asset] [data-part="power"], [data-part="soc"], [data-part="age"]'))
             .map(node => node.innerText)) !== before""",
        arg=str(before),
        timeout=5000,
    )

    assert time.monotonic() - started < 5
    assert window.page.locator('#link-state[data-state="live"]').is_visible()


def test_the_flow_balances_on_the_screen(visit: Callable[..., Visit]) -> None:
    window = visit()
    window.open("/")
    window.page.click('[data-unit="W"]')

    window.page.wait_for_function(
        """() => {
          const watts = side => Array.from(
            document.querySelectorAll(`.flow-node[data-side="${side}"] [data-figure]`))
            .map(node => Number(node.textContent.replace(/[^0-9]/g, '')))
            .reduce((one, other) => one + other, 0);
          const [into, out] = [watts('in'), watts('out')];
          return into > 0 && Math.abs(into - out) <= Math.max(4, 0.01 * into);
        }""",
        timeout=10_000,
    )


def test_the_clock_of_a_live_session_ticks(visit: Callable[..., Visit]) -> None:
    window = visit()
    window.open("/sessions/?state=active")
    clock = window.page.locator("time[data-since]").first
    clock.wait_for()

    before = clock.inner_text()

    expect(clock).not_to_have_text(before, timeout=4000)


def test_a_lost_line_is_told_with_the_time_of_the_last_values(
    visit: Callable[..., Visit],
) -> None:
    window = visit()
    page = window.page
    # The page's sockets are ours to cut; reconnection is refused as long as `cut` holds.
    page.add_init_script(
        """
        const Native = WebSocket;
        window.sockets = [];
        window.cut = false;
        window.WebSocket = function (address) {
          const socket = new Native(window.cut ? address.replace('/ws/', '/nowhere/') : address);
          window.sockets.push(socket);
          return socket;
        };
        """
    )
    window.open("/")

    page.evaluate("window.cut = true; window.sockets.forEach(socket => socket.close())")
    banner = page.locator("#lost-banner")
    banner.wait_for(state="visible")
    words = banner.inner_text()
    page.evaluate("window.cut = false")
    page.locator('#link-state[data-state="live"]').wait_for()

    assert "Connection lost" in words
    assert re.search(r"Last values at \d\d:\d\d:\d\d", words)
    assert banner.is_hidden()
    # The refused attempts are the test's own doing.
    window.faults[:] = [fault for fault in window.faults if "/nowhere/" not in fault]
