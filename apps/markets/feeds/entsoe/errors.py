"""What a reader of the platform's answers refuses."""

from __future__ import annotations

from cariflex.common.errors import DomainError


class DocumentError(DomainError):
    """A document that breaks a rule: `element` names where (with its line), `rule` says which."""

    def __init__(self, element: str, rule: str, *, line: int | None = None) -> None:
        self.element = element
        self.rule = rule
        self.line = line
        where = element if line is None else f"{element} (line {line})"
        super().__init__("entsoe.document", f"{where}: {rule}")


class NotYetPublishedError(DomainError):
    """The platform answered "no matching data" (Acknowledgement, reason code 999)."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__("entsoe.not_published", "not published yet")
