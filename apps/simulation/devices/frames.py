"""Modbus frames as a server sees them, over TCP with or without the RTU framing. Pure.

Sources: Modbus Messaging on TCP/IP Implementation Guide 1.0b (MBAP header), Modbus over Serial
Line 1.02 (RTU frame, CRC).
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

READ_HOLDING, READ_INPUT = 3, 4
WRITE_SINGLE, WRITE_MULTIPLE = 6, 16
_FIXED_REQUEST = 6  # unit, function, two registers; the CRC comes on top
_MBAP = struct.Struct(">HHHB")


@dataclass(frozen=True, slots=True)
class RequestFrame:
    """One request: its protocol data unit and whom it is for."""

    transaction_id: int
    unit_id: int
    pdu: bytes


Split = Callable[[bytes], tuple[list[RequestFrame], bytes]]
"""Received bytes -> the whole requests in them, and the rest."""
Build = Callable[[RequestFrame, bytes], bytes]
"""(request, PDU of the answer) -> the frame to send."""


@cache
def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


def crc16(frame: bytes) -> bytes:
    """The RTU checksum of a frame, low byte first."""
    crc, table = 0xFFFF, _crc_table()
    for byte in frame:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


def tcp_split(received: bytes) -> tuple[list[RequestFrame], bytes]:
    """Requests with an MBAP header."""
    frames = []
    while len(received) >= _MBAP.size:
        transaction_id, _protocol, length, unit_id = _MBAP.unpack_from(received)
        if len(received) < 6 + length:
            break
        frames.append(RequestFrame(transaction_id, unit_id, received[7 : 6 + length]))
        received = received[6 + length :]
    return frames, received


def tcp_build(request: RequestFrame, pdu: bytes) -> bytes:
    """The answer with an MBAP header."""
    return _MBAP.pack(request.transaction_id, 0, len(pdu) + 1, request.unit_id) + pdu


def rtu_split(received: bytes) -> tuple[list[RequestFrame], bytes]:
    """Requests with unit and CRC; bytes that make no frame are dropped, as a slave does."""
    frames = []
    while len(received) >= 2:
        size = _FIXED_REQUEST
        if received[1] == WRITE_MULTIPLE:
            if len(received) < 7:
                break
            size = 7 + received[6]
        if len(received) < size + 2:
            break
        body, crc = received[:size], received[size : size + 2]
        if crc16(body) != crc:
            return frames, b""
        frames.append(RequestFrame(0, body[0], body[1:]))
        received = received[size + 2 :]
    return frames, received


def rtu_build(request: RequestFrame, pdu: bytes) -> bytes:
    """The answer with unit and CRC."""
    body = bytes((request.unit_id,)) + pdu
    return body + crc16(body)


def exception_pdu(function: int, code: int) -> bytes:
    """The answer that refuses a request."""
    return bytes((function | 0x80, code))
