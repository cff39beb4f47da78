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
    sections: tuple[NavItem, ...]
    """The pages of the group that the current page is in; empty outside any group."""
    is_demo: bool


NAVIGATION: tuple[tuple[str, str | Promise], ...] = (
    ("overview", pgettext_lazy("navigation", "Overview")),
    ("map", pgettext_lazy("navigation", "Map")),
    ("sessions", pgettext_lazy("navigation", "Sessions")),
    ("charging", pgettext_lazy("navigation", "Charging")),
    ("billing", pgettext_lazy("navigation", "Billing")),
    ("roaming", pgettext_lazy("navigation", "Roaming")),
    ("plan", pgettext_lazy("navigation", "Plan")),
    ("data", pgettext_lazy("navigation", "Data")),
    ("devices", pgettext_lazy("navigation", "Devices")),
    ("alarms", pgettext_lazy("navigation", "Alarms")),
)
# The pages behind one entry, in the order of their tabs; the first is where the entry leads.
GROUPS: dict[str, tuple[tuple[str, str | Promise], ...]] = {
    "charging": (
        ("stations", pgettext_lazy("navigation", "Stations")),
        ("commands", pgettext_lazy("navigation", "Commands")),
        ("profiles", pgettext_lazy("navigation", "Profiles")),
        ("groups", pgettext_lazy("navigation", "Load groups")),
        ("reservations", pgettext_lazy("navigation", "Reservations")),
        ("messages", pgettext_lazy("navigation", "Message log")),
        ("stickers", pgettext_lazy("navigation", "Stickers")),
    ),
    "billing": (
        ("month", pgettext_lazy("navigation", "Month")),
        ("inbox", pgettext_lazy("navigation", "Inbox")),
        ("cdrs", pgettext_lazy("navigation", "CDRs")),
        ("invoices", pgettext_lazy("navigation", "Invoices")),
        ("settlements", pgettext_lazy("navigation", "Settlements")),
        ("payments", pgettext_lazy("navigation", "Payments")),
        ("disputes", pgettext_lazy("navigation", "Disputes")),
        ("tariffs", pgettext_lazy("navigation", "Tariffs")),
        ("exports", pgettext_lazy("navigation", "Exports")),
    ),
    "roaming": (
        ("partners", pgettext_lazy("navigation", "Partners")),
        ("roamings", pgettext_lazy("navigation", "Roaming sessions")),
        ("exchanges", pgettext_lazy("navigation", "Message log")),
    ),
    "plan": (
        ("plan", pgettext_lazy("navigation", "Plan")),
        ("forecasts", pgettext_lazy("navigation", "Forecasts")),
        ("reports", pgettext_lazy("navigation", "Reports")),
        ("policy", pgettext_lazy("navigation", "Policy")),
    ),
    "data": (
        ("series", pgettext_lazy("navigation", "Series")),
        ("plants", pgettext_lazy("navigation", "PV plants")),
        ("island", pgettext_lazy("navigation", "Island price")),
        ("calendars", pgettext_lazy("navigation", "Calendars")),
        ("sources", pgettext_lazy("navigation", "Sources")),
        ("imports", pgettext_lazy("navigation", "Imports")),
    ),
}
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
        sections=_sections(request) if signed_in else (),
        is_demo=settings.DEMO,
    )


def _nav(request: HttpRequest | None) -> tuple[NavItem, ...]:
    current = _current(request)
    items = []
    for key, label in NAVIGATION:
        group = dict(GROUPS.get(key, ((key, label),)))
        address = next(filter(None, map(_address, group)), "")
        if address:
            items.append(NavItem(key, label, address, current in group))
    return tuple(items)


def _sections(request: HttpRequest | None) -> tuple[NavItem, ...]:
    current = _current(request)
    group: tuple[tuple[str, str | Promise], ...] = next(
        (pages for pages in GROUPS.values() if current in dict(pages)), ()
    )
    return tuple(
        NavItem(key, label, address, key == current)
        for key, label in group
        if (address := _address(key))
    )


def _current(request: HttpRequest | None) -> str:
    """The page's key: the first word of its address's name."""
    match = getattr(request, "resolver_match", None)
    return (match.url_name or "").split("-")[0] if match and match.app_name == "console" else ""


def _address(key: str) -> str:
    """Where a page is; empty where there are none (the platform's own host)."""
    try:
        return reverse(f"console:{key}")
    except NoReverseMatch:
        return ""
