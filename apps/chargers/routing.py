"""Where stations connect. They send no host name of ours: the operator is in the path."""

from django.urls import re_path

from apps.chargers.consumers import StationConsumer

websocket_urlpatterns = [
    re_path(
        r"^ocpp/(?P<operator>[A-Za-z0-9_-]{1,63})/(?P<station_id>[^/]+)$",
        StationConsumer.as_asgi(),
    ),
]
