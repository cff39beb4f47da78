"""Sessions of this operator only, and this operator's local time."""

import zoneinfo
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from apps.accounts.binding import is_bound_here

GetResponse = Callable[[HttpRequest], HttpResponse]


class SessionBindingMiddleware:
    """Ends a session that was opened at another operator before anybody reads its user."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.session.session_key and not is_bound_here(request.session):
            request.session.flush()
        return self.get_response(request)


class OperatorTimeZoneMiddleware:
    """Templates show the operator's local time; everything inside stays UTC."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(zoneinfo.ZoneInfo(request.tenant.time_zone)):  # type: ignore[attr-defined]
            return self.get_response(request)
