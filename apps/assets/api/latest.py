"""What every sensor said last."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.assets.api.serializers import LatestSerializer
from apps.assets.choices import Quantity
from apps.assets.selectors.api import latest_page
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.views import ApiView
from cariflex.common.time import utc_now


class LatestParameters(PageParameters):
    site = serializers.SlugField(required=False, help_text="Code of a site.")
    device = serializers.SlugField(required=False, help_text="Code of a device.")
    quantity = serializers.ChoiceField(Quantity.choices, required=False)


class LatestView(ApiView):
    """The newest reading of each sensor that has one. `after` is the id of a sensor."""

    permissions = {"GET": ("assets.view_sensor", "assets.view_reading")}
    parameters = LatestParameters

    @extend_schema(responses=list_of(LatestSerializer))
    def get(self, request: Request) -> Response:
        return listed(request, latest_page(now=utc_now(), **self.page), LatestSerializer)
