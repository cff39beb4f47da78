"""Months in the API: `2026-03`."""

from datetime import date
from typing import Any

from rest_framework import serializers

from apps.billing.months import month_parse
from cariflex.common.errors import DomainError


class MonthField(serializers.CharField):
    """A month as `2026-03`; its first day inside."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", "Such as 2026-03.")
        super().__init__(max_length=7, **kwargs)

    def to_internal_value(self, data: Any) -> date:  # type: ignore[override]
        """The first day; refused when it is no month."""
        try:
            return month_parse(super().to_internal_value(data))
        except DomainError as err:
            raise serializers.ValidationError(err.message) from err

    def to_representation(self, value: date) -> str:
        """`2026-03`"""
        return f"{value:%Y-%m}"
