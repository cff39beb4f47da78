"""Addresses of forecasts."""

from django.urls import path

from apps.console.views import forecasts

urlpatterns = [path("", forecasts.forecasts, name="forecasts")]
