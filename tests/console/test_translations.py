"""Every word is there in French and Spanish, ours and the admin's."""

import subprocess
from pathlib import Path

import polib
import pytest
import unfold
from django.conf import settings
from django.core.management import call_command
from django.utils import translation
from django.utils.translation.template import templatize

from apps.console.management.commands.messages_compile import messages_compile

LOCALE = Path(settings.LOCALE_PATHS[0])
LANGUAGES = ("fr", "es")
KEYWORDS = (
    "gettext_noop", "gettext_lazy", "ngettext_lazy:1,2", "pgettext:1c,2", "npgettext:1c,2,3",
    "pgettext_lazy:1c,2", "npgettext_lazy:1c,2,3", "gettext", "ngettext:1,2", "_",
)  # fmt: skip


def extract(folders: list[Path], target: Path, work: Path) -> polib.POFile:
    """The strings of all templates and modules of some folders."""
    sources: list[str] = []
    for folder in folders:
        for number, template in enumerate(sorted(folder.rglob("*.html"))):
            file = work / f"{folder.name}-{number}.py"
            file.write_text(templatize(template.read_text(), origin=str(template)))
            sources.append(str(file))
        sources += [
            str(file) for file in sorted(folder.rglob("*.py")) if "migrations" not in file.parts
        ]
    command = ["xgettext", "-L", "Python", "--from-code=UTF-8", "-o", str(target), "-k"]
    subprocess.run(
        [*command, *(f"--keyword={keyword}" for keyword in KEYWORDS), *sources], check=True
    )
    return polib.pofile(str(target))


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_untranslated_or_fuzzy(language: str) -> None:
    catalogue = polib.pofile(str(LOCALE / language / "LC_MESSAGES" / "django.po"))

    assert len(catalogue) > 500
    assert [entry.msgid for entry in catalogue if not entry.translated()] == []
    assert [entry.msgid for entry in catalogue if entry.fuzzy] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_kept(language: str) -> None:
    import re

    placeholder = re.compile(r"%\(\w+\)[sd]|\{\w*\}")
    catalogue = polib.pofile(str(LOCALE / language / "LC_MESSAGES" / "django.po"))

    for entry in catalogue:
        expected = set(placeholder.findall(entry.msgid_plural or entry.msgid))
        for text in entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]:
            assert set(placeholder.findall(text)) == expected, entry.msgid


def test_every_string_of_the_source_is_in_the_catalogues(tmp_path: Path) -> None:
    root = Path(settings.BASE_DIR)
    source = extract(
        [root / "apps", root / "cariflex", root / "templates"], tmp_path / "ours.pot", tmp_path
    )

    for language in LANGUAGES:
        catalogue = polib.pofile(str(LOCALE / language / "LC_MESSAGES" / "django.po"))
        known = {(entry.msgctxt, entry.msgid) for entry in catalogue}
        missing = [e.msgid for e in source if (e.msgctxt, e.msgid) not in known]
        assert missing == []


def test_the_admins_own_words_are_translated(tmp_path: Path) -> None:
    call_command("messages_compile", verbosity=0)
    source = extract([Path(unfold.__file__).parent], tmp_path / "unfold.pot", tmp_path)
    same_in_both = {"Object", "Action", "Date", "Code", "General", "No"}

    assert len(source) > 150
    for language in LANGUAGES:
        ours = polib.pofile(str(LOCALE / language / "LC_MESSAGES" / "django.po"))
        known = {(entry.msgctxt, entry.msgid) for entry in ours}
        with translation.override(language):
            missing = [
                entry.msgid
                for entry in source
                if entry.msgid not in same_in_both
                and (entry.msgctxt, entry.msgid) not in known
                and not is_translated(entry)
            ]
        assert missing == []


def is_translated(entry: polib.POEntry) -> bool:
    """Whether Django's own catalogues change the text in the active language."""
    if entry.msgid_plural:
        return translation.ngettext(entry.msgid, entry.msgid_plural, 2) != entry.msgid_plural
    if entry.msgctxt:
        return translation.pgettext(entry.msgctxt, entry.msgid) != entry.msgid
    return translation.gettext(entry.msgid) != entry.msgid


def test_only_what_changed_is_compiled(tmp_path: Path) -> None:
    folder = tmp_path / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    catalogue = polib.POFile()
    catalogue.metadata = {"Content-Type": "text/plain; charset=utf-8"}
    catalogue.append(polib.POEntry(msgid="Grid", msgstr="Réseau"))
    catalogue.save(str(folder / "django.po"))

    assert messages_compile(tmp_path) == (1, 1)
    assert messages_compile(tmp_path) == (0, 1)
    assert [entry.msgstr for entry in polib.mofile(str(folder / "django.mo"))] == ["Réseau"]
