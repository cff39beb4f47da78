"""The API, version 1: the addresses of every app below /api/v1/, and its description."""

from django.urls import re_path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.settings import api_settings

from apps.assets.api.urls import urlpatterns as assets
from apps.billing.api.urls import urlpatterns as billing
from apps.chargers.api.urls import urlpatterns as chargers
from apps.ocpi.api.urls import urlpatterns as ocpi
from cariflex.common.api.urls import route
from cariflex.common.api.views import ApiView, NothingHere


class SchemaView(ApiView, SpectacularAPIView):  # type: ignore[misc]
    """The OpenAPI document; for everybody who is logged in."""

    permissions = {"GET": ()}
    permission_classes = api_settings.DEFAULT_PERMISSION_CLASSES
    schema = None


app_name = "api"
urlpatterns = [
    *assets,
    *billing,
    *chargers,
    *ocpi,
    *route("schema", SchemaView.as_view(), "schema"),
    re_path("", NothingHere.as_view()),
]
