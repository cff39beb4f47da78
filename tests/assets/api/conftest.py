"""Callers of the API: each with a role, by token, at an operator."""

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import token_create, user_ensure
from apps.assets.models import Sensor
from apps.tenants.context import operator_context
from apps.tenants.models import Operator

API = "/api/v1"
Caller = Callable[..., Client]


def user_of(role: Role, schema: str = "guadeloupe") -> User:
    with operator_context(schema):
        return user_ensure(username=role.value.replace(" ", "-"), password="pw", role=role)


def token_of(role: Role, schema: str = "guadeloupe") -> str:
    """A new key of the role's user."""
    user = user_of(role, schema)
    with operator_context(schema):
        return token_create(user=user, name="test", lifetime=timedelta(days=1))[1]


def caller(role: Role | None = None, schema: str = "guadeloupe", **headers: str) -> Client:
    """A client at the operator's host, with a token of the role; without role anonymous."""
    if role is not None:
        headers["authorization"] = f"Bearer {token_of(role, schema)}"
    # Failures are counted by address, and the count outlives the test.
    address = secrets.token_hex(4)
    return Client(headers={"host": f"{schema}.localhost", **headers}, REMOTE_ADDR=address)


def sensor_of(device: Any, quantity: str = "power_kw") -> Sensor:
    return Sensor.objects.get(device=device, quantity=quantity, channel="")


@pytest.fixture
def operators(operator_a: Operator, operator_b: Operator) -> tuple[Operator, Operator]:
    """Both, in one transaction that is rolled back."""
    return operator_a, operator_b
