"""YAML with line marks: plain values, and the line of each, for errors that point at a line.

Only what a register map needs: mappings with text keys, lists and scalars. Tags, aliases and
double keys are refused, so a file says what it seems to say.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]
"""Where a value stands in the document: ("points", 3, "type")."""

MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, order=True)
class MapProblem:
    """One thing that is wrong with a file, as `file:line: field: rule`."""

    file: str
    line: int
    field: str
    rule: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: "
        return f"{where}{self.field}: {self.rule}" if self.field else f"{where}{self.rule}"


@dataclass(frozen=True, slots=True)
class MarkedDocument:
    """The values of a file, and the line (from 1) at which each begins."""

    file: str
    value: Any
    lines: dict[Path, int] = field(default_factory=dict)

    def problem(self, path: Path, rule: str) -> MapProblem:
        """A problem at a place; a place that is not in the file is its nearest parent's line."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        return MapProblem(self.file, self.lines.get(known, 1), path_words(path), rule)


def path_words(path: Path) -> str:
    """`points[3].type` for ("points", 3, "type")."""
    words = ""
    for step in path:
        if isinstance(step, int):
            words += f"[{step}]"
        else:
            words += f".{step}" if words else step
    return words


class _AliasFound(Exception):
    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _PlainLoader(yaml.SafeLoader):
    """Composes no alias: a few of them can stand for a document of any size."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise _AliasFound(self.peek_event().start_mark.line + 1)  # type: ignore[no-untyped-call]
        return super().compose_node(parent, index)


def marked_load(text: str, file: str) -> tuple[MarkedDocument | None, list[MapProblem]]:
    """The document of a text, or what is wrong with it as YAML."""
    if len(text) > MOST_BYTES:
        return None, [MapProblem(file, 1, "", f"is longer than {MOST_BYTES} characters")]
    try:
        node = yaml.compose(text, Loader=_PlainLoader)
    except _AliasFound as found:
        return None, [MapProblem(file, found.line, "", "aliases are not allowed")]
    except yaml.YAMLError as error:
        return None, [_syntax_problem(error, file)]
    if node is None:
        return None, [MapProblem(file, 1, "", "is empty")]
    walk = _Walk(file)
    value = walk.value(node, ())
    if walk.problems:
        return None, walk.problems
    return MarkedDocument(file, value, walk.lines), []


def _syntax_problem(error: yaml.YAMLError, file: str) -> MapProblem:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        return MapProblem(file, mark.line + 1 if mark else 1, "", f"not YAML: {error.problem}")
    return MapProblem(file, 1, "", f"not YAML: {str(error).splitlines()[0]}")


class _Walk:
    """Turns nodes into values and notes their lines."""

    def __init__(self, file: str) -> None:
        self.lines: dict[Path, int] = {}
        self.problems: list[MapProblem] = []
        self._file = file
        self._scalars = yaml.SafeLoader("")

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, n)) for n, child in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[Any, Any]:
        values: dict[Any, Any] = {}
        for key_node, child in node.value:
            key = self._scalar(key_node, path)
            line = key_node.start_mark.line + 1
            if not isinstance(key, Hashable) or isinstance(key, list | dict):
                self._wrong(line, path, "a key must be a word or a number")
                continue
            key_path = (*path, key if isinstance(key, str) else str(key))
            if key in values:
                self._wrong(line, key_path, "stands here twice")
                continue
            self.lines[key_path] = line
            values[key] = self.value(child, key_path)
        return values

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        line = node.start_mark.line + 1
        if not isinstance(node, yaml.ScalarNode):
            self._wrong(line, path, "a key must be a word or a number")
            return None
        if not node.tag.startswith("tag:yaml.org,2002:"):
            self._wrong(line, path, f"the tag {node.tag} is not allowed")
            return None
        if node.tag == "tag:yaml.org,2002:timestamp":
            return node.value
        try:
            return self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            self._wrong(line, path, f"cannot be read: {str(error).splitlines()[0]}")
            return None

    def _wrong(self, line: int, path: Path, rule: str) -> None:
        self.problems.append(MapProblem(self._file, line, path_words(path), rule))
