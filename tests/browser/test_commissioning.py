"""A technician brings a battery into service, from "add" to "in service", in front of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from apps.simulation.clock import SystemClock
from apps.simulation.devices.battery import Battery
from apps.simulation.island import IslandDevice
from tests.assets.conftest import DeviceLoop, FreePortServer
from tests.browser.conftest import Visit

pytestmark = [pytest.mark.stack, pytest.mark.browser]

# Any CSS colour through a canvas, backgrounds laid over each other; the pages' own part only.
CONTRAST = """() => {
  const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const parse = text => {
    paint.clearRect(0, 0, 1, 1);
    paint.fillStyle = text;
    paint.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = paint.getImageData(0, 0, 1, 1).data;
    return { rgb: [r, g, b], alpha: a / 255 };
  };
  const over = (top, under) => top.rgb.map((v, i) => v * top.alpha + under[i] * (1 - top.alpha));
  const behind = node => {
    if (!node) return [255, 255, 255];
    const colour = parse(getComputedStyle(node).backgroundColor);
    return colour.alpha === 1 ? colour.rgb : over(colour, behind(node.parentElement));
  };
  const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const poor = [];
  const walker = document.createTreeWalker(
    document.getElementById('content-main'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !node.checkVisibility()) continue;
    if (node.closest('script, option, button:disabled, .material-symbols-outlined')) continue;
    const under = behind(node);
    const [one, other] = [
      light(over(parse(getComputedStyle(node).color), under)), light(under)];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) {
      poor.push(`${node.className} ${walker.currentNode.textContent.trim()} ${ratio.toFixed(2)}`);
    }
  }
  return [...new Set(poor)];
}"""

TEST_PATIENCE_MS = 60_000
"""A test write takes its reversion time of 10 s, 2 s more and the way to the worker and back."""


@pytest.fixture
def battery_port() -> Iterator[int]:
    """A 50 kW, 100 kWh battery that nobody has registered."""
    asset = IslandDevice(
        code="bat-new",
        kind="battery",
        name="Batterie",
        commune="Les Abymes",
        latitude=16.27,
        longitude=-61.5,
        port_offset=10,
        rated_power_kw=50.0,
        capacity_kwh=100.0,
        initial_soc_percent=50.0,
        soc_min_percent=10.0,
        soc_max_percent=90.0,
        charging_efficiency=0.96,
        discharging_efficiency=0.96,
    )
    loop = DeviceLoop()
    yield loop.start(FreePortServer(Battery("guadeloupe", asset, SystemClock()))).port
    loop.close()


def press(page: Page, action: str) -> None:
    page.locator(f'button[name="action"][value="{action}"]').first.click()


def picture(page: Page, folder: Path, name: str) -> None:
    """Nothing sticks out to the side, text is readable, and what it looks like."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    assert page.evaluate(CONTRAST) == [], name
    page.screenshot(path=folder / f"{name}.png", full_page=True)


def tried_kw(page: Page) -> float:
    """Press "test" and wait for its end; gives the power that was written.

    The island beside us may be at the limit of its grid connection just then: the page says so,
    and the other direction is free.
    """
    refused = page.locator("[data-error]:not([hidden])")
    for power_kw in (2.5, -2.5):
        page.fill('[name="power_kw"]', str(power_kw))
        press(page, "test")
        page.locator('[data-result="readback"]').or_(refused).first.wait_for(
            timeout=TEST_PATIENCE_MS
        )
        if not refused.count():
            return power_kw
        assert "grid" in refused.inner_text() or "réseau" in refused.inner_text()
    pytest.fail("refused in both directions")


@pytest.mark.parametrize(
    ("language", "width", "theme"),
    [
        ("en", 1280, "light"),
        pytest.param("fr", 390, "light", marks=pytest.mark.slow),
        pytest.param("fr", 390, "dark", marks=pytest.mark.slow),
    ],
)
def test_from_add_to_in_service(
    language: str,
    width: int,
    theme: str,
    visit: Callable[..., Visit],
    battery_port: int,
    screenshots: Path,
) -> None:
    window = visit(language=language, width=width, theme=theme)
    page, look = window.page, f"{language}-{width}-{theme}"
    name = f"Batterie {look}"

    page.goto(f"{window.base_url}/admin/assets/device/add/")
    page.select_option("#id_site", index=1)
    page.fill("#id_name", name)
    page.fill("#id_host", "127.0.0.1")
    page.fill("#id_port", str(battery_port))
    page.screenshot(path=screenshots / f"commission-1-add-{look}.png", full_page=True)
    page.click('button[name="_save"]')
    page.wait_for_url("**/commission/")

    try:
        press(page, "probe")
        found = page.locator(".commissioning-found")
        found.wait_for(timeout=TEST_PATIENCE_MS)
        assert "Sim ESS" in found.inner_text()
        assert found.locator('[name="rated_power_kw"]').input_value() == "50.0"
        assert found.locator('[name="capacity_kwh"]').input_value() == "100.0"
        found.locator('[name="control_enabled"]').check()
        picture(page, screenshots, f"commission-2-found-{look}")
        press(page, "choose")

        press(page, "read")
        page.locator('[data-point="701.W"]').wait_for()
        answered_at = page.locator("#content-main time")
        before = answered_at.inner_text()
        expect(page.locator("[data-live-toggle]")).to_be_checked()
        expect(answered_at).not_to_have_text(before, timeout=15_000)
        picture(page, screenshots, f"commission-3-values-{look}")

        assert page.locator('[name="power_kw"]').input_value() == "2.5", "5 % of 50 kW"
        assert page.locator('[name="reversion_s"]').input_value() == "10"
        figure = f"{tried_kw(page):.2f} kW"
        figure = figure.replace(".", ",") if language == "fr" else figure
        assert page.locator('[data-result="asked"]').inner_text() == figure
        assert page.locator('[data-result="readback"]').inner_text() == figure
        picture(page, screenshots, f"commission-4-tested-{look}")

        press(page, "in_service")
        page.locator('button[value="withdraw"]').wait_for()
        picture(page, screenshots, f"commission-5-in-service-{look}")

        window.open("/devices/")
        row = page.locator("tr[data-asset]", has_text=name)
        expect(row).to_be_visible(timeout=30_000)
        expect(row.locator('[data-part="soc"]')).to_contain_text("50", timeout=30_000)
    finally:
        # The other tests count the devices of the demo.
        page.goto(f"{window.base_url}/admin/assets/device/?q=batterie-{look.lower()}")
        page.locator('#result_list a[href$="/commission/"]').click()
        if page.locator('button[value="withdraw"]').count():
            press(page, "withdraw")
            page.locator('button[value="withdraw"]').wait_for(state="detached")


def test_the_keyboard_alone_probes_a_device(
    visit: Callable[..., Visit], battery_port: int, screenshots: Path
) -> None:
    window = visit()
    page = window.page
    page.goto(f"{window.base_url}/admin/assets/device/add/")
    page.select_option("#id_site", index=1)
    page.fill("#id_name", "Clavier")
    page.fill("#id_host", "127.0.0.1")
    page.fill("#id_port", str(battery_port))
    page.keyboard.press("Enter")
    page.wait_for_url("**/commission/")

    # The menu, which comes before, grows with every model.
    for _stop in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.value === 'probe'"):
            break
    page.keyboard.press("Enter")
    page.locator(".commissioning-found").wait_for(timeout=TEST_PATIENCE_MS)

    page.goto(page.url.replace("/commission/", "/trace/"))
    page.locator("#content-main form button").click()
    row = page.locator(".commissioning-table tbody tr").first
    row.wait_for(timeout=TEST_PATIENCE_MS)
    picture(page, screenshots, "commission-trace-en-1280-light")


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_a_list_is_looked_at_before_it_is_stored(
    width: int, theme: str, visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = visit(width=width, theme=theme)
    page = window.page
    page.goto(f"{window.base_url}/admin/assets/deviceimport/add/")
    picture(page, screenshots, f"import-add-en-{width}-{theme}")
    lines = (
        "code;name;site;kind;host;rated_power_kw\n"
        "list-1;Toit 1;guadeloupe;pv;192.168.1.1;12,5\n"
        "list-2;Toit 2;mars;pv;192.168.1.2;5\n"
        "list 3;Toit 3;guadeloupe;pv;192.168.1.3;beaucoup\n"
    )
    page.set_input_files(
        'input[type="file"]',
        {"name": "toits.csv", "mimeType": "text/csv", "buffer": lines.encode()},
    )

    page.locator("#content-main form button").click()

    page.wait_for_url("**/change/")
    assert page.locator(".commissioning-table tbody tr").count() == 3
    assert page.locator('.commissioning-table [data-colour="bad"]').count() >= 2
    picture(page, screenshots, f"import-checked-en-{width}-{theme}")
