"""Tags of the pages of charging control."""

from collections.abc import Mapping

from django import template

register = template.Library()


@register.inclusion_tag("console/parts/profiles_errors.html")
def field_errors(errors: Mapping[str, tuple[str, ...]], path: str) -> dict[str, object]:
    """What is wrong with the field of a path, and the place where scripts show it."""
    return {"path": path, "texts": errors.get(path, ())}


@register.filter
def value_of(values: Mapping[str, str], name: str) -> str:
    """The text of a field as it was typed."""
    return values.get(name, "")
