"""Everything below /ocpi/ is answered by one view, in an envelope."""

from django.urls import re_path

from apps.ocpi.server.transport import ocpi

urlpatterns = [re_path(r"^(?P<path>(?s:.*))$", ocpi, name="ocpi")]
