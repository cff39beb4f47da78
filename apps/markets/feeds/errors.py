"""What readers of JSON feeds refuse; documents of XML and files name lines and have their own."""

from __future__ import annotations

from cariflex.common.errors import DomainError


class DocumentError(DomainError):
    """A document that breaks a rule: `element` names where, `rule` says which."""

    def __init__(self, system: str, element: str, rule: str) -> None:
        self.element = element
        self.rule = rule
        super().__init__(f"{system}.document", rule, field=element)
