"""Sentences of invoices in the language of the account; from data/mentions.yaml."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_FILE = Path(__file__).parent / "data" / "mentions.yaml"
FALLBACK = "fr"


def line_words(name: str, language: str, **values: str) -> str:
    """The description of a line."""
    return _words("lines", name, language, values)


def mention(name: str, language: str, **values: str) -> str:
    """A legal mention."""
    return _words("mentions", name, language, values)


def _words(group: str, name: str, language: str, values: Mapping[str, str]) -> str:
    by_language = _texts()[group][name]
    return str(by_language.get(language) or by_language[FALLBACK]).format(**values)


@cache
def _texts() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return read
