"""Cache keys carry the schema."""

from apps.tenants.schema import active_schema


def make_key(key: str, key_prefix: str, version: int) -> str:
    """`prefix:schema:version:key`, so that no two operators share an entry."""
    return f"{key_prefix}:{active_schema()}:{version}:{key}"
