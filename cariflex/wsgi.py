"""HTTP: the admin, the pages, the API."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cariflex.settings")

application = get_wsgi_application()
