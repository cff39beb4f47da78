"""Addresses of the island price, of what forms it, and of calendars."""

from django.urls import path

from apps.console.views import calendars, island_price

urlpatterns = [
    path("island/", island_price.island, name="island"),
    path("island/setup", island_price.setup, name="island-setup"),
    path("island/follow", island_price.follow, name="island-follow"),
    path("island/alerts/declare", island_price.alert, name="island-alert"),
    path("island/alerts/<int:alert_id>/cancel", island_price.alert_end, name="island-alert-cancel"),
    path("island/settings/", island_price.settings, name="island-settings"),
    path("island/settings/save", island_price.settings_save, name="island-settings-save"),
    path("island/peaks/save", island_price.peak, name="island-peak-save"),
    path("island/peaks/<int:peak_id>/remove", island_price.peak_drop, name="island-peak-remove"),
    path("island/units/save", island_price.unit, name="island-unit-save"),
    path("island/units/<int:unit_id>/remove", island_price.unit_drop, name="island-unit-remove"),
    path("island/factors/add", island_price.factor, name="island-factor-add"),
    path("island/factors/<int:factor_id>/end", island_price.factor_stop, name="island-factor-end"),
    path("calendars/", calendars.calendars, name="calendars"),
    path("calendars/add", calendars.add, name="calendars-add"),
    path("calendars/<int:calendar_id>/edit", calendars.edit, name="calendars-edit"),
    path("calendars/<int:calendar_id>/save", calendars.save, name="calendars-save"),
    path("calendars/<int:calendar_id>/copy", calendars.copy, name="calendars-copy"),
    path("calendars/<int:calendar_id>/delete", calendars.delete, name="calendars-delete"),
]
