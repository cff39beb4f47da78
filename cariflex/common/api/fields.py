"""Fields of requests."""

from datetime import datetime

from django.utils import timezone
from rest_framework import serializers


class InstantField(serializers.DateTimeField):
    """A time with its offset; one without is not taken for anybody's local time."""

    default_error_messages = {"naive": "The time has no offset; write 2026-03-10T12:00:00Z."}

    def enforce_timezone(self, value: datetime) -> datetime:
        """The instant; raises for a naive time."""
        if timezone.is_naive(value):
            self.fail("naive")
        return super().enforce_timezone(value)
