"""Addresses of the console."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from apps.console.views import ad_hoc, alarms, commands, devices, messages, pages, station, stations

app_name = "console"
urlpatterns = [
    path("", pages.overview, name="overview"),
    path("map/", pages.asset_map, name="map"),
    path("sessions/", pages.sessions, name="sessions"),
    path("sessions/<int:session_id>/", pages.session, name="sessions-detail"),
    path("sessions/<int:session_id>/check", pages.check_session, name="sessions-check"),
    path("stations/", stations.stations, name="stations"),
    path("stations/<int:station_pk>/", station.station, name="stations-detail"),
    path("stations/<int:station_pk>/order", station.order, name="stations-order"),
    path("messages/", messages.messages, name="messages"),
    path("messages/export.csv", messages.messages_as_csv, name="messages-csv"),
    path("messages/export.jsonl", messages.messages_as_jsonl, name="messages-jsonl"),
    path("plan/", pages.plan, name="plan"),
    path("devices/", pages.devices, name="devices"),
    path("devices/<int:device_id>/", devices.device, name="devices-detail"),
    path("devices/<int:device_id>/series", devices.device_series, name="devices-series"),
    path("alarms/", alarms.alarms, name="alarms"),
    path("alarms/digest", alarms.digest, name="alarms-digest"),
    path("alarms/<int:alarm_id>/acknowledge", alarms.acknowledge, name="alarms-acknowledge"),
    path("charging/commands/", commands.commands, name="commands"),
    path("charging/commands/<int:command_id>/", commands.command, name="commands-detail"),
    path("charging/commands/batches/<int:batch_id>/", commands.batch, name="commands-batch"),
    path("charging/commands/send/", commands.send_form, name="commands-form"),
    path("charging/commands/send/order", commands.send, name="commands-send"),
    path("charging/commands/stations", commands.stations, name="commands-stations"),
    path("charging/commands/schema", commands.schema, name="commands-schema"),
    path("charging/commands/check", commands.check, name="commands-check"),
    path("charging/stickers/", ad_hoc.stickers, name="stickers"),
    path("charge/<str:station_id>/<int:evse_id>/", ad_hoc.evse, name="ad-hoc-evse"),
    path("charge/<str:station_id>/<int:evse_id>/start", ad_hoc.start, name="ad-hoc-start"),
    path("stay/<str:key>/", ad_hoc.stay, name="ad-hoc-stay"),
    path("stay/<str:key>/paid", ad_hoc.paid, name="ad-hoc-paid"),
    path("stay/<str:key>/stop", ad_hoc.stop, name="ad-hoc-stop"),
    path("test-payment/<str:reference>/", ad_hoc.test_payment, name="ad-hoc-test-payment"),
    path("live/snapshot", pages.live, name="live-snapshot"),
    path("live/day", pages.live_day, name="live-day"),
    path("login/", pages.ConsoleLoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
