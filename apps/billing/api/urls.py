"""Addresses of billing below /api/v1/; each module of the package brings its own."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
