"""An order from the command table on its way over one station's socket."""

import asyncio
from functools import partial
from typing import Any

from apps.chargers.choices import CommandStatus
from apps.chargers.csms.native.link import CallRefused, StationLink
from apps.chargers.ocpp.actions import is_accepted
from apps.chargers.services import command_claim, command_finish
from apps.chargers.services.commands import CONNECTION_LOST
from cariflex.common.time import utc_now


async def order_run(link: StationLink, command_id: int) -> None:
    """Send one queued order and write down how it ended; nothing when another took it."""
    order = await link.store(
        command_claim, command_id=command_id, station_pk=link.station_pk, now=utc_now()
    )
    if order is None:
        return
    finish = partial(_finish, link, command_id)
    try:
        answer = await link.call(order.action, order.payload, message_id=order.correlation_id)
    except TimeoutError:
        await finish(CommandStatus.TIMEOUT, error="The station did not answer.")
    except asyncio.CancelledError:
        await asyncio.shield(finish(CommandStatus.FAILED, error=CONNECTION_LOST))
        raise
    except CallRefused as refused:
        await finish(CommandStatus.FAILED, error=str(refused))
    else:
        accepted = is_accepted(order.action, answer)
        await finish(CommandStatus.ACCEPTED if accepted else CommandStatus.REJECTED, answer=answer)


async def _finish(
    link: StationLink,
    command_id: int,
    status: CommandStatus,
    *,
    answer: dict[str, Any] | None = None,
    error: str = "",
) -> None:
    await link.store(
        command_finish,
        command_id=command_id,
        status=status,
        answer=answer,
        error=error,
        now=utc_now(),
    )
