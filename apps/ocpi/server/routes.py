"""Which module answers where; a handler registers itself when its file is imported."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from apps.ocpi.choices import InterfaceRole
from apps.ocpi.server.calls import ALL, Answer, Call

Handler = Callable[[Call], Answer]
H = TypeVar("H", bound=Handler)
_Place = tuple[str, str, InterfaceRole]
_handlers: dict[_Place, dict[str, Handler]] = {}

WITHOUT_ROLE = frozenset({"credentials"})
"""Modules that are the same for both roles: their address names none."""


def serve(
    module: str, role: InterfaceRole, method: str, versions: Sequence[str] = ALL
) -> Callable[[H], H]:
    """Name the function that answers a method of a module's interface; ValueError when taken."""

    def register(handler: H) -> H:
        for version in versions:
            methods = _handlers.setdefault((version, module, role), {})
            taken = methods.get(method)
            if taken is not None and taken is not handler:
                raise ValueError(f"{method} {module} {role} of {version} is served already")
            methods[method] = handler
        return handler

    return register


def methods_of(version: str, module: str, role: InterfaceRole) -> Mapping[str, Handler]:
    """The handlers of an interface by method; empty when it is not served."""
    return _handlers.get((version, module, role), {})


def interfaces(version: str) -> list[tuple[str, InterfaceRole]]:
    """What is served in a version, by module and role."""
    return sorted((module, role) for served, module, role in _handlers if served == version)


def address(root_url: str, version: str, module: str, role: InterfaceRole) -> str:
    """The URL of an interface of ours."""
    if module in WITHOUT_ROLE:
        return f"{root_url}/{version}/{module}"
    return f"{root_url}/{version}/{role.lower()}/{module}"
