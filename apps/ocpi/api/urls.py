"""Addresses of roaming below /api/v1/; each module of the package brings its own."""

from django.urls import URLPattern

from apps.ocpi.api.commands import urlpatterns as commands
from apps.ocpi.api.profiles import urlpatterns as profiles

urlpatterns: list[URLPattern] = [*commands, *profiles]
