"""The hands-off switch and the audit of set-points in the back office."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.assets.choices import SetpointStatus
from apps.assets.models import Device, HandsOffChange, Sensor, Setpoint, Site
from apps.assets.services import ReadingRow, hands_off_set, readings_store, setpoint_request
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.assets.conftest import battery_make, site_make

DEVICES = "/admin/assets/device/"
SITES = "/admin/assets/site/"
SETPOINTS = "/admin/assets/setpoint/"
CHANGES = "/admin/assets/handsoffchange/"


@pytest.fixture
def client_of(operator_a: Operator, operator_b: Operator) -> Callable[..., Client]:
    def sign_in(role: Role = Role.OPERATIONS, schema: str = "guadeloupe") -> Client:
        client = Client(headers={"host": f"{schema}.localhost", "accept-language": "en"})
        with operator_context(schema):
            client.force_login(user_ensure(username="ines", password="pw", role=role))
        return client

    return sign_in


def page(site: Site) -> str:
    return f"{SITES}{site.pk}/hands-off/"


def ask(device: Device, power_kw: float = 20.0) -> Setpoint:
    return setpoint_request(
        device_id=device.pk, power_kw=power_kw, source="plan", reason="plan 12",
        expires_at=utc_now() + timedelta(minutes=15),
    )  # fmt: skip


def test_the_page_says_what_the_switch_would_do(client_of: Callable[..., Client]) -> None:
    battery = battery_make()
    ask(battery)

    text = client_of().get(page(battery.site)).content.decode()

    assert "Switch to hands off" in text
    assert "1 set-point is in force" in text
    assert HandsOffChange.objects.count() == 0


def test_switched_on_with_its_reason_and_off_again(client_of: Callable[..., Client]) -> None:
    battery = battery_make()
    setpoint = ask(battery)
    client = client_of()

    on = client.post(page(battery.site), {"is_on": "on", "reason": "storm"}, follow=True)

    setpoint.refresh_from_db()
    assert "nothing is written any more" in on.content.decode()
    assert "storm" in on.content.decode()
    assert Site.objects.get().hands_off
    assert setpoint.status == SetpointStatus.REFUSED
    change = HandsOffChange.objects.get()
    assert (change.is_on, change.reason) == (True, "storm")
    assert change.changed_by is not None
    assert change.changed_by.username == "ines"
    assert "Hands off" in client.get(SITES).content.decode()

    client.post(page(battery.site), {"is_on": "off", "reason": "over"})

    assert not Site.objects.get().hands_off
    assert [c.reason for c in HandsOffChange.objects.order_by("pk")] == ["storm", "over"]


@pytest.mark.parametrize("form", [{"is_on": "on", "reason": " "}, {"is_on": "on"}, {"reason": "x"}])
def test_without_reason_or_direction_nothing_changes(
    client_of: Callable[..., Client], form: dict[str, str]
) -> None:
    site = site_make()

    answer = client_of().post(page(site), form)

    assert answer.status_code == 200
    assert not Site.objects.get().hands_off


def test_a_page_that_is_old_switches_nothing_back(client_of: Callable[..., Client]) -> None:
    site = site_make()
    hands_off_set(site=site, is_on=True, reason="somebody else", changed_by=None)

    client_of().post(page(site), {"is_on": "on", "reason": "storm"})

    assert Site.objects.get().hands_off
    assert HandsOffChange.objects.get().reason == "somebody else"


def test_an_analyst_looks_and_does_not_switch(client_of: Callable[..., Client]) -> None:
    site = site_make()
    client = client_of(Role.ANALYST)

    text = client.get(page(site)).content.decode()
    answer = client.post(page(site), {"is_on": "on", "reason": "storm"})

    assert "Switch to hands off" not in text
    assert answer.status_code == 403
    assert not Site.objects.get().hands_off


def test_billing_does_not_even_look(client_of: Callable[..., Client]) -> None:
    assert client_of(Role.BILLING).get(page(site_make())).status_code == 403


def test_the_button_leads_to_the_page(client_of: Callable[..., Client]) -> None:
    site = site_make()
    client = client_of()
    button = re.search(
        r'href="([^"]*to-hands-off[^"]*)"', client.get(f"{SITES}{site.pk}/change/").content.decode()
    )

    assert button is not None
    assert client.get(button[1], follow=True).redirect_chain == [(page(site), 302)]


def test_the_record_is_read_only_and_of_the_operator(client_of: Callable[..., Client]) -> None:
    hands_off_set(site=site_make(), is_on=True, reason="storm", changed_by=None)
    mine, theirs = client_of(), client_of(schema="martinique")

    assert "storm" in mine.get(CHANGES).content.decode()
    assert "storm" not in theirs.get(CHANGES).content.decode()
    assert mine.get(f"{CHANGES}add/").status_code == 403
    assert mine.post(f"{CHANGES}{HandsOffChange.objects.get().pk}/delete/").status_code == 403


def test_the_switch_of_an_operator_is_not_that_of_another(
    client_of: Callable[..., Client], operator_b: Operator
) -> None:
    mine = site_make()
    with operator_context(operator_b.schema_name):
        theirs = site_make()
    client = client_of(schema="martinique")

    if mine.pk != theirs.pk:
        assert client.get(page(mine)).status_code == 404
    client.post(page(theirs), {"is_on": "on", "reason": "x"})

    with operator_context(operator_b.schema_name):
        assert Site.objects.get().hands_off
    with operator_context("guadeloupe"):
        assert not Site.objects.get().hands_off
        assert HandsOffChange.objects.count() == 0


def test_a_device_has_the_switch_too(client_of: Callable[..., Client]) -> None:
    battery = battery_make()
    client = client_of()

    assert "to-hands-off" in client.get(f"{DEVICES}{battery.pk}/change/").content.decode()
    client.post(f"{DEVICES}{battery.pk}/hands-off/", {"is_on": "on", "reason": "work on it"})

    assert Device.objects.get().hands_off
    assert not Site.objects.get().hands_off
    assert HandsOffChange.objects.get().device == battery


def test_a_device_says_that_its_site_is_switched(client_of: Callable[..., Client]) -> None:
    battery = battery_make()
    hands_off_set(site=battery.site, is_on=True, reason="storm", changed_by=None)

    text = client_of().get(f"{DEVICES}{battery.pk}/hands-off/").content.decode()

    assert "Hands off (site)" in text
    assert "The whole site is switched to hands off." in text


# --- the audit of set-points ---


def test_an_operator_is_told_that_a_limit_cut_what_was_asked(
    client_of: Callable[..., Client],
) -> None:
    battery = battery_make()
    Site.objects.update(grid_import_limit_kw=30.0)

    answer = client_of().post(
        f"{SETPOINTS}add/",
        {"device": battery.pk, "power_kw": "80", "reason": "test", "minutes": "30"},
        follow=True,
    )

    text = answer.content.decode()
    assert "Cut from 80.0 kW to 30.0 kW: import limit of the grid connection." in text
    assert "30.0 kW (import limit of the grid connection)" in text


def test_a_refusal_is_shown_in_words(client_of: Callable[..., Client]) -> None:
    battery = battery_make()
    hands_off_set(device=battery, is_on=True, reason="x", changed_by=None)

    answer = client_of().post(
        f"{SETPOINTS}add/",
        {"device": battery.pk, "power_kw": "80", "reason": "test", "minutes": "30"},
    )

    assert "Hands off: nothing is written to this device" in answer.content.decode()


def test_each_set_point_tells_its_whole_story(client_of: Callable[..., Client]) -> None:
    battery = battery_make()
    Site.objects.update(grid_import_limit_kw=30.0)
    sensor = Sensor.objects.get(device=battery, quantity="power_kw")
    readings_store([ReadingRow(sensor.pk, utc_now(), 3.5)])
    setpoint = ask(battery, 80.0)
    Setpoint.objects.update(status="applied", readback_kw=29.9, error="at last")

    text = client_of().get(f"{SETPOINTS}{setpoint.pk}/change/").content.decode()

    for shown in ("3.5", "80.0 kW", "30.0 kW", "29.9", "plan 12", "at last", "Read back"):
        assert shown in text, shown


def test_only_what_can_be_controlled_is_offered(client_of: Callable[..., Client]) -> None:
    battery_make("bat-01")
    new = battery_make("bat-02", port=504)
    Device.objects.filter(pk=new.pk).update(stage="new")
    battery_make("bat-03", port=505, control_enabled=False)

    text = client_of().get(f"{SETPOINTS}add/").content.decode()

    assert "Battery bat-01" in text
    assert "Battery bat-02" not in text
    assert "Battery bat-03" not in text
