"""Times on the wire (OCPI 2.2.1 types §DateTime), and the time zone of a place of charging."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from apps.billing.rating.model import RatingProblem

_FORM = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?", re.ASCII)
_YEARS = range(2000, 2200)

# One zone each. Missing on purpose: France, the United States, Canada, Brazil, Mexico and others
# with several; for France the postal code decides.
_ZONES: Mapping[str, str] = {
    "ABW": "America/Aruba",
    "AIA": "America/Anguilla",
    "ATG": "America/Antigua",
    "AUT": "Europe/Vienna",
    "BEL": "Europe/Brussels",
    "BES": "America/Kralendijk",
    "BGR": "Europe/Sofia",
    "BHS": "America/Nassau",
    "BLM": "America/St_Barthelemy",
    "BMU": "Atlantic/Bermuda",
    "BRB": "America/Barbados",
    "CHE": "Europe/Zurich",
    "CUB": "America/Havana",
    "CUW": "America/Curacao",
    "CYM": "America/Cayman",
    "CYP": "Asia/Nicosia",
    "CZE": "Europe/Prague",
    "DEU": "Europe/Berlin",
    "DMA": "America/Dominica",
    "DNK": "Europe/Copenhagen",
    "DOM": "America/Santo_Domingo",
    "EST": "Europe/Tallinn",
    "FIN": "Europe/Helsinki",
    "GBR": "Europe/London",
    "GLP": "America/Guadeloupe",
    "GRC": "Europe/Athens",
    "GRD": "America/Grenada",
    "GUF": "America/Cayenne",
    "GUY": "America/Guyana",
    "HRV": "Europe/Zagreb",
    "HTI": "America/Port-au-Prince",
    "HUN": "Europe/Budapest",
    "IRL": "Europe/Dublin",
    "ITA": "Europe/Rome",
    "JAM": "America/Jamaica",
    "KNA": "America/St_Kitts",
    "LCA": "America/St_Lucia",
    "LTU": "Europe/Vilnius",
    "LUX": "Europe/Luxembourg",
    "LVA": "Europe/Riga",
    "MAF": "America/Marigot",
    "MSR": "America/Montserrat",
    "MTQ": "America/Martinique",
    "MYT": "Indian/Mayotte",
    "NLD": "Europe/Amsterdam",
    "NOR": "Europe/Oslo",
    "POL": "Europe/Warsaw",
    "PRI": "America/Puerto_Rico",
    "REU": "Indian/Reunion",
    "ROU": "Europe/Bucharest",
    "SPM": "America/Miquelon",
    "SUR": "America/Paramaribo",
    "SVK": "Europe/Bratislava",
    "SVN": "Europe/Ljubljana",
    "SWE": "Europe/Stockholm",
    "SXM": "America/Lower_Princes",
    "TCA": "America/Grand_Turk",
    "TTO": "America/Port_of_Spain",
    "VCT": "America/St_Vincent",
    "VGB": "America/Tortola",
    "VIR": "America/St_Thomas",
}
# OCPI 2.1.1 asks for three letters and shows two in its example.
_ALPHA_3: Mapping[str, str] = {
    "AT": "AUT", "BE": "BEL", "BB": "BRB", "CH": "CHE", "CZ": "CZE", "DE": "DEU", "DK": "DNK",
    "DM": "DMA", "DO": "DOM", "FI": "FIN", "FR": "FRA", "GB": "GBR", "GD": "GRD", "GF": "GUF",
    "GP": "GLP", "HT": "HTI", "IE": "IRL", "IT": "ITA", "JM": "JAM", "LC": "LCA", "LU": "LUX",
    "BL": "BLM", "MF": "MAF", "MQ": "MTQ", "NL": "NLD", "NO": "NOR", "PL": "POL", "PM": "SPM",
    "RE": "REU", "SE": "SWE", "SX": "SXM", "TT": "TTO", "VC": "VCT", "YT": "MYT",
}  # fmt: skip
# The French postal codes of Saint-Barthélemy and Saint-Martin lie among those of Guadeloupe.
_FRENCH_POSTAL_CODES: tuple[tuple[str, str], ...] = (
    ("97133", "BLM"),
    ("97150", "MAF"),
    ("971", "GLP"),
    ("972", "MTQ"),
    ("973", "GUF"),
    ("974", "REU"),
    ("975", "SPM"),
    ("976", "MYT"),
    ("977", "BLM"),
    ("978", "MAF"),
)


def moment_read(text: object, where: str) -> tuple[datetime, bool]:
    """The instant in UTC, and whether it came with an offset, which OCPI does not allow."""
    if not isinstance(text, str) or not _FORM.fullmatch(text):
        raise RatingProblem(
            "field.invalid",
            f"{_shown(text)} is not a DateTime like 2015-06-29T20:39:09Z (UTC, RFC 3339).",
            where,
        )
    try:
        read = datetime.fromisoformat(text)
    except ValueError as err:
        raise RatingProblem(
            "field.invalid", f"{text!r} is no date and time: {err}.", where
        ) from err
    if read.year not in _YEARS:
        raise RatingProblem(
            "field.invalid",
            f"{text!r} stands for an unknown moment; a session is priced between the years"
            f" {_YEARS.start} and {_YEARS.stop - 1}.",
            where,
        )
    if read.tzinfo is None:
        return read.replace(tzinfo=UTC), False
    if text.endswith("Z"):
        return read, False
    return read.astimezone(UTC), True


@lru_cache(maxsize=256)
def zone_named(name: str, where: str = "time_zone") -> ZoneInfo:
    """The zone with an IANA name (America/Guadeloupe)."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as err:
        close = get_close_matches(str(name), sorted(available_timezones()), 1, 0.7)
        hint = f" Did you mean {close[0]!r}?" if close else " Give one like 'America/Guadeloupe'."
        raise RatingProblem(
            "time_zone.unknown", f"{_shown(name)} is not an IANA time zone.{hint}", where
        ) from err


def zone_of_country(country: object, postal_code: object) -> str | None:
    """The zone of a country that has one; France by its postal code; else None.

    A country alone never gives a French zone: FRA stands on both sides of the Atlantic.
    """
    if not isinstance(country, str):
        return None
    code = country.upper()
    code = _ALPHA_3.get(code, code)
    if code != "FRA":
        return _ZONES.get(code)
    if not isinstance(postal_code, str) or not re.fullmatch(r"\d{5}", postal_code, re.ASCII):
        return None
    for prefix, island in _FRENCH_POSTAL_CODES:
        if postal_code.startswith(prefix):
            return _ZONES[island]
    # 98 is the Pacific and Monaco.
    return "Europe/Paris" if not postal_code.startswith(("97", "98", "00")) else None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
