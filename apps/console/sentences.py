"""Sentences that lower floors say in English, in the reader's words.

A floor below knows no language: what it says is stored and logged in English, and told here by
its form. `%(x)s` in a form is what a pattern finds in its place.
"""

import re
from collections.abc import Iterable

from django.utils.translation import gettext


class Sentences:
    """Some known forms; a sentence that has none of them is told as it came."""

    def __init__(self, forms: Iterable[str]) -> None:
        known = list(forms)
        self._whole = frozenset(form for form in known if "%(" not in form)
        self._patterns = tuple((form, _pattern(form)) for form in known if "%(" in form)

    def words(self, sentence: str) -> str:
        """The sentence in the active language."""
        if sentence in self._whole:
            return gettext(sentence)
        form, found = self._match(sentence)
        return gettext(form) % found if form else sentence

    def knows(self, sentence: str) -> bool:
        """Whether a sentence has one of the forms."""
        return sentence in self._whole or bool(self._match(sentence)[0])

    def _match(self, sentence: str) -> tuple[str, dict[str, str]]:
        for form, pattern in self._patterns:
            found = pattern.fullmatch(sentence)
            if found is not None:
                return form, found.groupdict()
        return "", {}


def _pattern(form: str) -> re.Pattern[str]:
    parts = re.split(r"%\((\w+)\)s", form)
    text = "".join(
        re.escape(part) if index % 2 == 0 else f"(?P<{part}>.+?)"
        for index, part in enumerate(parts)
    )
    return re.compile(text)
