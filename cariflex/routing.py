"""WebSocket addresses: stations carry their operator in the path, browsers in the host."""

from channels.routing import URLRouter
from django.urls import path, re_path

from apps.accounts.channels import UserMiddleware
from apps.chargers.routing import websocket_urlpatterns as station_patterns
from apps.console.routing import websocket_urlpatterns as browser_patterns
from apps.tenants.channels import OperatorMiddleware, unknown_path

websocket = URLRouter(
    [
        *station_patterns,
        path("ws/", OperatorMiddleware(UserMiddleware(URLRouter(browser_patterns)))),
        re_path(r"", unknown_path),
    ]
)
