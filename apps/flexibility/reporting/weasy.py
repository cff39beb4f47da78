"""WeasyPrint with the shipped fonts and nothing else from anywhere.

Importing this module loads Pango; `document` does it when the first paper is made.
"""

import logging
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import weasyprint
from django.conf import settings
from fontTools.ttLib import woff2
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

# Both tell each step of each paper.
logging.getLogger("weasyprint.progress").setLevel(logging.WARNING)
logging.getLogger("fontTools").setLevel(logging.WARNING)

VARIANT = "pdf/ua-1"
FONT_SCHEME = "font:"
FONTS = Path(settings.BASE_DIR) / "static" / "vendor" / "inter"


class OwnFontsOnly(URLFetcher):  # type: ignore[misc]
    """Gives the shipped fonts by name; whatever else a paper asks for ends the rendering."""

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:
        """The bytes of `font:<file name>`; FatalURLFetchingError for every other address."""
        file = FONTS / url.removeprefix(FONT_SCHEME)
        if not url.startswith(FONT_SCHEME) or file.parent != FONTS or file.suffix != ".woff2":
            raise FatalURLFetchingError(f"papers fetch nothing: {url!r}")
        return URLFetcherResponse(url, _unpacked(file), {"Content-Type": "font/ttf"})


@cache
def _unpacked(file: Path) -> bytes:
    unpacked = BytesIO()
    woff2.decompress(BytesIO(file.read_bytes()), unpacked)
    return unpacked.getvalue()


def pdf_write(html: str) -> bytes:
    """The page as a tagged PDF (PDF/UA-1) with its fonts inside."""
    try:
        written: bytes = weasyprint.HTML(string=html, url_fetcher=OwnFontsOnly()).write_pdf(
            font_config=FontConfiguration(), pdf_variant=VARIANT
        )
    except FatalURLFetchingError as err:
        # A BaseException, which would end the worker: a template of ours names a file.
        raise RuntimeError(str(err)) from err
    return written
