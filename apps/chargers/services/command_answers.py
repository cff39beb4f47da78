"""What the functional blocks do when a station answered an order, or never will.

A block registers its functions when its module is imported. They run in the transaction that ends
the order, once, with the order's row locked.
"""

import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from django.db import InterfaceError, OperationalError, transaction

from apps.chargers.models import Command

logger = logging.getLogger(__name__)

Answered = Callable[[Command, dict[str, Any]], None]
Failed = Callable[[Command], None]

_answered: dict[str, list[Answered]] = defaultdict(list)
_failed: dict[str, list[Failed]] = defaultdict(list)


def register(action: str, answered: Answered, *, failed: Failed | None = None) -> None:
    """Call `answered(command, answer)` after an answer to `action`, accepted or rejected alike.

    `failed(command)` is called when the order ends without one (failed, timeout). It is not called
    for an order that `command_send` itself returns as failed. Registering twice counts once.
    """
    if answered not in _answered[action]:
        _answered[action].append(answered)
    if failed is not None and failed not in _failed[action]:
        _failed[action].append(failed)


def command_ended(command: Command, answer: dict[str, Any] | None) -> None:
    """Tell the blocks how an order ended; one that cannot use the answer does not lose it."""
    if answer is None:
        for failed in _failed.get(command.action, ()):
            _run(command, failed, command)
        return
    for answered in _answered.get(command.action, ()):
        _run(command, answered, command, answer)


def _run(command: Command, function: Callable[..., None], *args: Any) -> None:
    try:
        with transaction.atomic():
            function(*args)
    except (OperationalError, InterfaceError):
        raise
    # The outer edge of a block: what the station answered is kept whatever a block makes of it.
    except Exception:
        logger.exception("answer not applied action=%s command=%s", command.action, command.pk)
        Command.objects.filter(pk=command.pk).update(error="The answer could not be applied.")
