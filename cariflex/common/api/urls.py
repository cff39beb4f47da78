"""Addresses of the API."""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path


def route(address: str, view: Callable[..., Any], name: str) -> list[URLPattern]:
    """An address and its twin with a slash at its end: Django would redirect, and lose a POST."""
    return [path(address, view, name=name), path(f"{address}/", view)]
