"""What every maker of files has in common."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from apps.billing.models import ExportJob
from cariflex.common.errors import DomainError


class Progress(Protocol):
    """Told how far a file is; raises when nobody wants it any more."""

    def __call__(self, done: int, total: int | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Made:
    """A file that is ready, in the folder that was given."""

    path: Path
    media_type: str
    rows: int


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of export. `check` gives the parameters as they are kept, or raises DomainError."""

    check: Callable[[Mapping[str, Any]], dict[str, Any]]
    make: Callable[[ExportJob, Path, Progress], Made]


def params_known(params: Mapping[str, Any], *names: str) -> None:
    """DomainError `export.param_unknown` for a parameter that the kind does not have."""
    for name in params:
        if name not in names:
            raise DomainError(
                "export.param_unknown", f"This export has no parameter {name!r}.", field=name
            )
