"""WebSocket addresses of the console, below `ws/`."""

from django.urls import path

from apps.console.consumers import LiveConsumer

websocket_urlpatterns = [path("live/", LiveConsumer.as_asgi())]
