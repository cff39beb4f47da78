"""The last frames of a connection, kept as they passed and put in words when somebody looks."""

import struct
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

MOST_FRAMES = 200

# Modbus Application Protocol 1.1b3, section 7.
EXCEPTION_NAMES = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target does not respond",
}
_READS = {3: "holding", 4: "input"}
_MBAP_LENGTH, _CRC_LENGTH = 7, 2


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """One frame; `pdu` is what is left of it without address and checksum."""

    at: datetime
    is_request: bool
    unit_id: int
    frame_hex: str
    pdu: bytes


class Trace:
    """A ring of the last frames; noting one costs no more than an append."""

    def __init__(self, *, is_rtu: bool) -> None:
        self._is_rtu = is_rtu
        self._frames: deque[tuple[float, bool, bytes]] = deque(maxlen=MOST_FRAMES)

    def note(self, sending: bool, frame: bytes) -> None:
        """A frame passed."""
        frames = self._frames
        # An answer in pieces is shown again from its beginning with each piece: keep the longest.
        if not sending and frames and not frames[-1][1] and frame.startswith(frames[-1][2]):
            frames.pop()
        frames.append((time.time(), sending, frame))

    def entries(self) -> list[TraceEntry]:
        """The frames, oldest first."""
        return [self._entry(*noted) for noted in self._frames]

    def _entry(self, at_s: float, sending: bool, frame: bytes) -> TraceEntry:
        if self._is_rtu:
            unit_id, pdu = frame[:1], frame[1:-_CRC_LENGTH]
        else:
            unit_id, pdu = frame[_MBAP_LENGTH - 1 : _MBAP_LENGTH], frame[_MBAP_LENGTH:]
        return TraceEntry(
            at=datetime.fromtimestamp(at_s, UTC),
            is_request=sending,
            unit_id=unit_id[0] if unit_id else 0,
            frame_hex=frame.hex(" "),
            pdu=pdu,
        )


def frame_words(entry: TraceEntry) -> str:
    """What a frame says: `read holding 40072 x 12`, `exception 2 illegal data address`."""
    pdu = entry.pdu
    if len(pdu) < 2:
        return "incomplete frame"
    function = pdu[0]
    if function & 0x80:
        return f"exception {pdu[1]} {EXCEPTION_NAMES.get(pdu[1], 'unknown')}"
    try:
        return _request(function, pdu) if entry.is_request else _answer(function, pdu)
    except struct.error:
        return "incomplete frame"


def _request(function: int, pdu: bytes) -> str:
    address, count = struct.unpack_from(">HH", pdu, 1)
    if function in _READS:
        return f"read {_READS[function]} {address} x {count}"
    if function == 6:
        return f"write holding {address} = {count}"
    if function == 16:
        values = struct.unpack_from(f">{count}H", pdu, 6)
        return f"write holding {address} = {', '.join(map(str, values))}"
    return f"function {function}"


def _answer(function: int, pdu: bytes) -> str:
    if function in _READS:
        values = struct.unpack_from(f">{pdu[1] // 2}H", pdu, 2)
        return f"{len(values)} registers: {', '.join(map(str, values))}"
    if function in (6, 16):
        address, count = struct.unpack_from(">HH", pdu, 1)
        return f"written {address} = {count}" if function == 6 else f"written {address} x {count}"
    return f"function {function}"
