"""Sites, devices and their sensors."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.assets.api.serializers import DeviceSerializer, SensorSerializer, SiteSerializer
from apps.assets.choices import DeviceKind, DeviceStage, Quantity
from apps.assets.models import Device, Site
from apps.assets.selectors.api import devices_page, sensors_page, sites_page
from cariflex.common.api.lists import list_of, listed
from cariflex.common.api.parameters import PageParameters
from cariflex.common.api.views import ApiView


class SitesView(ApiView):
    """All sites."""

    permissions = {"GET": ("assets.view_site",)}
    parameters = PageParameters

    @extend_schema(responses=list_of(SiteSerializer))
    def get(self, request: Request) -> Response:
        return listed(request, sites_page(**self.page), SiteSerializer)


class SiteView(ApiView):
    """One site."""

    permissions = {"GET": ("assets.view_site",)}

    @extend_schema(responses=SiteSerializer)
    def get(self, request: Request, code: str) -> Response:
        return Response(SiteSerializer(get_object_or_404(Site, code=code)).data)


class DeviceParameters(PageParameters):
    site = serializers.SlugField(required=False, help_text="Code of a site.")
    kind = serializers.ChoiceField(DeviceKind.choices, required=False)
    stage = serializers.ChoiceField(DeviceStage.choices, required=False)


class DevicesView(ApiView):
    """Devices, of all sites or of one."""

    permissions = {"GET": ("assets.view_device",)}
    parameters = DeviceParameters

    @extend_schema(responses=list_of(DeviceSerializer))
    def get(self, request: Request) -> Response:
        return listed(request, devices_page(**self.page), DeviceSerializer)


class DeviceView(ApiView):
    """One device."""

    permissions = {"GET": ("assets.view_device",)}

    @extend_schema(responses=DeviceSerializer)
    def get(self, request: Request, code: str) -> Response:
        device = get_object_or_404(Device.objects.select_related("site"), code=code)
        return Response(DeviceSerializer(device).data)


class SensorParameters(PageParameters):
    device = serializers.SlugField(required=False, help_text="Code of a device.")
    quantity = serializers.ChoiceField(Quantity.choices, required=False)
    channel = serializers.SlugField(
        required=False, allow_blank=True, help_text="Empty: the whole device."
    )


class SensorsView(ApiView):
    """Sensors; a partner sees those of the devices whose readings it sends."""

    permissions = {"GET": ("assets.view_sensor",)}
    parameters = SensorParameters

    @extend_schema(responses=list_of(SensorSerializer))
    def get(self, request: Request) -> Response:
        return listed(request, sensors_page(request.user, **self.page), SensorSerializer)
