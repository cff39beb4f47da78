"""Months in the API: `2026-03`."""

from datetime import date
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.billing.months import month_parse
from cariflex.common.errors import DomainError


@extend_schema_field({"type": "string", "pattern": r"^\d{4}-\d{2}$", "example": "2026-03"})
class MonthField(serializers.Field[date, str, str, Any]):
    """A month as `2026-03`; its first day inside."""

    def to_internal_value(self, data: str) -> date:
        """The first day; refused when it is no month."""
        try:
            return month_parse(str(data))
        except DomainError as err:
            raise serializers.ValidationError(err.message) from err

    def to_representation(self, value: date) -> str:
        """`2026-03`"""
        return f"{value:%Y-%m}"
