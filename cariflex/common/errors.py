"""Three kinds of error: the caller's, an outside system's, and one with a protocol's own code."""


class DomainError(Exception):
    """The caller asked for what the rules refuse; `code` is stable, `field` names the input."""

    def __init__(self, code: str, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class ExternalError(Exception):
    """An outside system failed. `retryable` says whether the same call may succeed later."""

    def __init__(
        self,
        system: str,
        message: str,
        *,
        retryable: bool,
        retry_after_s: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(f"{system}: {message}")
        self.system = system
        self.message = message
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.status = status


class ProtocolError(Exception):
    """A refusal that leaves with a protocol's status code (OCPI 1000-4999, HTTP)."""

    def __init__(self, status_code: int, message: str) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.message = message
