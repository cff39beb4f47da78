"""Colours of states in the back office's lists."""

from typing import Any


class Badges(dict[Any, str | None]):
    """State -> colour. A state without a colour is grey, and shown by its word.

    The admin theme shows the stored value of a state that its table lacks.
    """

    def __missing__(self, _state: Any) -> None:
        return None
