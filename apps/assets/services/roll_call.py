"""A thread of each polling process that says at every operator that the process lives."""

import logging
import threading

from django.db import Error, connection

from apps.assets.services.shares import Shares
from apps.assets.services.workers import worker_leave, worker_say
from apps.tenants.context import OperatorMissing, operator_context
from apps.tenants.selectors import active_schemas

logger = logging.getLogger(__name__)

SAY_EVERY_S = 2.0


class RollCaller(threading.Thread):
    """Says every two seconds that the worker lives, and tells `shares` who else does."""

    def __init__(self, shares: Shares, stop: threading.Event) -> None:
        super().__init__(name="poll-roll-call", daemon=True)
        self._shares = shares
        # Not `_stop`, which is threading.Thread's own.
        self._ends = stop
        self._is_silent = False

    def run(self) -> None:
        """Until the process is told to end; then say so, for the others to take over at once."""
        while True:
            self._say()
            if self._ends.wait(SAY_EVERY_S):
                break
        self._leave()
        connection.close()

    def _say(self) -> None:
        try:
            schemas = active_schemas()
            for schema in schemas:
                self._say_at(schema)
            self._shares.keep_only(schemas)
            self._is_silent = False
        except Error:
            if not self._is_silent:
                logger.warning("poll.roll_call_failed", exc_info=True)
            self._is_silent = True
            connection.close()

    def _say_at(self, schema: str) -> None:
        try:
            with operator_context(schema):
                self._shares.learn(schema, worker_say(name=self._shares.name))
        except OperatorMissing:
            return  # Removed since the list was read.

    def _leave(self) -> None:
        try:
            for schema in active_schemas():
                with operator_context(schema):
                    worker_leave(name=self._shares.name)
        except (Error, OperatorMissing):
            logger.warning("poll.roll_call_failed", exc_info=True)
