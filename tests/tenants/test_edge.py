"""The edge: which operator a request, a task and a WebSocket belong to."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from apps.tenants.choices import OperatorStatus
from apps.tenants.directory import hostname, operator_by_host
from apps.tenants.models import Operator
from apps.tenants.services import domain_add, operator_create, operator_status_set
from cariflex.common.errors import DomainError

pytestmark = pytest.mark.django_db


def test_a_known_host_is_served_and_an_unknown_one_is_not_found(client: Client) -> None:
    assert client.get("/admin/login/", headers={"host": "guadeloupe.localhost"}).status_code == 200

    reply = client.get("/admin/login/", headers={"host": "nobody.example"})

    assert reply.status_code == 404
    assert reply.content == b"No operator answers at this host."


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Guadeloupe.LOCALHOST:5000", "guadeloupe.localhost"),
        ("guadeloupe.localhost.", "guadeloupe.localhost"),
        ("[::1]:5000", "[::1]"),
        ("", ""),
    ],
)
def test_a_host_header_is_reduced_to_its_name(header: str, name: str) -> None:
    assert hostname(header) == name


def test_a_warm_resolution_asks_no_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(2):  # SET search_path, SELECT
        operator_by_host("guadeloupe.localhost:5000")

    with django_assert_num_queries(0):
        assert operator_by_host("guadeloupe.localhost:5000") is not None


def test_a_warm_request_that_reads_nothing_asks_no_query(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    operator_by_host("guadeloupe.localhost")

    with django_assert_num_queries(0):
        client.get("/health", headers={"host": "guadeloupe.localhost"})
        client.get("/nowhere-at-all/", headers={"host": "guadeloupe.localhost"})


def test_a_suspended_operator_is_refused(client: Client, operator_b: Operator) -> None:
    operator_status_set(operator=operator_b, status=OperatorStatus.SUSPENDED)

    reply = client.get("/admin/login/", headers={"host": "martinique.localhost"})

    assert reply.status_code == 403
    assert client.get("/admin/login/", headers={"host": "guadeloupe.localhost"}).status_code == 200


def test_the_health_answer_needs_no_host(client: Client) -> None:
    assert client.get("/health", headers={"host": "nobody.example"}).json() == {"status": "ok"}


def test_the_request_runs_in_the_schema_of_its_host(client: Client) -> None:
    client.get("/admin/login/", headers={"host": "martinique.localhost"})

    assert connection.schema_name == "martinique"


@pytest.mark.parametrize(
    "schema_name", ["Guadeloupe", "1island", "a", "is;land", 'is"land', "pg_catalog" * 4, ""]
)
def test_a_schema_name_has_a_form(schema_name: str) -> None:
    with pytest.raises(DomainError) as refused:
        operator_create(schema_name=schema_name, name="X", domains=())

    assert refused.value.field == "schema_name"


def test_an_unknown_time_zone_names_its_field() -> None:
    with (
        translation.override("en"),
        pytest.raises(DomainError, match="not an IANA time zone") as refused,
    ):
        operator_create(schema_name="dominica", name="D", domains=(), time_zone="Mars/Base")

    assert refused.value.field == "time_zone"


def test_a_host_belongs_to_one_operator(operator_b: Operator) -> None:
    with pytest.raises(DomainError, match="belongs to another operator"):
        domain_add(operator=operator_b, domain="guadeloupe.localhost")


def test_repeating_a_creation_changes_nothing(operator_b: Operator) -> None:
    again = operator_create(
        schema_name="martinique",
        name="Martinique",
        domains=["martinique.localhost"],
        time_zone="America/Martinique",
    )

    assert again.pk == operator_b.pk


@pytest.mark.parametrize("path", ["/admin/login/"])
def test_the_admin_may_evaluate_and_other_pages_may_not(
    client: Client, path: str, rf: Callable[..., object]
) -> None:
    admin = client.get(path, headers={"host": "guadeloupe.localhost"})
    page = client.get("/nowhere-at-all/", headers={"host": "guadeloupe.localhost"})

    assert "'unsafe-eval'" in admin.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
