"""Fixtures of every test: two operators that exist for the whole run.

`operator_a` / `operator_b`: with pytest-django's `db`, rolled back after the test.
`live_operators`: real commits in both schemas, for tests with threads, sockets or workers;
what was written is deleted afterwards. (Django's own transactional tests would truncate the
public schema, and with it the operators.)
"""

import math
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any

import pytest
from django.db import connection, transaction
from django_tenants.utils import schema_context
from hypothesis import HealthCheck, settings
from pytest_django import DjangoDbBlocker, fixtures

from apps.chargers.services.webhooks import recording
from apps.tenants.context import operator_context
from apps.tenants.directory import forget_operators
from apps.tenants.models import Operator
from apps.tenants.services.empty_schema import new_models_rendered_alone
from tests.operators import OPERATOR_A, OPERATOR_B, operators_make

pytest_plugins = ["tests.stack"]

# A busy machine is no fault: no property fails for the time that it takes.
settings.register_profile(
    "calm", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("calm")

# pytest-django makes the test database only when a collected test has its `db` fixture or marker;
# a run of tests with `live_operators` alone would work on the real one.
fixtures._get_databases_for_setup = lambda _items: ({"default"}, set())

KEPT_TABLES = frozenset(
    {
        "django_migrations",
        "django_content_type",
        "auth_permission",
        "auth_group",
        "auth_group_permissions",
    }
)


@pytest.fixture(scope="session")
def _empty_schemas() -> Iterator[ExitStack]:
    """The test database is empty until it is migrated, which is then quick."""
    with ExitStack() as kept:
        kept.enter_context(new_models_rendered_alone())
        yield kept


@pytest.fixture(scope="session")
def django_db_setup(
    _empty_schemas: ExitStack, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    _empty_schemas.close()
    with django_db_blocker.unblock():
        operators_make()
        for schema_name in (OPERATOR_A, OPERATOR_B):
            _empty(schema_name)
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        # Threads of the tests keep connections, which would hold the database back.
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(autouse=True)
def _fresh_directory() -> Iterator[None]:
    forget_operators()
    yield
    forget_operators()


@pytest.fixture(autouse=True)
def _subscriptions_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test knows no subscription of another one, and asks once however long it takes."""
    monkeypatch.setattr(recording, "ASKED_EVERY_S", math.inf)
    for schema_name in (OPERATOR_A, OPERATOR_B):
        recording.wanted_forget(schema_name)


@pytest.fixture
def operator_a(db: None) -> Iterator[Operator]:
    """Guadeloupe, with the test's connection in its schema."""
    with operator_context(OPERATOR_A) as operator:
        yield operator


@pytest.fixture
def operator_b(db: None) -> Operator:
    """Martinique; enter it with operator_context."""
    with schema_context("public"):
        return Operator.objects.get(schema_name=OPERATOR_B)


@pytest.fixture
def live_operators(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[Operator, Operator]]:
    """Both operators with real commits; enter one with operator_context."""
    with django_db_blocker.unblock():
        connection.set_schema_to_public()
        operators = {o.schema_name: o for o in Operator.objects.all()}
        _restart_sequences()
        yield operators[OPERATOR_A], operators[OPERATOR_B]
        connection.set_schema_to_public()
        for schema_name in (OPERATOR_A, OPERATOR_B):
            _empty(schema_name)


def _restart_sequences() -> None:
    """Both operators count from 1, so that their rows have the same ids."""
    with connection.cursor() as cursor:
        _execute_prepared(
            cursor,
            "test_sequences",
            "SELECT setval(format('%%I.%%I', schemaname, sequencename)::regclass, 1, false)"
            " FROM pg_sequences WHERE schemaname IN (%s, %s) AND last_value IS NOT NULL"
            " AND sequencename !~ '^(django|auth)_'",
            [OPERATOR_A, OPERATOR_B],
        )


def _execute_prepared(cursor: Any, name: str, sql: str, params: list[str]) -> None:
    """Execute a statement that each connection plans once: planning it costs ten times more."""
    cursor.execute("SELECT FROM pg_prepared_statements WHERE name = %s", [name])
    if not cursor.rowcount:
        cursor.execute(f"PREPARE {name} AS {sql}", params)
    cursor.execute(f"EXECUTE {name}")


def _empty(schema_name: str) -> None:
    """Empty the tables of one operator that hold rows.

    By DELETE: the cascade of a TRUNCATE makes new files for every table of the schema. Foreign
    keys are deferred, so the order does not matter. What was issued is kept by triggers.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        looks = [
            f"(SELECT '{table}'::text, {is_guarded} FROM {schema_name}.\"{table}\" LIMIT 1)"
            for table, is_guarded in _tables(schema_name).items()
        ]
        if not looks:
            return
        _execute_prepared(cursor, f"test_filled_{schema_name}", " UNION ALL ".join(looks), [])
        filled = {f'{schema_name}."{table}"': guarded for table, guarded in cursor.fetchall()}
        guarded = [table for table, is_guarded in filled.items() if is_guarded]
        statements = [
            *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in guarded),
            *(f"DELETE FROM {table}" for table in filled),
            "SET CONSTRAINTS ALL IMMEDIATE",
            *(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in guarded),
        ]
        if filled:
            cursor.execute(";".join(statements))


@cache
def _tables(schema_name: str) -> dict[str, bool]:
    """The tables of one operator that tests fill, with whether triggers of ours guard them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, EXISTS ("
            "  SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)"
            " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND NOT c.relispartition",
            [schema_name],
        )
        return {name: guarded for name, guarded in cursor.fetchall() if name not in KEPT_TABLES}
