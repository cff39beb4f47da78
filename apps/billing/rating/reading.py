"""Reading JSON: exact numbers, paths in every error, and notes instead of silence."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import NoReturn, TypeVar

from apps.billing.rating.decimals import EXACT, QUANTUM
from apps.billing.rating.fields import close_to
from apps.billing.rating.model import Note, RatingProblem
from apps.billing.rating.times import moment_read

Json = Mapping[str, object]
_LIMIT = Decimal(10) ** 12
_DIGITS = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_Enum = TypeVar("_Enum", bound=StrEnum)


def json_read(text: str, where: str = "") -> object:
    """The document with its numbers as Decimals of exactly what is written.

    Raises RatingProblem json.invalid for what is no JSON, for NaN, for a field that stands twice
    (one of the two would be lost) and for nesting that no tariff has.
    """
    try:
        return json.loads(
            text,
            parse_float=Decimal,
            parse_constant=_constant,
            object_pairs_hook=_pairs,
        )
    except RatingProblem as err:
        raise RatingProblem(err.code, err.message, where or err.field) from err
    except RecursionError as err:
        raise RatingProblem("json.invalid", "The JSON is nested too deeply.", where) from err
    except (ValueError, InvalidOperation) as err:
        raise RatingProblem("json.invalid", f"This is not JSON: {err}.", where) from err


def _constant(name: str) -> NoReturn:
    raise RatingProblem("json.invalid", f"{name} is no number of JSON.")


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RatingProblem("json.invalid", f'The field "{twice}" stands twice in one object.')
    return content


class Reading:
    """Takes fields out of JSON objects and keeps the notes on what was odd."""

    __slots__ = ("notes",)

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def note(self, code: str, text: str, where: str = "") -> None:
        self.notes.append(Note(code, text, where))

    def mapping(self, value: object, where: str) -> Json:
        if not isinstance(value, Mapping):
            raise RatingProblem("field.invalid", f"{shown(value)} is not a JSON object.", where)
        return value

    def entries(self, content: Json, key: str, where: str, rule: str) -> Sequence[Json]:
        """A list of one or more objects (cardinality + of the specification)."""
        value = self.required(content, key, where, rule)
        path = join(where, key)
        if not isinstance(value, list | tuple):
            raise RatingProblem("field.invalid", f"{shown(value)} is not a list.", path)
        if not value:
            raise RatingProblem("field.empty", f"The list is empty. {rule}", path)
        return [self.mapping(entry, f"{path}[{index}]") for index, entry in enumerate(value)]

    def required(self, content: Json, key: str, where: str, rule: str) -> object:
        value = content.get(key)
        if value is None:
            missing(content, key, where, rule)
        return value

    def text(self, value: object, where: str) -> str:
        if not isinstance(value, str):
            raise RatingProblem("field.invalid", f"{shown(value)} is not a text.", where)
        return value

    def flag(self, value: object, where: str) -> bool:
        if not isinstance(value, bool):
            raise RatingProblem("field.invalid", f"{shown(value)} is not true or false.", where)
        return value

    def number(self, value: object, where: str, key: str = "") -> Decimal:
        """A number, exactly; a text with digits is taken with a note, a float by its shortest.

        `where` and `key` make its path, which is put together only when it is needed.
        """
        kind = type(value)
        if kind is Decimal:
            read: Decimal = value  # type: ignore[assignment]
        elif kind is int:
            read = Decimal(value)  # type: ignore[arg-type]
        elif kind is float:
            read = Decimal(repr(value))
        elif isinstance(value, str) and len(value) < 40 and _DIGITS.fullmatch(value):
            read = Decimal(value)
            path = join(where, key) if key else where
            self.note("number.as_text", "This number is written as a text.", path)
        else:
            path = join(where, key) if key else where
            raise RatingProblem("number.invalid", f"{shown(value)} is not a number.", path)
        if not read.is_finite() or not -_LIMIT < read < _LIMIT or not _short(read):
            raise RatingProblem(
                "number.out_of_range",
                f"{shown(str(read))} is too large or too finely divided: at most 12 digits before"
                " and 12 after the point.",
                join(where, key) if key else where,
            )
        return read

    def whole(self, value: object, where: str) -> int:
        """A whole number of 0 or more."""
        read = self.number(value, where)
        if read != read.to_integral_value() or read < 0:
            raise RatingProblem(
                "number.invalid", f"{shown(str(read))} is not a whole number of 0 or more.", where
            )
        return int(read)

    def choice(
        self, value: object, kinds: type[_Enum], allowed: Iterable[_Enum], where: str
    ) -> _Enum:
        values = [str(kind) for kind in allowed]
        if not isinstance(value, str) or value not in values:
            not_one_of(value, values, where)
        return kinds(value)

    def moment(self, value: object, where: str) -> datetime:
        read, with_offset = moment_read(value, where)
        if with_offset:
            text = "This time carries an offset; OCPI writes UTC only. It was converted."
            self.note("time.offset", text, where)
        return read


def _short(value: Decimal) -> bool:
    return EXACT.quantize(value, QUANTUM) == value


def missing(content: Json, key: str, where: str, rule: str) -> NoReturn:
    """Refuse for a field that is not there, with the one that was perhaps meant for it."""
    meant = next((name for name in content if close_to(str(name), [key]) and name != key), None)
    hint = f' There is "{meant}": was that meant?' if meant else ""
    raise RatingProblem("field.missing", f'"{key}" is missing. {rule}{hint}', join(where, key))


def not_one_of(value: object, values: Sequence[str], where: str) -> NoReturn:
    """Refuse a value that an enumeration does not have."""
    meant = close_to(value, values) if isinstance(value, str) else None
    hint = f' Did you mean "{meant}"?' if meant else f" Known: {', '.join(values)}."
    raise RatingProblem("field.invalid", f"{shown(value)} is not known here.{hint}", where)


def join(where: str, key: str) -> str:
    """The path of a field in an object."""
    return f"{where}.{key}" if where else key


def shown(value: object) -> str:
    """A value for a message, cut where it is long."""
    text = repr(value) if not isinstance(value, Decimal) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
