"""An alarm comes by itself, is acknowledged, and goes; a device shows what it measured."""

import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visit
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

# Three polls without an answer, each after its time-out and a pause; then the next snapshot.
RAISED_WITHIN_MS = 60_000
# The device is asked again after at most 10 s, answers for 10 s, and the page follows.
CLEARED_WITHIN_MS = 60_000


class Simulation:
    """The fault control of the simulated devices."""

    def __init__(self, stack: Stack) -> None:
        self._base = f"http://127.0.0.1:{stack.ports.simulated_devices_control}/devices"

    def battery(self, operator: str) -> str:
        """The code of the operator's last battery, which no other test uses."""
        with urllib.request.urlopen(self._base, timeout=10) as reply:  # noqa: S310 - our own
            devices = json.load(reply)
        codes = [d["code"] for d in devices if d["operator"] == operator and d["kind"] == "battery"]
        return str(max(codes))

    def fault(self, operator: str, code: str, fault: str | None) -> None:
        request = urllib.request.Request(  # noqa: S310 - our own
            f"{self._base}/{operator}/{code}/fault",
            data=json.dumps({"fault": fault}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
            assert reply.status == 200


@pytest.fixture
def simulation(stack: Stack) -> Iterator[Simulation]:
    control = Simulation(stack)
    yield control
    control.fault("guadeloupe", control.battery("guadeloupe"), None)


def open_rows(window: Visit, code: str) -> Locator:
    """The open alarms of a device on the page of alarms."""
    section = window.page.locator("section", has=window.page.locator("#open-title"))
    return section.locator("tr[data-alarm]", has_text=f"· {code}")


def past_rows(window: Visit, code: str) -> Locator:
    section = window.page.locator("section", has=window.page.locator("#past-title"))
    return section.locator("tr[data-alarm]", has_text=f"· {code}")


def test_an_alarm_comes_is_acknowledged_and_goes(
    visit: Callable[..., Visit], simulation: Simulation, screenshots: Path
) -> None:
    code = simulation.battery("guadeloupe")
    window, elsewhere = visit(), visit(operator="martinique")
    window.open("/alarms/")
    elsewhere.open("/alarms/")
    page = window.page
    assert open_rows(window, code).count() == 0

    simulation.fault("guadeloupe", code, "silent")
    row = open_rows(window, code).first
    row.wait_for(timeout=RAISED_WITHIN_MS)

    expect(row).to_contain_text("Does not answer")
    expect(row).to_contain_text("Critical")
    expect(page.locator("#alarm-badge")).to_be_visible()
    assert int(page.locator("#alarm-count").inner_text()) >= 1
    page.screenshot(path=screenshots / "alarm-open.png", full_page=True)

    row.get_by_text("Acknowledge").first.click()
    row.get_by_placeholder("Note (optional)").fill("Looking into it")
    row.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("The alarm is acknowledged.")).to_be_visible()
    expect(open_rows(window, code).first).to_contain_text("Looking into it")
    # The other operator has a battery of that code, and its alarms are its own.
    elsewhere.page.reload()
    expect(elsewhere.page.locator("#open-title")).to_be_visible()
    expect(elsewhere.page.get_by_text("Looking into it")).to_have_count(0)

    simulation.fault("guadeloupe", code, None)
    expect(open_rows(window, code)).to_have_count(0, timeout=CLEARED_WITHIN_MS)

    expect(past_rows(window, code).first).to_contain_text("Does not answer")
    expect(past_rows(window, code).first).to_contain_text("Looking into it")


def test_a_device_shows_what_it_measured_and_where_nothing_is_known(
    visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = visit()
    page = window.page
    window.open("/devices/")
    page.locator("tr[data-asset] a.row-link").first.click()
    page.locator("#plot-chart canvas").wait_for()
    expect(page.locator("#plot-legend button")).to_have_count(1)
    expect(page.locator("#device-now")).to_contain_text("Answers")

    # The island started some minutes ago: before that there is no data, and it says so.
    page.get_by_role("button", name="Day").click()
    expect(page.locator("#plot-legend button")).to_have_count(3)
    page.locator(".chart-card details.as-table summary").click()
    expect(page.locator("#plot-rows .gap-cell").first).to_have_text("no data")
    # Whole hours by the clock on the wall: the first one is cut, unless the hour has just begun.
    assert page.locator("#plot-rows tr").count() in (24, 25)
    assert re.search(
        r"resolution=1m&format=csv", page.locator("#plot-csv").get_attribute("href") or ""
    )

    page.select_option("#plot-sensor", label="State of charge (%)")
    expect(page.locator("#plot-legend output").first).to_contain_text("%")
    assert "range=day" in page.url
    page.reload()
    expect(page.locator("#plot-sensor option:checked")).to_have_text("State of charge (%)")
    expect(page.get_by_role("button", name="Day")).to_have_attribute("aria-pressed", "true")


def test_a_sensor_is_chosen_by_keyboard(visit: Callable[..., Visit]) -> None:
    window = visit()
    page = window.page
    window.open("/devices/")
    page.locator("tr[data-asset] a.row-link").first.focus()
    page.keyboard.press("Enter")
    page.locator("#plot-chart canvas").wait_for()

    page.locator("#device-now [data-sensor] a").nth(1).focus()
    page.keyboard.press("Enter")

    chosen = page.locator("#plot-sensor option:checked").inner_text()
    assert chosen.startswith("State of charge")


@pytest.mark.parametrize(
    ("width", "theme", "language"),
    [(1280, "light", "en"), (1280, "dark", "fr"), (390, "light", "fr"), (390, "dark", "es")],
)
def test_the_new_pages_fit_every_screen(
    width: int,
    theme: str,
    language: str,
    visit: Callable[..., Visit],
    screenshots: Path,
) -> None:
    window = visit(width=width, theme=theme, language=language)
    page = window.page
    window.open("/devices/")
    device = page.locator("tr[data-asset] a.row-link").first.get_attribute("href")
    assert device is not None

    for name, path in {
        "alarms": "/alarms/",
        "device": device,
        "day": f"{device}?range=day",
    }.items():
        window.open(path)
        if name != "alarms":
            page.locator("#plot-chart canvas").wait_for()
        text = page.locator("body").inner_text()
        assert not re.search(r"\{\{|\{%|\{\w+\}|%\(\w+\)s|undefined|NaN", text)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        file = f"{name}-page-{language}-{width}-{theme}.png"
        page.screenshot(path=screenshots / file, full_page=True)
