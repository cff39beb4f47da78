"""Answers of Modbus reads, taken apart in one step instead of a register at a time."""

import struct

from pymodbus.exceptions import ModbusIOException
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersResponse,
    ReadInputRegistersResponse,
)


class HoldingRegisters(ReadHoldingRegistersResponse):
    """Function 3: pymodbus unpacks 125 registers in 125 calls, and words each answer for a log."""

    def decode(self, data: bytes) -> None:
        """Take the registers from an answer without unit and function."""
        length = data[0]
        if length & 1 or length >= len(data):
            raise ModbusIOException(
                f"byte count {length} in a packet of {len(data)}",
                function_code=self.function_code,
            )
        self.registers = list(struct.unpack_from(f">{length // 2}H", data, 1))

    def __str__(self) -> str:
        return self.__class__.__name__


class InputRegisters(HoldingRegisters, ReadInputRegistersResponse):
    """Function 4."""

    function_code = 4


DECODER = DecodePDU(False)
"""For every connection: it holds tables only."""
DECODER.register(HoldingRegisters)
DECODER.register(InputRegisters)
