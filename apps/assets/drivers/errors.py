"""What can go wrong with a device on the wire; each kind is handled differently above."""

from cariflex.common.errors import ExternalError

SYSTEM = "modbus"


class DeviceError(ExternalError):
    """A device could not be read or written."""

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(SYSTEM, message, retryable=retryable)

    def __str__(self) -> str:
        return self.message


class DeviceUnreachableError(DeviceError):
    """No connection: refused, no route, or closed by the other side."""


class DeviceSilentError(DeviceError):
    """Connected, but no answer within the time-out."""


class DeviceRefusalError(DeviceError):
    """The device answered with a Modbus exception."""

    def __init__(self, exception_code: int, message: str) -> None:
        super().__init__(message, retryable=False)
        self.exception_code = exception_code


class DeviceGarbledError(DeviceError):
    """The device answered something that makes no sense."""


class ReadbackMismatchError(DeviceError):
    """The device took a set-point without error but does not show it."""

    def __init__(self, message: str, *, readback_kw: float | None) -> None:
        super().__init__(message, retryable=False)
        self.readback_kw = readback_kw


class SetpointUnsupportedError(DeviceError):
    """The device cannot take a set-point, or cannot be trusted to let go of it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)
