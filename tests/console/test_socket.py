"""The browser's WebSocket at two operators, through the real routing."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.sessions.models import Session as LoginSession
from django.db import connection
from django.test import Client

from apps.accounts.roles import Role
from apps.accounts.services import roles_ensure, user_ensure
from apps.console.groups import DIRTY, live_group
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from cariflex.routing import websocket
from tests.console.scene import island_build, readings_put

Operators = tuple[Operator, Operator]


@pytest.fixture
def cookies(live_operators: Operators) -> Iterator[dict[str, str]]:
    """A session of an operations user at each operator, and of a partner's machine at A."""
    keys = {}
    for schema, role in (
        ("guadeloupe", Role.OPERATIONS),
        ("martinique", Role.OPERATIONS),
        ("partner", Role.PARTNER_API),
    ):
        home = "guadeloupe" if schema == "partner" else schema
        client = Client(headers={"host": f"{home}.localhost"})
        with operator_context(home):
            roles_ensure()
            client.force_login(user_ensure(username=schema, password="pw", role=role))
        keys[schema] = str(client.cookies[settings.SESSION_COOKIE_NAME].value)
    yield keys
    connection.set_schema_to_public()


class Browser:
    """One WebSocket as a browser opens it (channels' own test client needs Daphne)."""

    def __init__(self, host: str, cookie: str = "") -> None:
        headers = [(b"host", f"{host}.localhost".encode())]
        if cookie:
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
        self.wire = ApplicationCommunicator(
            websocket,
            {"type": "websocket", "path": "/ws/live/", "headers": headers, "extensions": {}},
        )

    async def connect(self) -> bool:
        await self.wire.send_input({"type": "websocket.connect"})
        answer = await self.wire.receive_output(timeout=5)
        return bool(answer["type"] == "websocket.accept")

    async def snapshot(self) -> dict[str, Any]:
        message = await self.wire.receive_output(timeout=5)
        snapshot: dict[str, Any] = json.loads(message["text"])
        return snapshot

    async def leave(self) -> None:
        await self.wire.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wire.wait(timeout=5)


@pytest.mark.asyncio
async def test_a_signed_in_browser_gets_a_snapshot_at_once(cookies: dict[str, str]) -> None:
    browser = Browser("guadeloupe", cookies["guadeloupe"])

    assert await browser.connect()
    assert (await browser.snapshot())["schema"] == "guadeloupe"
    await browser.leave()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("host", "session"),
    [("guadeloupe", ""), ("martinique", "guadeloupe"), ("guadeloupe", "partner"),
     ("platform", "guadeloupe"), ("nobody", "guadeloupe")],
)  # fmt: skip
async def test_everybody_else_is_refused(host: str, session: str, cookies: dict[str, str]) -> None:
    assert not await Browser(host, cookies.get(session, "")).connect()


def _build() -> None:
    with operator_context("guadeloupe"):
        island_build(now=utc_now())


def _change(now: datetime, power_kw: float) -> None:
    powers_kw = {"pv-01": power_kw, "pv-02": -2.0, "bat-01": 4.0, "bat-02": -1.0}
    with operator_context("guadeloupe"):
        readings_put(now=now, powers_kw=powers_kw)


@pytest.mark.asyncio
async def test_a_reading_reaches_its_operators_browser_and_no_other(
    cookies: dict[str, str],
) -> None:
    await sync_to_async(_build)()
    ours = Browser("guadeloupe", cookies["guadeloupe"])
    others = Browser("martinique", cookies["martinique"])
    assert await ours.connect()
    assert await others.connect()
    first, other = await ours.snapshot(), await others.snapshot()

    await sync_to_async(_change)(utc_now(), -4.0)
    await get_channel_layer().group_send(live_group("guadeloupe"), DIRTY)
    later = await ours.snapshot()

    assert first["flow"]["pv_power_kw"] == -5.0
    assert later["flow"]["pv_power_kw"] == -6.0
    assert other["assets"] == []
    assert await others.wire.receive_nothing(timeout=0.5)
    await ours.leave()
    await others.leave()


def _log_out(session_key: str) -> None:
    with operator_context("guadeloupe"):
        LoginSession.objects.filter(pk=session_key).delete()


@pytest.mark.asyncio
async def test_an_ended_session_ends_its_socket(
    cookies: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.console.consumers.RECHECK_S", 0.0)
    browser = Browser("guadeloupe", cookies["guadeloupe"])
    assert await browser.connect()
    await browser.snapshot()

    await sync_to_async(_log_out)(cookies["guadeloupe"])
    await get_channel_layer().group_send(live_group("guadeloupe"), DIRTY)
    answer = await browser.wire.receive_output(timeout=5)

    assert (answer["type"], answer["code"]) == ("websocket.close", 4403)
    await browser.leave()
