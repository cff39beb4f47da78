"""Addresses of the assets below /api/v1/."""

from apps.assets.api.alarms import AlarmAcknowledgeView, AlarmsView
from apps.assets.api.devices import DevicesView, DeviceView, SensorsView, SitesView, SiteView
from apps.assets.api.latest import LatestView
from apps.assets.api.readings import ReadingsView
from apps.assets.api.setpoints import SetpointsView, SetpointView
from cariflex.common.api.urls import route

urlpatterns = [
    *route("sites", SitesView.as_view(), "sites"),
    *route("sites/<slug:code>", SiteView.as_view(), "site"),
    *route("devices", DevicesView.as_view(), "devices"),
    *route("devices/<slug:code>", DeviceView.as_view(), "device"),
    *route("sensors", SensorsView.as_view(), "sensors"),
    *route("latest", LatestView.as_view(), "latest"),
    *route("readings", ReadingsView.as_view(), "readings"),
    *route("setpoints", SetpointsView.as_view(), "setpoints"),
    *route("setpoints/<int:setpoint_id>", SetpointView.as_view(), "setpoint"),
    *route("alarms", AlarmsView.as_view(), "alarms"),
    *route(
        "alarms/<int:alarm_id>/acknowledge", AlarmAcknowledgeView.as_view(), "alarm-acknowledge"
    ),
]
