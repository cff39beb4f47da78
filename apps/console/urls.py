"""Addresses of the console."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from apps.console.views import alarms, devices, pages

app_name = "console"
urlpatterns = [
    path("", pages.overview, name="overview"),
    path("map/", pages.asset_map, name="map"),
    path("sessions/", pages.sessions, name="sessions"),
    path("sessions/<int:session_id>/", pages.session, name="sessions-detail"),
    path("plan/", pages.plan, name="plan"),
    path("devices/", pages.devices, name="devices"),
    path("devices/<int:device_id>/", devices.device, name="devices-detail"),
    path("devices/<int:device_id>/series", devices.device_series, name="devices-series"),
    path("alarms/", alarms.alarms, name="alarms"),
    path("alarms/digest", alarms.digest, name="alarms-digest"),
    path("alarms/<int:alarm_id>/acknowledge", alarms.acknowledge, name="alarms-acknowledge"),
    path("live/snapshot", pages.live, name="live-snapshot"),
    path("live/day", pages.live_day, name="live-day"),
    path("login/", pages.ConsoleLoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
