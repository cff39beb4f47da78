"""Every refusal has one shape: code, message, field."""

from datetime import timedelta

import pytest
from django.test import Client, override_settings

from apps.accounts.models import ApiToken, User
from apps.accounts.roles import Role
from apps.assets.models import Setpoint
from cariflex.common.time import utc_now
from tests.assets.api.conftest import API, caller, token_of, user_of
from tests.assets.conftest import battery_make, pv_make

JSON = "application/json"
SETPOINT = {"device": "bat-01", "power_kw": 5.0, "reason": "test", "minutes": 5}


pytestmark = pytest.mark.usefixtures("operators")


def test_no_token_is_401_and_says_how_to_log_in() -> None:
    reply = caller().get(f"{API}/sites")

    assert reply.status_code == 401
    assert reply.json() == {
        "code": "not_authenticated",
        "message": "Authentication credentials were not provided.",
        "field": None,
    }
    assert reply["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["Bearer cfx_0000", "Bearer", "Bearer a b", "Bearer \xff\xfe", "Bearer " + "a" * 5000]
)
def test_a_wrong_token_is_401(header: str) -> None:
    reply = caller(authorization=header).get(f"{API}/sites")

    assert reply.status_code == 401
    assert reply.json()["code"] == "authentication_failed"


def test_an_expired_token_is_401_and_stays_in_the_list() -> None:
    client = caller(Role.ANALYST)
    ApiToken.objects.update(expiry=utc_now() - timedelta(seconds=1))

    assert client.get(f"{API}/sites").status_code == 401
    assert ApiToken.objects.count() == 1


def test_a_token_of_an_inactive_user_is_401() -> None:
    client = caller(Role.ANALYST)
    User.objects.update(is_active=False)

    assert client.get(f"{API}/sites").status_code == 401


@override_settings(API_AUTH_FAILURES_PER_MINUTE=3)
def test_an_address_that_keeps_failing_is_told_to_wait_and_a_right_token_still_passes() -> None:
    wrong = caller(authorization="Bearer cfx_wrong")

    statuses = [wrong.get(f"{API}/sites").status_code for _n in range(4)]
    last = wrong.get(f"{API}/sites")

    assert statuses == [401, 401, 401, 429]
    assert last.json()["code"] == "throttled"
    assert last["Retry-After"] == "60"
    right = f"Bearer {token_of(Role.ANALYST)}"
    assert wrong.get(f"{API}/sites", headers={"authorization": right}).status_code == 200


def test_a_missing_permission_is_403() -> None:
    reply = caller(Role.BILLING).get(f"{API}/sites")

    assert (reply.status_code, reply.json()["code"]) == (403, "permission_denied")


def test_an_unknown_address_and_an_unknown_row_are_404() -> None:
    client = caller(Role.ANALYST)

    for address in ("/nothing", "/sites/nowhere", "/setpoints/99999", ""):
        reply = client.get(API + address + ("/" if not address else ""))
        assert (reply.status_code, reply.json()["code"]) == (404, "not_found"), address
        assert reply.json()["field"] is None


def test_a_wrong_method_is_405() -> None:
    reply = caller(Role.OPERATIONS).delete(f"{API}/sites")

    assert (reply.status_code, reply.json()["code"]) == (405, "method_not_allowed")
    assert reply["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("query", ["?format=xml", ""])
def test_a_form_that_is_not_there_is_406(query: str) -> None:
    headers = {} if query else {"accept": "application/xml"}

    reply = caller(Role.ANALYST, **headers).get(f"{API}/sites{query}")

    assert (reply.status_code, reply.json()["code"]) == (406, "not_acceptable")


def test_a_body_of_another_type_is_415() -> None:
    client = caller(Role.OPERATIONS)

    for address in ("/setpoints", "/readings"):
        reply = client.post(API + address, "<a/>", content_type="application/xml")
        assert (reply.status_code, reply.json()["code"]) == (415, "unsupported_media_type")


def test_a_compressed_body_is_415() -> None:
    reply = caller(Role.OPERATIONS, content_encoding="gzip").post(
        f"{API}/readings", b"\x1f\x8b", content_type=JSON
    )

    assert (reply.status_code, reply.json()["code"]) == (415, "unsupported_media_type")


def test_broken_json_is_400() -> None:
    reply = caller(Role.OPERATIONS).post(f"{API}/setpoints", "{", content_type=JSON)

    assert (reply.status_code, reply.json()["code"]) == (400, "malformed")


@override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1000)
def test_a_large_body_is_413() -> None:
    reply = caller(Role.OPERATIONS).post(
        f"{API}/setpoints", {**SETPOINT, "reason": "x" * 2000}, content_type=JSON
    )

    assert (reply.status_code, reply.json()["code"]) == (413, "request_too_large")


def test_a_body_without_length_where_none_is_taken_is_411() -> None:
    client = caller(Role.OPERATIONS, transfer_encoding="chunked")

    reply = client.post(f"{API}/setpoints", content_type=JSON)

    assert (reply.status_code, reply.json()["code"]) == (411, "length_required")


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("devices?knd=pv", "unknown_parameter", "knd"),
        ("devices?kind=wind", "invalid_choice", "kind"),
        ("devices?limit=1001", "max_value", "limit"),
        ("devices?limit=0", "min_value", "limit"),
        ("devices?after=x", "invalid", "after"),
        ("devices?after=99999999999999999999", "max_value", "after"),
        ("devices?kind=pv&kind=battery", "repeated_parameter", "kind"),
        ("devices?site=%00", "null_characters_not_allowed", "site"),
        ("sites/island?x=1", "unknown_parameter", "x"),
        ("alarms?is_open=perhaps", "invalid", "is_open"),
        ("readings", "required", "start"),
        ("readings?sensor=1&start=x&end=y", "invalid", "start"),
        ("readings?sensor=1&start=2026-01-02T00:00Z&end=2026-01-01T00:00Z", "invalid", "end"),
        ("readings?sensor=1&start=2026-01-01T00:00Z&end=2026-03-01T00:00Z", "invalid", "end"),
        ("readings?start=2026-01-01T00:00Z&end=2026-01-02T00:00Z", "required", "sensor"),
        ("readings?device=a&start=2026-01-01T00:00Z&end=2026-01-02T00:00Z", "required", "sensor"),
        (
            "readings?sensor=1&device=a&start=2026-01-01T00:00Z&end=2026-01-02T00:00Z",
            "invalid",
            "device",
        ),
        ("readings?sensor=1&limit=10001", "required", "start"),
    ],
)
def test_a_wrong_parameter_is_named(query: str, code: str, field: str) -> None:
    reply = caller(Role.ANALYST).get(f"{API}/{query}")

    assert reply.status_code == 400
    body = reply.json()
    assert set(body) == {"code", "message", "field"}
    assert (body["code"], body["field"]) == (code, field)


def test_a_time_without_offset_is_refused() -> None:
    query = "readings?sensor=1&start=2026-01-01T00:00:00&end=2026-01-02T00:00:00Z"

    reply = caller(Role.ANALYST).get(f"{API}/{query}")

    assert (reply.status_code, reply.json()["field"]) == (400, "start")


def test_an_unknown_sensor_is_404_also_as_csv() -> None:
    query = "readings?sensor=999&start=2026-01-01T00:00Z&end=2026-01-02T00:00Z&format=csv"

    reply = caller(Role.ANALYST).get(f"{API}/{query}")

    assert reply.status_code == 404
    assert reply["Content-Type"] == JSON
    assert reply.json()["code"] == "sensor.unknown"


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"power_kw": 500.0}, 400, "setpoint.power_above_rated", "power_kw"),
        ({"device": "pv-01", "power_kw": 5.0}, 400, "setpoint.pv_must_not_consume", "power_kw"),
        ({"device": "nothing"}, 400, "setpoint.device_unknown", "device"),
        ({"device": "bat-02"}, 409, "setpoint.control_disabled", "device"),
        ({"reason": ""}, 400, "blank", "reason"),
        ({"power_kw": "much"}, 400, "invalid", "power_kw"),
        ({"power_kw": float("nan")}, 400, "malformed", None),
        ({"minutes": 0}, 400, "min_value", "minutes"),
        ({"expires_at": "2030-01-01T00:00:00Z"}, 400, "required", "expires_at"),
        ({"minutes": None}, 400, "null", "minutes"),
    ],
)
def test_a_refused_setpoint_says_why(
    change: dict[str, object], status: int, code: str, field: str | None
) -> None:
    battery_make()
    battery_make("bat-02", port=504, control_enabled=False)
    pv_make()

    reply = caller(Role.OPERATIONS).post(
        f"{API}/setpoints", {**SETPOINT, **change}, content_type=JSON
    )

    assert reply.status_code == status, reply.content
    assert (reply.json()["code"], reply.json()["field"]) == (code, field)
    assert set(reply.json()) == {"code", "message", "field"}


def test_what_the_service_refuses_is_kept_for_the_audit() -> None:
    battery_make()

    caller(Role.OPERATIONS).post(
        f"{API}/setpoints", {**SETPOINT, "power_kw": 500.0}, content_type=JSON
    )

    refused = Setpoint.objects.get()
    assert (refused.status, refused.error_code) == ("refused", "setpoint.power_above_rated")
    assert refused.requested_by == user_of(Role.OPERATIONS)


def test_messages_are_english_whatever_the_browser_says() -> None:
    reply = caller(accept_language="fr").get(f"{API}/sites")

    assert reply.json()["message"] == "Authentication credentials were not provided."


def test_an_unknown_operator_has_no_api() -> None:
    assert Client(headers={"host": "nobody.localhost"}).get(f"{API}/sites").status_code == 404
