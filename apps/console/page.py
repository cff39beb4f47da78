"""The frame around every page: operator, user, language, theme, navigation."""

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

THEME_COOKIE = "cariflex_theme"
THEMES = ("auto", "light", "dark")


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry of the navigation."""

    key: str
    label: str | Promise
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Page:
    """What `console/base.html` needs beside a page's own view model."""

    operator_name: str
    operator_schema: str
    time_zone: str
    user_name: str
    admin_url: str
    language: str
    languages: tuple[tuple[str, str], ...]
    theme: str
    themes: tuple[tuple[str, str | Promise], ...]
    path: str
    nav: tuple[NavItem, ...]
    is_demo: bool


NAVIGATION: tuple[tuple[str, str | Promise], ...] = (
    ("overview", pgettext_lazy("navigation", "Overview")),
    ("map", pgettext_lazy("navigation", "Map")),
    ("sessions", pgettext_lazy("navigation", "Sessions")),
    ("plan", pgettext_lazy("navigation", "Plan")),
    ("devices", pgettext_lazy("navigation", "Devices")),
    ("alarms", pgettext_lazy("navigation", "Alarms")),
)
THEME_LABELS: tuple[tuple[str, str | Promise], ...] = (
    ("auto", _("As the device")),
    ("light", _("Light")),
    ("dark", _("Dark")),
)


def page_frame(request: HttpRequest | None) -> Page:
    """The frame for a request; works without one (an error page has no user)."""
    operator = getattr(request, "tenant", None)
    user = getattr(request, "user", None)
    signed_in = user is not None and user.is_authenticated
    theme = request.COOKIES.get(THEME_COOKIE, "auto") if request else "auto"
    return Page(
        operator_name=getattr(operator, "name", ""),
        operator_schema=getattr(operator, "schema_name", ""),
        time_zone=getattr(operator, "time_zone", None) or timezone.get_current_timezone_name(),
        user_name=(user.get_full_name() or user.get_username()) if user and signed_in else "",
        admin_url=reverse("admin:index") if user and signed_in and user.is_staff else "",
        language=get_language() or settings.LANGUAGE_CODE,
        languages=tuple(settings.LANGUAGES),
        theme=theme if theme in THEMES else "auto",
        themes=THEME_LABELS,
        path=request.get_full_path() if request else "/",
        nav=_nav(request) if signed_in else (),
        is_demo=settings.DEMO,
    )


def _nav(request: HttpRequest | None) -> tuple[NavItem, ...]:
    match = getattr(request, "resolver_match", None)
    current = (match.url_name or "").split("-")[0] if match and match.app_name == "console" else ""
    try:
        return tuple(
            NavItem(key, label, reverse(f"console:{key}"), key == current)
            for key, label in NAVIGATION
        )
    # The platform's own host has no console pages.
    except NoReverseMatch:
        return ()
