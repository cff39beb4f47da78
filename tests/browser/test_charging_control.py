"""Commands, profiles, load groups and reservations as an operator uses them, at a live station."""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.browser.conftest import Visit
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.browser]

OPERATOR, STATION_ID = "guadeloupe", "QUAY-7"
BOOT = {"reason": "PowerUp", "chargingStation": {"model": "Wall 22", "vendorName": "ACME"}}
# An order goes out and back within a second; the page asks again each second.
LIVE_MS = 20_000


class Quay:
    """A station that takes every order, and remembers them."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.taken: list[tuple[str, dict[str, Any]]] = []
        socket.send(json.dumps([2, "boot", "BootNotification", BOOT]))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                frame = json.loads(self._socket.recv())
            except ConnectionClosed:
                return
            if frame[0] != 2:
                continue
            _kind, number, action, payload = frame
            self.taken.append((action, payload))
            answer: dict[str, Any] = {"status": "Accepted"}
            if action == "GetBaseReport":
                answer = {"status": "NotSupported"}
            self._socket.send(json.dumps([3, number, answer]))

    def close(self) -> None:
        self._socket.close()
        self._thread.join(10)


@pytest.fixture(scope="module")
def quay(stack: Stack) -> Iterator[Quay]:
    """QUAY-7 of Guadeloupe, connected while these tests run."""
    added = stack.run("manage", "station_add", "--operator", OPERATOR, STATION_ID, "--json")
    found = re.search(r'"password": "([^"]+)"', added.stdout)
    assert found is not None, added.stdout
    token = base64.b64encode(f"{STATION_ID}:{found[1]}".encode()).decode()
    with connect(
        f"ws://127.0.0.1:{stack.ports.web}/ocpp/{OPERATOR}/{STATION_ID}",
        subprotocols=["ocpp2.0.1"],  # type: ignore[list-item]
        additional_headers={"Authorization": f"Basic {token}"},
    ) as socket:
        station = Quay(socket)
        yield station
        station.close()


def confirmed(page: Page) -> None:
    """Read what is about to be done, and say yes by keyboard."""
    dialog = page.locator("dialog#confirm")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Yes, do it").press("Enter")


def settled(page: Page) -> None:
    """Wait until the page's live line is up: leaving before that is told as a warning."""
    page.locator('#link-state[data-state="live"]').wait_for()


def test_commands_are_filled_in_sent_and_followed(
    quay: Quay, visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = visit()
    page = window.page
    window.open("/charging/commands/")
    page.get_by_role("link", name="New command").click()

    # The station is found; the action's fields come out of the schema.
    page.get_by_label("Search").fill(STATION_ID)
    page.locator(".station-choice", has_text=STATION_ID).locator("input").check()
    expect(page.locator("#chosen-count")).to_have_text("1 station chosen")
    page.select_option("#action", "TriggerMessage")
    expect(page.locator("#check-result")).to_contain_text("fits the standard")
    page.locator('[data-path="requestedMessage"] select').select_option("Heartbeat")
    # A field that is wrong says so beside itself, also when it is written as JSON.
    page.locator('[data-path="evse"] input[type=checkbox]').check()
    expect(page.locator('[data-path="evse.id"] .field-error')).to_have_text("This field is needed.")
    page.locator('[data-path="evse.id"] input').fill("one")
    expect(page.locator('[data-path="evse.id"] .field-error')).to_contain_text("one")
    page.screenshot(path=screenshots / "commands-send-wrong.png", full_page=True)
    page.get_by_role("button", name="JSON").click()
    page.locator("#payload").fill('{"requestedMessage": "Heartbeat", "evse": {"id": 1}}')
    expect(page.locator("#check-result")).to_contain_text("fits the standard")
    page.get_by_role("button", name="Form").click()
    expect(page.locator('[data-path="evse.id"] input')).to_have_value("1")
    page.locator("#reason").fill("Is it alive?")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#confirm-title")).to_have_text("TriggerMessage to 1 station chosen")
    confirmed(page)

    # Its page follows by itself.
    page.wait_for_url(re.compile(r"/charging/commands/\d+/$"))
    expect(page.locator(".title-row .badge")).to_have_text("Accepted", timeout=LIVE_MS)
    expect(page.locator("#live-part")).to_contain_text("Is it alive?")
    assert ("TriggerMessage", {"requestedMessage": "Heartbeat", "evse": {"id": 1}}) in quay.taken
    page.screenshot(path=screenshots / "commands-detail.png", full_page=True)

    # To all: progress, then a result for each station.
    window.open("/charging/commands/send/?action=ClearCache&to=all")
    page.get_by_role("button", name="Send").click()
    confirmed(page)
    page.wait_for_url(re.compile(r"/batches/\d+/$"))
    expect(page.locator(".batch-percent strong")).to_have_text(
        re.compile("100"), timeout=3 * LIVE_MS
    )
    assert page.locator("tr[data-command]").count() > 1
    page.screenshot(path=screenshots / "commands-batch.png", full_page=True)


def test_a_profile_is_drawn_corrected_set_and_cleared(
    quay: Quay, visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = visit()
    page = window.page
    window.open(f"/charging/profiles/edit?station={STATION_ID}&evse=1")
    page.locator("#preview-chart canvas").wait_for()
    expect(page.locator("#preview-result")).to_have_text("No rule of the standard is broken.")

    page.get_by_role("button", name="Add a period").click()
    row = page.locator("#periods li").nth(1)
    row.locator("[name=period_start]").fill("0:00")
    row.locator("[name=period_limit]").fill("8")
    wrong = row.locator('[data-period="startPeriod"] .field-error')
    expect(wrong).to_contain_text("K01.FR.35: Periods begin one after the other.")
    page.screenshot(path=screenshots / "profiles-edit-wrong.png", full_page=True)
    row.locator("[name=period_start]").fill("3:30")
    expect(wrong).to_have_count(0)
    expect(page.locator("#preview-legend button")).to_have_count(2)
    page.locator("#reason").fill("Quiet evenings")
    page.get_by_role("button", name="Set the profile").click()

    expect(page.get_by_text("The station is asked to take the profile.")).to_be_visible()
    line = page.locator("tr[data-profile]").first
    expect(line.locator(".badge")).to_have_text("In force", timeout=LIVE_MS)
    expect(line).to_contain_text("8–16\u00a0A in 2 periods")
    page.locator("#schedule-chart canvas").wait_for()
    told = next(payload for action, payload in quay.taken if action == "SetChargingProfile")
    periods = told["chargingProfile"]["chargingSchedule"][0]["chargingSchedulePeriod"]
    assert periods == [{"startPeriod": 0, "limit": 16}, {"startPeriod": 12600, "limit": 8}]
    page.screenshot(path=screenshots / "profiles-station.png", full_page=True)

    line.get_by_role("button", name="Clear").click()
    confirmed(page)
    expect(page.get_by_text("The station is asked to forget the profile.")).to_be_visible()
    settled(page)
    expect(page.locator("tr[data-profile]")).to_have_count(0, timeout=LIVE_MS)


def test_a_load_group_is_made_and_its_cap_moved(
    quay: Quay, visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = visit()
    page = window.page
    window.open("/charging/groups/")
    page.get_by_label("Name").fill("Quay seven")
    page.get_by_label("Cap per phase (A)").fill("25")
    page.get_by_role("button", name="Make").click()
    page.get_by_text("Add an EVSE").click()
    option = page.locator("#m-evse option", has_text=STATION_ID)
    page.select_option("#m-evse", option.first.get_attribute("value"))
    page.get_by_role("button", name="Add", exact=True).click()

    # The station takes its limit, and the page shows it without being asked.
    member = page.locator("tr[data-member]")
    limit = member.locator("td.number").first
    expect(limit).to_contain_text(re.compile(r"^\d+\.\d A"), timeout=LIVE_MS)
    page.locator("#group-chart canvas").wait_for()
    before = len(quay.taken)
    page.locator("#cap").fill("4.5")
    page.locator("#cap").press("Enter")
    expect(limit).to_contain_text(re.compile(r"^[0-4]\.\d A"), timeout=LIVE_MS)
    expect(page.locator(".tiles .tile-value").first).to_have_text("4.5 A")
    assert any(action == "SetChargingProfile" for action, _payload in quay.taken[before:])
    page.screenshot(path=screenshots / "groups-detail.png", full_page=True)
    member.get_by_role("button", name="Take out").click()
    confirmed(page)
    expect(page.get_by_text("The EVSE is out of the group")).to_be_visible()
    settled(page)


def test_a_place_is_reserved_and_given_back(
    quay: Quay, visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = visit()
    page = window.page
    window.open(f"/charging/reservations/?q={STATION_ID}")
    page.get_by_text("Reserve a place").click()
    page.locator("#r-station").fill(STATION_ID)
    page.locator("#r-evse").fill("1")
    page.locator("#r-token").fill("ANNE-000123")
    page.get_by_role("button", name="Reserve", exact=True).click()
    expect(page.get_by_text("The station is asked to keep the place.")).to_be_visible()
    settled(page)

    line = page.locator("tr[data-open]", has_text=STATION_ID)
    expect(line.locator(".badge")).to_have_text("Accepted", timeout=LIVE_MS)
    window.open(f"/charging/reservations/?q={STATION_ID}")
    expect(page.locator(f'tr[data-place="{STATION_ID}/1"] .slot').first).to_contain_text("0123")
    page.screenshot(path=screenshots / "reservations-week.png", full_page=True)
    line.get_by_role("button", name="Cancel").click()
    confirmed(page)
    expect(page.get_by_text("The station is asked to give the place back.")).to_be_visible()
    settled(page)
    expect(line).to_have_count(0, timeout=LIVE_MS)
    assert "CancelReservation" in [action for action, _payload in quay.taken]


@pytest.mark.parametrize(
    ("width", "theme", "language"),
    [(1280, "dark", "fr"), (390, "light", "en")],
)
def test_the_pages_of_charging_control_fit_every_screen(
    width: int, theme: str, language: str, quay: Quay, visit: Callable[..., Visit],
    screenshots: Path,
) -> None:  # fmt: skip
    window = visit(width=width, theme=theme, language=language)
    page = window.page
    for name, path in {
        "commands": "/charging/commands/",
        "commands-send": f"/charging/commands/send/?station={STATION_ID}&action=GetLog",
        "profiles": f"/charging/profiles/?station={STATION_ID}&past=1",
        "profiles-edit": f"/charging/profiles/edit?station={STATION_ID}&evse=1",
        "groups": "/charging/groups/",
        "reservations": "/charging/reservations/",
    }.items():
        window.open(path)
        if name in ("profiles", "profiles-edit"):
            page.locator(".chart canvas").first.wait_for()
        if name == "commands-send":
            page.locator(".schema-field").first.wait_for()
        text = page.locator("body").inner_text()
        assert not re.search(r"\{\{|\{%|%\(\w+\)s|undefined|NaN", text), name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        file = f"charging-{name}-{language}-{width}-{theme}.png"
        page.screenshot(path=screenshots / file, full_page=True)
