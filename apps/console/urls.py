"""Addresses of the console."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from apps.console import views

app_name = "console"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("map/", views.asset_map, name="map"),
    path("sessions/", views.sessions, name="sessions"),
    path("sessions/<int:session_id>/", views.session, name="sessions-detail"),
    path("plan/", views.plan, name="plan"),
    path("devices/", views.devices, name="devices"),
    path("live/snapshot", views.live, name="live-snapshot"),
    path("live/day", views.live_day, name="live-day"),
    path("login/", views.ConsoleLoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
