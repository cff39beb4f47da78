"""The test database, made by a shorter way, has the tables that the product makes."""

import pytest
from django.db import connection, transaction

from apps.tenants.services import operator_create
from tests.operators import OPERATOR_A

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

CATALOG = """
SELECT 'column', c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull::text,
    pg_get_expr(d.adbin, d.adrelid)
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
  WHERE c.relnamespace = %(schema)s::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
  FROM pg_constraint WHERE connamespace = %(schema)s::regnamespace
UNION ALL
SELECT 'index', tablename, indexname, indexdef, '', ''
  FROM pg_indexes WHERE schemaname = %(schema)s
UNION ALL
SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(t.oid), '', ''
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
  WHERE c.relnamespace = %(schema)s::regnamespace AND NOT tgisinternal
UNION ALL
SELECT 'function', proname, pg_get_functiondef(oid), '', '', ''
  FROM pg_proc WHERE pronamespace = %(schema)s::regnamespace
"""


def catalog(schema_name: str) -> set[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL search_path = pg_catalog")
        cursor.execute(CATALOG, {"schema": schema_name})
        return {
            tuple(str(value).replace(schema_name, "") for value in row)
            for row in cursor.fetchall()
        }


def test_the_product_makes_the_same_tables() -> None:
    operator_create(schema_name="plain", name="Plain", domains=())

    with transaction.atomic():
        ours, plain = catalog(OPERATOR_A), catalog("plain")

    assert len(ours) > 1000
    assert ours - plain == plain - ours == set()
