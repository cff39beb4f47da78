"""A new operator is migrated by a shorter way than Django's, to the same tables."""

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from apps.tenants.services import operator_create

pytestmark = pytest.mark.django_db

CATALOG = """
SELECT 'column', c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
    a.attnotnull::text,
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
            tuple(str(value).replace(schema_name, "") for value in row) for row in cursor.fetchall()
        }


def test_a_new_operator_gets_the_tables_that_django_makes() -> None:
    operator_create(schema_name="ours", name="Ours", domains=())
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA plain")
    call_command("migrate_schemas", schema_name="plain", interactive=False, verbosity=0)

    with transaction.atomic():
        ours, plain = catalog("ours"), catalog("plain")

    assert len(ours) > 1000
    assert ours - plain == plain - ours == set()
