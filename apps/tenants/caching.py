"""Cache keys carry the schema."""

from django.db import connection


def make_key(key: str, key_prefix: str, version: int) -> str:
    """`prefix:schema:version:key`, so that no two operators share an entry."""
    return f"{key_prefix}:{connection.schema_name}:{version}:{key}"
