"""What feeds are asked for, and why they failed, in the reader's words."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, pgettext_lazy

from apps.console.formats import number_text
from apps.console.sentences import Sentences
from apps.markets.pv.grouping import Cell

_ERRORS = Sentences(
    (
        gettext_noop("answered HTTP %(status)s"),
        gettext_noop("cannot be reached"),
        gettext_noop("took too long"),
        gettext_noop("the name is not known"),
        gettext_noop("no whole answer (%(name)s)"),
        gettext_noop("connection failed (%(name)s)"),
        gettext_noop("quota used up"),
        gettext_noop("all %(number)s calls of the day are made"),
        gettext_noop("login refused"),
        gettext_noop("was cut off before it ended"),
        gettext_noop("the document does not cover the whole delivery day"),
        gettext_noop("%(place)s: is an HTML page, not an XML document"),
        gettext_noop("%(place)s: is not JSON"),
        gettext_noop("%(place)s: is missing"),
        gettext_noop("%(place)s: holds no record of %(island)s"),
    )
)
_REQUESTS: dict[str, str | Promise] = {
    "prices": pgettext_lazy("asked of a feed", "Prices"),
    "mix": pgettext_lazy("asked of a feed", "Mix"),
    "cost": gettext_lazy("Production cost"),
    "generation": gettext_lazy("Generation"),
    "load": gettext_lazy("Load"),
    "load_forecast": gettext_lazy("Load forecast"),
    "wind_solar": gettext_lazy("Wind and solar forecast"),
    "upload": gettext_lazy("Uploaded by hand"),
}


def error_text(error: str) -> str:
    """Why a call or a document failed; what has no known form stays in English."""
    return _ERRORS.words(error)


def request_text(request: str) -> str:
    """What was asked for: `Prices`, `Weather of 16.025°, −61.575°`."""
    if request in _REQUESTS:
        return str(_REQUESTS[request])
    kind, _colon, of = request.partition(":")
    if kind == "weather" and of:
        return _("Weather of %(place)s") % {"place": place_text(of)}
    if kind == "rooftop" and of:
        return _("Roof %(resource)s") % {"resource": of}
    return request


def place_text(cell: str) -> str:
    """A cell of the weather ("south,west" in twentieths of a degree) by its centre, in degrees."""
    south, _comma, west = cell.partition(",")
    try:
        of = Cell(int(south), int(west))
    except ValueError:
        return cell
    return f"{number_text(of.latitude, 3)}°, {number_text(of.longitude, 3)}°"
