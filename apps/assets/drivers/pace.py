"""How long to wait before the next try, and how connects are spread over time."""

import asyncio
import random
import time

FIRST_BACK_OFF_S = 0.5
LONGEST_BACK_OFF_S = 5.0
CONNECT_GAP_S = 0.005
"""Connects of this process start this far apart: a listen backlog holds some hundred of them."""


class BackOff:
    """Waiting times that double from `first_s` to `longest_s`, each with up to 20 % taken off."""

    def __init__(
        self, first_s: float = FIRST_BACK_OFF_S, longest_s: float = LONGEST_BACK_OFF_S
    ) -> None:
        self._first_s = min(first_s, longest_s)
        self._longest_s = longest_s
        self._next_s = self._first_s

    def next_s(self) -> float:
        """How long to wait now; the next wait is twice as long."""
        wait_s = self._next_s
        self._next_s = min(self._longest_s, wait_s * 2)
        return wait_s * (1 - 0.2 * random.random())  # noqa: S311 - spreads reconnects, no secret

    def reset(self) -> None:
        """Start again from the shortest wait."""
        self._next_s = self._first_s


class ConnectPace:
    """Spreads connects over time: each gets a slot `gap_s` after the one before."""

    def __init__(self, gap_s: float = CONNECT_GAP_S) -> None:
        self._gap_s = gap_s
        self._free_at_s = 0.0

    async def turn(self) -> None:
        """Wait for a slot."""
        now_s = time.monotonic()
        slot_s = max(now_s, self._free_at_s)
        self._free_at_s = slot_s + self._gap_s
        if slot_s > now_s:
            await asyncio.sleep(slot_s - now_s)
