"""One port for everything: HTTP goes to WSGI threads, WebSockets to Channels.

HTTP under ASGI opens a PostgreSQL connection per request with psycopg2; a pool of WSGI threads
keeps one each (ADR 0004).
"""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cariflex.settings")
get_asgi_application()

from a2wsgi import WSGIMiddleware  # noqa: E402
from channels.routing import ProtocolTypeRouter  # noqa: E402
from django.conf import settings  # noqa: E402

from cariflex.request_bodies import RequestBodies  # noqa: E402
from cariflex.routing import websocket  # noqa: E402
from cariflex.wsgi import application as wsgi_application  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": RequestBodies(WSGIMiddleware(wsgi_application, workers=settings.WEB_THREADS)),
        "websocket": websocket,
    }
)
