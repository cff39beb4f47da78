"""The description of the API: kept as a file, and true."""

from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.urls import get_resolver
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.validation import validate_schema

from apps.accounts.roles import Role
from apps.tenants.models import Operator
from tests.assets.api.conftest import API, caller

SNAPSHOT = Path(settings.BASE_DIR) / "docs" / "openapi.yaml"
RENEW = "./run manage spectacular --lang en --validate --fail-on-warn --file docs/openapi.yaml"


@pytest.fixture(scope="module")
def schema() -> dict[str, object]:
    with translation.override("en"):
        found: dict[str, object] = SchemaGenerator().get_schema(request=None, public=True)
    return found


def test_the_kept_description_is_the_present_one(schema: dict[str, object]) -> None:
    now = OpenApiYamlRenderer().render(schema, renderer_context={}).decode()

    assert SNAPSHOT.read_text() == now, f"the API has changed: {RENEW}"


def test_the_description_is_valid_openapi(schema: dict[str, object]) -> None:
    validate_schema(schema)


def test_every_address_is_described_once(schema: dict[str, object]) -> None:
    named = {
        str(pattern.pattern)
        for resolver in get_resolver(settings.ROOT_URLCONF).url_patterns
        if str(resolver.pattern) == "api/v1/"
        for pattern in resolver.url_patterns
        if pattern.name and pattern.name != "schema"
    }

    assert len(schema["paths"]) == len(named) > 8  # type: ignore[arg-type]


def test_every_refusal_has_the_one_shape(schema: dict[str, object]) -> None:
    for path, operations in schema["paths"].items():  # type: ignore[attr-defined]
        for method, operation in operations.items():
            assert operation["security"] == [{"token": []}, {"cookieAuth": []}], (path, method)
            for status, answer in operation["responses"].items():
                # A refused list of readings has the three words and its counts.
                if status >= "400" and (path, status) != (f"{API}/readings", "400"):
                    reference = answer["content"]["application/json"]["schema"]["$ref"]
                    assert reference.endswith("/ApiError"), (path, status)


def test_it_is_served_to_whoever_is_logged_in(
    operator_a: Operator, schema: dict[str, object]
) -> None:
    reply = caller(Role.PARTNER_API).get(f"{API}/schema/")

    assert reply.status_code == 200
    assert set(yaml.safe_load(reply.content)["paths"]) == set(schema["paths"])  # type: ignore[call-overload]
    assert caller().get(f"{API}/schema").status_code == 401
