"""The channel group of an operator's live viewers."""

from apps.tenants.channels import operator_group

DIRTY = {"type": "live.dirty"}


def live_group(schema_name: str) -> str:
    """The group's name; it carries the schema, since groups are shared by the whole Redis."""
    return operator_group(schema_name, "live")
