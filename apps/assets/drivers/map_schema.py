"""The structure of a register map file, checked against `map_schema.json`.

A broken rule becomes a sentence about the file, with its line, not about the schema. All errors
of a file come at once.
"""

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path as FilePath
from typing import Any

from jsonschema import Draft202012Validator

from apps.assets.drivers.map_yaml import MapProblem, MarkedDocument, Path

SCHEMA_VERSION = 1
LANGUAGES = ("fr", "en", "es")
_TYPE_WORDS = {
    "object": "a set of fields",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads(FilePath(__file__).with_name("map_schema.json").read_text("utf-8"))
    return Draft202012Validator(schema)


def schema_problems(document: MarkedDocument) -> list[MapProblem]:
    """What is wrong with the structure, in the order of the lines."""
    plain = _plain_keys(document.value)
    problems = {
        document.problem(path, rule)
        for error in _validator().iter_errors(plain)
        for path, rule in _sentences(error)
    }
    return sorted(problems)


def _plain_keys(value: Any) -> Any:
    """JSON knows only text keys: `307:` in YAML is the key "307"."""
    if isinstance(value, dict):
        return {str(key): _plain_keys(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_plain_keys(child) for child in value]
    return value


def _sentences(error: Any) -> Iterator[tuple[Path, str]]:
    path: Path = tuple(error.absolute_path)
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        for name in missing:
            if name in LANGUAGES:
                yield (*path, name), "the words in this language are missing"
            else:
                yield (*path, name), "is missing"
    elif error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        for name in error.instance:
            if name not in known:
                yield (*path, name), "is not a field of a register map"
    elif error.validator == "propertyNames" or error.parent is not None:
        yield path, f"{error.instance!r} is not a name that may stand here"
    else:
        rule = _RULES.get(str(error.validator))
        yield path, str(error.message) if rule is None else rule(error)


def _listed(values: Any) -> str:
    return ", ".join(str(value) for value in values)


def _type_rule(error: Any) -> str:
    wanted = error.validator_value
    kinds = [wanted] if isinstance(wanted, str) else wanted
    return f"must be {' or '.join(_TYPE_WORDS.get(kind, kind) for kind in kinds)}"


_RULES: dict[str, Callable[[Any], str]] = {
    "type": _type_rule,
    "enum": lambda error: f"must be one of {_listed(error.validator_value)}",
    "const": lambda error: f"must be {error.validator_value}",
    "pattern": lambda error: f"{error.instance!r} must look like {error.validator_value}",
    "minimum": lambda error: f"must be at least {error.validator_value}",
    "maximum": lambda error: f"must be at most {error.validator_value}",
    "exclusiveMinimum": lambda error: f"must be more than {error.validator_value}",
    "minLength": lambda error: "must not be empty",
    "maxLength": lambda error: f"must not be longer than {error.validator_value}",
    "minItems": lambda error: f"must have at least {error.validator_value} entries",
    "maxItems": lambda error: f"must have at most {error.validator_value} entries",
    "minProperties": lambda error: "must not be empty",
}
