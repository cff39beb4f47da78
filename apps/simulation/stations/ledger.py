"""What a station keeps in its own memory: meter, transaction, reservation, profiles, unsent events.

It survives kill -9: an event is on disk before it is sent, and leaves the queue only when the
CSMS has answered it. After a crash the last event may be sent again with the same seqNo.
"""

from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from apps.simulation.state_file import state_read, state_write
from apps.simulation.stations.profiles import StoredProfile


@dataclass
class OpenTransaction:
    """A transaction that has started and not ended; times are RFC 3339 text as on the wire."""

    transaction_id: str
    id_token: str
    started_at: str
    sampled_at: str
    start_register_wh: float
    next_seq_no: int = 0
    remote_start_id: int | None = None
    charging_state: str = "EVConnected"
    time_charging_s: float = 0.0
    soc_percent: float | None = None
    reservation_id: int | None = None


@dataclass(frozen=True)
class Reservation:
    """The connector is kept for a card until `expires_at` (RFC 3339 text in UTC)."""

    reservation_id: int
    id_token: str
    expires_at: str

    def admits(self, token: str) -> bool:
        """Tokens are compared without case."""
        return self.id_token.casefold() == token.casefold()


class Ledger:
    """The memory of one station; `register_wh` only grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        saved = state_read(path)
        self.register_wh = float(saved.get("register_wh", 0.0))
        self.operative = bool(saved.get("operative", True))
        self.queue: deque[dict[str, Any]] = deque(saved.get("queue", []))
        self.transaction: OpenTransaction | None = None
        if saved.get("transaction"):
            self.transaction = OpenTransaction(**saved["transaction"])
        self.reservation: Reservation | None = None
        if saved.get("reservation"):
            self.reservation = Reservation(**saved["reservation"])
        self.profiles = tuple(StoredProfile(**one) for one in saved.get("profiles", []))
        self.stopped_cleanly = bool(saved.get("stopped_cleanly", False))
        self.is_new = not saved
        self._unsaved = False

    def add(self, event: dict[str, Any]) -> None:
        """Queue a transaction event; on disk when this returns."""
        self.queue.append(event)
        self.save()

    def sent(self) -> None:
        """The oldest event has been answered."""
        self.queue.popleft()
        self._unsaved = True

    def save_if_needed(self) -> None:
        """Write what `sent` changed."""
        if self._unsaved:
            self.save()

    def save(self, *, stopped_cleanly: bool = False) -> None:
        """Write everything."""
        state_write(
            self._path,
            {
                "register_wh": self.register_wh,
                "operative": self.operative,
                "queue": list(self.queue),
                "transaction": asdict(self.transaction) if self.transaction else None,
                "reservation": asdict(self.reservation) if self.reservation else None,
                "profiles": [asdict(one) for one in self.profiles],
                "stopped_cleanly": stopped_cleanly,
            },
        )
        self._unsaved = False
