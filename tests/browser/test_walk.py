"""A walk through every page in three languages, two widths, light and dark."""

import re
from collections.abc import Callable
from pathlib import Path

import polib
import pytest
from django.conf import settings

from tests.browser.conftest import Visit

pytestmark = [pytest.mark.stack, pytest.mark.browser]

PAGES = {
    "overview": "/", "map": "/map/", "sessions": "/sessions/", "plan": "/plan/",
    "devices": "/devices/", "alarms": "/alarms/",
}  # fmt: skip
HEADINGS = {
    "en": {"overview": "Overview", "map": "Map of the assets", "sessions": "Charging sessions",
           "plan": "Today's plan", "devices": "Devices", "alarms": "Alarms"},
    "fr": {"overview": "Aperçu", "map": "Carte des équipements",
           "sessions": "Sessions de recharge", "plan": "Plan du jour", "devices": "Appareils",
           "alarms": "Alarmes"},
    "es": {"overview": "Resumen", "map": "Mapa de los equipos", "sessions": "Sesiones de recarga",
           "plan": "Plan de hoy", "devices": "Equipos", "alarms": "Alarmas"},
}  # fmt: skip


def english_left_over(text: str, language: str) -> set[str]:
    """Longer English sentences of ours that a translated page still shows."""
    catalogue = polib.pofile(
        str(Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.po")
    )
    sentences = {
        entry.msgid
        for entry in catalogue
        if len(entry.msgid) > 12 and entry.msgstr != entry.msgid and "%(" not in entry.msgid
    }
    return {sentence for sentence in sentences if sentence in text}


@pytest.mark.parametrize(
    ("language", "width", "theme"),
    [
        ("fr", 390, "light"),
        ("fr", 1280, "dark"),
        ("en", 390, "dark"),
        ("en", 1280, "light"),
        ("es", 390, "light"),
        ("es", 1280, "dark"),
    ],
)
def test_every_page(
    language: str, width: int, theme: str, visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = visit(language=language, width=width, theme=theme)
    page = window.page

    for name, path in PAGES.items():
        window.open(path)
        assert page.locator("html").get_attribute("lang") == language
        assert page.locator("main h1").inner_text() == HEADINGS[language][name]
        text = page.locator("body").inner_text()
        assert not re.search(r"\{\{|\{%|\{\w+\}|%\(\w+\)s|undefined|NaN", text)
        if language != "en":
            assert english_left_over(text, language) == set()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        page.screenshot(path=screenshots / f"{name}-{language}-{width}-{theme}.png", full_page=True)


@pytest.mark.parametrize("width", [390, 1280])
def test_one_session(width: int, visit: Callable[..., Visit], screenshots: Path) -> None:
    window = visit(width=width)
    window.open("/sessions/")

    window.page.locator("tr[data-session] a.row-link").first.click()
    window.page.locator("dl.card.stripe").wait_for()

    assert re.search(r"/sessions/\d+/$", window.page.url)
    assert window.page.locator("main .pill").inner_text() == "Simulated"
    assert window.page.locator(".timeline li").count() >= 1
    window.page.locator("#curve-chart canvas").wait_for()
    window.page.screenshot(path=screenshots / f"session-en-{width}-light.png", full_page=True)


def test_the_second_operator_shows_its_own_island(
    visit: Callable[..., Visit], screenshots: Path
) -> None:
    window = visit(operator="martinique", language="fr")

    window.open("/map/")
    window.page.locator(".land").wait_for()

    assert window.page.locator(".operator").inner_text().startswith("Martinique")
    assert window.page.get_by_text("Fort-de-France").first.is_visible()
    assert window.page.locator("#island .marker").count() == 30
    window.page.screenshot(path=screenshots / "map-martinique-fr-1280-light.png")


def test_the_log_in_page_says_what_is_wrong(visit: Callable[..., Visit], screenshots: Path) -> None:
    window = visit(language="fr", width=390, signed_in=False)
    page = window.page

    page.goto(f"{window.base_url}/map/")
    page.fill("#id_username", "operations")
    page.fill("#id_password", "wrong")
    page.click("main button.button-primary")

    assert "Cela n'a pas fonctionné" in page.get_by_role("alert").inner_text()
    page.screenshot(path=screenshots / "login-fr-390-light.png")
