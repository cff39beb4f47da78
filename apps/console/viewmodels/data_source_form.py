"""The form of an access to a feed: what each feed needs as named fields, and what was typed."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from apps.markets.choices import Feed
from apps.markets.models import FeedAccess
from apps.markets.services.feeds.registry import REGISTRY
from cariflex.common.errors import DomainError

MOST_CALLS = 100_000


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a feed: `key` is its path in the settings, `kind` how it is asked for."""

    key: str
    label: str | Promise
    kind: str = "text"
    choices: tuple[tuple[str, str | Promise], ...] = ()
    help: str | Promise = ""
    default: str = ""

    @property
    def name(self) -> str:
        """The field's name in the form."""
        return "s." + self.key


_ZONE = Setting("time_zone", gettext_lazy("Time zone of the delivery day"), help="Europe/Paris")
_MARKS: tuple[tuple[str, str | Promise], ...] = ((",", ","), (".", "."))
_COLUMNS = (
    Setting("columns.price", gettext_lazy("Column of the value")),
    Setting("columns.date", gettext_lazy("Column of the day")),
    Setting("columns.time", pgettext_lazy("upload", "Column of the time")),
    Setting("columns.slot_number", gettext_lazy("Column of the slot number")),
    Setting("columns.date_time", gettext_lazy("Column of day and time")),
    Setting("columns.unit_column", gettext_lazy("Column of the unit, if any")),
    Setting("columns.unit", gettext_lazy("Unit in the file"), help="EUR/MWh, EUR/kWh, ct/kWh"),
    Setting("columns.delimiter", gettext_lazy("Separator of columns"), help=";"),
    Setting("columns.decimal_mark", gettext_lazy("Decimal sign"), "choice", _MARKS, default=","),
    Setting("columns.date_format", gettext_lazy("A day is written"), help="%d/%m/%Y"),
    Setting("columns.time_format", gettext_lazy("A time is written"), help="%H:%M"),
    Setting(
        "columns.date_time_format",
        gettext_lazy("Day and time are written"),
        help="%d/%m/%Y %H:%M",
    ),
    Setting("columns.header_line", gettext_lazy("Line of the titles"), "number", help="1"),
)
_DELIVERY = (
    Setting(
        "way",
        gettext_lazy("Where files are laid down"),
        "choice",
        (("folder", gettext_lazy("Watched folder")), ("sftp", "SFTP")),
        default="folder",
    ),
    Setting("folder", gettext_lazy("Folder")),
    Setting("pattern", gettext_lazy("Pattern of file names"), help="*"),
    Setting("host", gettext_lazy("SFTP: host")),
    Setting("port", gettext_lazy("SFTP: port"), "number", help="22"),
    Setting("user", gettext_lazy("SFTP: user")),
    Setting("host_key", gettext_lazy("SFTP: key of the host"), help="SHA256:..."),
    Setting("row_element", gettext_lazy("XML: element of a row")),
    Setting(
        "resolution_minutes",
        gettext_lazy("Length of a slot"),
        "number-choice",
        (("15", "15 min"), ("30", "30 min"), ("60", "60 min")),
        default="15",
    ),
)
SETTINGS: dict[Feed, tuple[Setting, ...]] = {
    Feed.ENTSOE: (
        Setting(
            "requests",
            gettext_lazy("What is asked for"),
            "checks",
            (
                ("prices", gettext_lazy("Prices")),
                ("generation", gettext_lazy("Generation")),
                ("load", gettext_lazy("Load")),
                ("load_forecast", gettext_lazy("Load forecast")),
                ("wind_solar", gettext_lazy("Wind and solar forecast")),
            ),
            default="prices",
        ),
        _ZONE,
    ),
    Feed.ENERGY_CHARTS: (_ZONE,),
    Feed.EPEX: (*_DELIVERY, _ZONE, *_COLUMNS),
    Feed.EDF_SEI: (
        Setting(
            "requests",
            gettext_lazy("What is asked for"),
            "checks",
            (
                ("mix", gettext_lazy("Generation")),
                ("cost", gettext_lazy("Average production cost")),
            ),
            default="mix cost",
        ),
        Setting("island", gettext_lazy("Island, if the area is not its name"), help="guadeloupe"),
        Setting("dataset", gettext_lazy("Data set of the live mix")),
        Setting("cost_dataset", gettext_lazy("Data set of costs")),
        _ZONE,
    ),
    Feed.SOLCAST: (),
    Feed.OPEN_METEO: (),
    Feed.METEO_FRANCE: (
        Setting("domain", gettext_lazy("Domain of the model"), help="ANTIL"),
        Setting(
            "login",
            gettext_lazy("The token is"),
            "choice",
            (
                ("key", gettext_lazy("an API key")),
                ("application", gettext_lazy("an application id")),
            ),
            default="key",
        ),
        Setting("token_url", gettext_lazy("Address that gives tokens")),
    ),
}
AREA_HELP: dict[Feed, str | Promise] = {
    Feed.ENTSOE: gettext_lazy("EIC code, such as 10YFR-RTE------C"),
    Feed.ENERGY_CHARTS: gettext_lazy("Bidding zone, such as FR"),
    Feed.EPEX: gettext_lazy("Market area, such as FR"),
    Feed.EDF_SEI: gettext_lazy("Island, such as guadeloupe"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One setting as the form shows it."""

    setting: Setting
    text: str
    chosen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccessForm:
    """The form; the token is never in it."""

    feed: Feed
    feeds: tuple[tuple[str, str], ...]
    area: str
    area_help: str
    base_url: str
    quota: str
    enabled: bool
    has_token: bool
    access_id: int | None
    fields: tuple[Field, ...]
    errors: Mapping[str, str]

    @property
    def feed_label(self) -> str:
        """The feed's name."""
        return str(self.feed.label)


@dataclass(frozen=True, slots=True)
class AccessWords:
    """What was typed; `token` None keeps the one there is."""

    feed: Feed
    area: str
    base_url: str
    token: str | None
    quota: str
    enabled: bool
    settings: dict[str, Any]

    def quota_per_day(self) -> int | None:
        """Calls a day at most; None for no limit. Raises DomainError for what is no number."""
        if not self.quota:
            return None
        if not self.quota.isdecimal() or not 1 <= int(self.quota[:9]) <= MOST_CALLS:
            rule = _("1 to %(most)s, or nothing") % {"most": MOST_CALLS}
            raise DomainError("market.quota", rule, field="quota")
        return int(self.quota)


def askable_feeds() -> tuple[tuple[str, str], ...]:
    """The feeds that can be set up here."""
    return tuple((feed.value, str(feed.label)) for feed in Feed if REGISTRY.of(feed) is not None)


def access_words(query: Any, *, feed: Feed, before: Mapping[str, Any]) -> AccessWords:
    """What was typed for a feed; settings that have no field here stay as they were."""
    settings = deepcopy(dict(before))
    for setting in SETTINGS.get(feed, ()):
        if setting.kind == "checks":
            allowed = dict(setting.choices)
            _put(settings, setting.key, [v for v in query.getlist(setting.name) if v in allowed])
            continue
        text = query.get(setting.name, "").replace("\x00", "").strip()[:200]
        is_number = setting.kind.startswith("number") and text.isdecimal()
        _put(settings, setting.key, int(text[:9]) if is_number else text)
    token = query.get("token", "").strip()
    return AccessWords(
        feed=feed,
        area=query.get("area", "").replace("\x00", "").strip()[:40],
        base_url=query.get("base_url", "").replace("\x00", "").strip()[:300],
        token=token or None,
        quota=query.get("quota", "").strip()[:20],
        enabled=query.get("enabled") == "on",
        settings=settings,
    )


def access_form(access: FeedAccess) -> AccessForm:
    """The form of an access as it stands."""
    words = AccessWords(
        feed=Feed(access.feed),
        area=access.area,
        base_url=access.base_url,
        token=None,
        quota="" if access.quota_per_day is None else str(access.quota_per_day),
        enabled=access.enabled,
        settings=access.settings,
    )
    return typed_form(words, access=access if access.pk else None)


def typed_form(
    words: AccessWords, *, access: FeedAccess | None, errors: Mapping[str, str] | None = None
) -> AccessForm:
    """The form with what was typed and what is wrong with it."""
    return AccessForm(
        feed=words.feed,
        feeds=askable_feeds(),
        area=words.area,
        area_help=str(AREA_HELP.get(words.feed, "")),
        base_url=words.base_url,
        quota=words.quota,
        enabled=words.enabled,
        has_token=bool(access and access.token),
        access_id=access.pk if access else None,
        fields=tuple(_field(one, words.settings) for one in SETTINGS.get(words.feed, ())),
        errors=errors or {},
    )


def access_field(error: DomainError, feed: Feed) -> str:
    """The field of the form that an error is about; empty when it is about none of them."""
    named = error.field or ""
    known = {"area": "area", "token": "token", "base_url": "base_url", "quota": "quota",
             "feed": "feed"}  # fmt: skip
    if named in known:
        return known[named]
    for setting in SETTINGS.get(feed, ()):
        if named in (setting.key, setting.key.rpartition(".")[2]):
            return setting.name
    return ""


def _field(setting: Setting, settings: Mapping[str, Any]) -> Field:
    value: Any = settings
    for part in setting.key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if setting.kind == "checks":
        chosen = value if isinstance(value, list) else setting.default.split()
        return Field(setting, "", tuple(str(one) for one in chosen))
    return Field(setting, setting.default if value in (None, "") else str(value), ())


def _put(settings: dict[str, Any], key: str, value: Any) -> None:
    """Set a value by its path; an empty one is left out, so that the feed's own default holds."""
    *parts, last = key.split(".")
    place = settings
    for part in parts:
        place = place.setdefault(part, {})
    if value in ("", []):
        place.pop(last, None)
    else:
        place[last] = value
