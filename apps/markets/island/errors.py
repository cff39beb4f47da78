"""What the rules of the island price refuse."""

from __future__ import annotations

from cariflex.common.errors import DomainError


class IslandError(DomainError):
    """A calendar, unit or rule that cannot be: `element` names where, `rule` says which."""

    def __init__(self, part: str, element: str, rule: str) -> None:
        self.element = element
        self.rule = rule
        super().__init__(f"island.{part}", rule, field=element)
