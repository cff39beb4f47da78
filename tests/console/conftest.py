"""Fixtures of the console: a fixed moment, a signed-in browser at each operator."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.console.viewmodels import day
from apps.tenants.context import operator_context
from apps.tenants.models import Operator

NOW = datetime(2026, 11, 23, 15, 7, 30, tzinfo=UTC)
"""11:07:30 in Guadeloupe."""


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(autouse=True)
def _no_cached_figures(request: pytest.FixtureRequest) -> None:
    """Prices and day charts are kept for seconds: another test's must not be seen."""
    if "operator_a" in request.fixturenames:
        request.getfixturevalue("operator_a")
        for schema in ("guadeloupe", "martinique"):
            with operator_context(schema):
                cache.clear()
    assert day.CACHE_S > 0


@pytest.fixture
def signed_in(operator_a: Operator, operator_b: Operator) -> Callable[..., Client]:
    """`signed_in("martinique", role=...)`: a client with a session at that operator."""

    def sign_in(schema: str, role: Role = Role.OPERATIONS) -> Client:
        client = Client(headers={"host": f"{schema}.localhost", "accept-language": "en"})
        with operator_context(schema):
            client.force_login(user_ensure(username="somebody", password="pw", role=role))
        return client

    return sign_in


@pytest.fixture
def queries_at_most() -> Callable[[int], AbstractContextManager[None]]:
    """`with queries_at_most(10): ...`; django-tenants' own SET search_path does not count."""

    @contextmanager
    def watch(limit: int) -> Iterator[None]:
        with CaptureQueriesContext(connection) as captured:
            yield
        queries = [query["sql"] for query in captured if "SET search_path" not in query["sql"]]
        assert len(queries) <= limit, "\n".join(queries)

    return watch
