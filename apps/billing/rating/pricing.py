"""From two JSON documents to one JSON answer: what `price_session` prints, a line or a file."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

from apps.billing.rating.checks import tariff_check
from apps.billing.rating.engine import rate
from apps.billing.rating.fields import close_to
from apps.billing.rating.model import Note, Rating, RatingProblem, Tariff, Version
from apps.billing.rating.reading import Json, shown
from apps.billing.rating.sessions import session_parse
from apps.billing.rating.tariffs import tariff_parse

_LINE_KEYS = ("tariff", "session", "time_zone")
_KNOWN = 16
_Known = tuple[object, Tariff, tuple[Note, ...]]
_OF_TARIFF = ("min_price", "max_price")


@dataclass(frozen=True, slots=True)
class Priced:
    """A rating with every note there is: on the tariff, the session and the price."""

    tariff: Tariff
    rating: Rating


class Pricer:
    """Prices documents; a tariff that comes again soon is read only once."""

    def __init__(self, version: Version | None = None) -> None:
        self._version = version
        self._known: deque[_Known] = deque(maxlen=_KNOWN)

    def price(self, tariff: object, session: object, time_zone: str | None = None) -> Priced:
        """The price; paths in notes and problems begin with "tariff" or "session"."""
        read, tariff_notes = self._tariff(tariff)
        charged, session_notes = session_parse(session, time_zone, "session")
        try:
            rating = rate(read, charged)
        except RatingProblem as err:
            raise RatingProblem(err.code, err.message, _path(err.field)) from err
        notes = (
            *tariff_notes,
            *session_notes,
            *(replace(note, where=_path(note.where)) for note in rating.notes),
        )
        return Priced(read, replace(rating, notes=notes))

    def price_line(self, line: object, time_zone: str | None = None) -> Priced:
        """The price of one line of a batch: {"tariff", "session"[, "time_zone"]}."""
        if not isinstance(line, Mapping):
            raise RatingProblem(
                "line.invalid", f'A line is {{"tariff", "session"}}, not {shown(line)}.'
            )
        for key in _LINE_KEYS[:2]:
            if line.get(key) is None:
                raise RatingProblem("field.missing", f'A line needs "{key}".', key)
        zone = line.get("time_zone")
        if zone is not None and not isinstance(zone, str):
            raise RatingProblem("field.invalid", f"{shown(zone)} is not a text.", "time_zone")
        priced = self.price(line["tariff"], line["session"], time_zone or zone)
        odd = _unknown_in_line(line)
        if not odd:
            return priced
        return replace(priced, rating=replace(priced.rating, notes=odd + priced.rating.notes))

    def _tariff(self, content: object) -> tuple[Tariff, tuple[Note, ...]]:
        for known, tariff, notes in self._known:
            if known == content:
                return tariff, notes
        tariff, notes = tariff_parse(content, self._version, "tariff")
        notes += tuple(replace(note, where=f"tariff.{note.where}") for note in tariff_check(tariff))
        self._known.append((content, tariff, notes))
        return tariff, notes


def tariff_of_cdr(session: object) -> object:
    """The one tariff that a CDR brings along; refused where it has none or several."""
    tariffs = session.get("tariffs") if isinstance(session, Mapping) else None
    if not isinstance(tariffs, list) or len(tariffs) != 1:
        count = len(tariffs) if isinstance(tariffs, list) else 0
        raise RatingProblem(
            "tariff.missing", f"Give --tariff: the session brings {count} tariffs along.", "tariff"
        )
    return tariffs[0]


def problem_dump(problem: RatingProblem, line: int | None = None) -> dict[str, object]:
    """The JSON of a refusal."""
    error: dict[str, object] = {
        "code": problem.code,
        "field": problem.field,
        "message": problem.message,
    }
    if line is not None:
        error["line"] = line
    return {"error": error}


def _unknown_in_line(line: Json) -> tuple[Note, ...]:
    notes = []
    for key in line:
        if key not in _LINE_KEYS:
            meant = close_to(str(key), _LINE_KEYS)
            hint = f' Did you mean "{meant}"?' if meant else ""
            text = f'"{key}" is not a field of a line: it has no influence on the price.{hint}'
            notes.append(Note("field.unknown", text, str(key)))
    return tuple(notes)


def _path(where: str) -> str:
    if where.startswith(_OF_TARIFF):
        return f"tariff.{where}"
    if where in ("", "time_zone"):
        return where
    return f"session.{where}"
