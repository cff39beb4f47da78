"""Addresses of PV plants; a plant goes by the key of its device."""

from django.urls import path

from apps.console.views import plants

urlpatterns = [
    path("", plants.plants, name="plants"),
    path("ensure", plants.ensure, name="plants-ensure"),
    path("<int:device_id>/edit", plants.edit, name="plants-edit"),
    path("<int:device_id>/save", plants.save, name="plants-save"),
]
