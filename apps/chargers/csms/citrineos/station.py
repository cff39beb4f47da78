"""A station whose socket CitrineOS holds, as the functions see it that serve a socket of ours."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from apps.chargers.choices import RegistrationStatus
from apps.chargers.csms.native.registry import handler_of
from apps.chargers.ocpp.frames import Frame
from apps.chargers.ocpp.versions import OcppVersion

P = ParamSpec("P")
R = TypeVar("R")
# Only their answer counts, and that was CitrineOS's own: nothing is stored of them.
ANSWERED_ELSEWHERE = frozenset(
    {
        "Authorize", "DataTransfer", "Get15118EVCertificate", "GetCertificateStatus",
        "GetCertificateChainStatus", "SignCertificate",
    }
)  # fmt: skip


class BridgedStation:
    """Stands where a StationLink does; services run at once, in the caller's transaction.

    `registration_status` is Accepted: CitrineOS lets only accepted stations say more than a boot.
    """

    def __init__(
        self, *, schema_name: str, station_pk: int, station_id: str, version: OcppVersion
    ) -> None:
        self.schema_name = schema_name
        self.station_pk = station_pk
        self.station_id = station_id
        self.version = version
        self.registration_status = RegistrationStatus.ACCEPTED
        self.label = f"{schema_name}/{station_id}"
        self._afterwards: list[Callable[[], Awaitable[object]]] = []

    async def store(self, service: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a service."""
        return service(*args, **kwargs)

    async def patiently(
        self, write: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Do a write; the bridge itself waits for a database that restarts."""
        return await write(*args, **kwargs)

    async def seen(self) -> None:
        """Nothing to do: each message says that the station lives."""

    def afterwards(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do this when the message was served."""
        self._afterwards.append(work)

    def serve(self, frame: Frame) -> bool:
        """Apply a request; False when nothing here is stored of such a message."""
        handler = handler_of(self.version, frame.action)
        if handler is None or frame.action in ANSWERED_ELSEWHERE:
            return False
        _finished(handler.serve(self, frame))  # type: ignore[arg-type]
        while self._afterwards:
            _finished(self._afterwards.pop(0)())
        return True


def _finished(work: Awaitable[Any]) -> None:
    """Run a coroutine that waits for nothing, without an event loop.

    Its services use the thread's own database connection, which is closed to a running loop.
    """
    assert isinstance(work, Coroutine)  # noqa: S101 - every handler is an async function
    try:
        work.send(None)
    except StopIteration:
        return
    work.close()
    raise RuntimeError("a handler waited for something that no bridge can give")
