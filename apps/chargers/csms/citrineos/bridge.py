"""The bridge of one operator: one thread takes from the bus, one compares; both end cleanly.

Only the process that holds the lease works; another one waits to go on. When a process hangs and
its lease runs out two may work for a moment: each message is claimed in the transaction that
applies it, so nothing is doubled.
"""

import logging
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from django.db import Error as DatabaseError
from django.db import connection

from apps.chargers.csms.citrineos.access import active_account, tables_of, tap_of
from apps.chargers.csms.citrineos.inbox import messages_apply
from apps.chargers.csms.citrineos.messages import BridgedMessage, MessageUnusable, live_message
from apps.chargers.csms.citrineos.provisioning import provision
from apps.chargers.csms.citrineos.tap import BROKER_ERRORS, Delivery, Tap
from apps.chargers.csms.citrineos.upkeep import GRACE, missed_fill, stations_follow
from apps.chargers.models import CitrineAccount
from apps.chargers.services.citrineos import (
    LEASE_S,
    Counts,
    bridge_note,
    lease_give,
    lease_take,
    messages_count,
    messages_forget,
)
from apps.tenants.context import OperatorMissing, operator_context
from cariflex.common.errors import ExternalError
from cariflex.common.time import utc_now

logger = logging.getLogger(__name__)

TAKEN_TOGETHER = 64


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the bridge does what, in seconds."""

    lease_s: float = LEASE_S
    wait_s: float = 1.0
    follow_s: float = 15.0
    fill_s: float = 60.0
    grace_s: float = GRACE.total_seconds()
    provision_s: float = 300.0
    retry_s: float = 1.0
    retry_most_s: float = 30.0


class OperatorBridge:
    """The bridge of one operator in this process; `run` returns after `end`."""

    def __init__(self, schema_name: str, *, pace: Pace | None = None) -> None:
        self.schema_name = schema_name
        self.holder = uuid.uuid4().hex
        self._pace = pace or Pace()
        self._ending = threading.Event()
        self._drained = threading.Event()
        self._trouble = ""

    def end(self) -> None:
        """Stop after the batch at work; what was not applied stays in the queue."""
        self._ending.set()

    def run(self) -> None:
        """Bridge until `end`; comes back by itself after every trouble."""
        delay_s = self._pace.retry_s
        while not self._ending.is_set():
            began = monotonic()
            try:
                with operator_context(self.schema_name):
                    self._turn()
            except OperatorMissing:
                return
            except (*BROKER_ERRORS, ExternalError, DatabaseError) as err:
                self._say(f"{type(err).__name__}: {err}")
                connection.close()
            # The outer edge of one operator's bridge: the others go on, and so will this one.
            except Exception:
                logger.exception("bridge to citrineos failed operator=%s", self.schema_name)
            if monotonic() - began > self._pace.retry_most_s:
                delay_s = self._pace.retry_s
            self._ending.wait(delay_s)
            delay_s = min(delay_s * 2, self._pace.retry_most_s)
        connection.close()

    def _turn(self) -> None:
        """Be the bridge for as long as the lease and the broker last."""
        account = active_account()
        if account is None or not self._lease(account):
            return
        tap = tap_of(account)
        beside = threading.Thread(
            target=self._beside, args=(account, over := threading.Event()), daemon=True
        )
        try:
            bridge_note(account_id=account.pk, connected_at=utc_now(), trouble="")
            logger.info("bridge to citrineos open operator=%s", self.schema_name)
            self._trouble = ""
            beside.start()
            self._take(account, tap)
        finally:
            over.set()
            tap.close()
            if beside.ident is not None:
                beside.join(timeout=5)
            self._leave(account)

    def _lease(self, account: CitrineAccount) -> bool:
        return lease_take(account_id=account.pk, holder=self.holder, lease_s=self._pace.lease_s)

    def _leave(self, account: CitrineAccount) -> None:
        try:
            lease_give(account_id=account.pk, holder=self.holder)
        except DatabaseError as err:
            # It runs out by itself.
            logger.warning("lease not given back operator=%s error=%s", self.schema_name, err)

    def _take(self, account: CitrineAccount, tap: Tap) -> None:
        renewed = monotonic()
        while not self._ending.is_set():
            if monotonic() - renewed >= self._pace.lease_s / 4:
                if active_account() != account or not self._lease(account):
                    return
                renewed = monotonic()
            deliveries = tap.take(limit=TAKEN_TOGETHER, wait_s=self._pace.wait_s)
            if not deliveries:
                self._drained.set()
                continue
            self._apply(account, deliveries)
            # After the commit: what a killed process had not acknowledged comes again.
            tap.done(deliveries[-1])

    def _apply(self, account: CitrineAccount, deliveries: list[Delivery]) -> None:
        messages: list[BridgedMessage] = []
        unusable = 0
        for delivery in deliveries:
            try:
                message = live_message(delivery.body)
            except MessageUnusable as err:
                unusable += 1
                logger.warning(
                    "message of citrineos unusable operator=%s error=%s", self.schema_name, err
                )
                continue
            if message.tenant_id == account.tenant_id:
                messages.append(message)
        now = utc_now()
        if messages:
            messages_apply(messages, account_id=account.pk, now=now)
        if unusable:
            messages_count(
                account_id=account.pk, counts=Counts(unusable=unusable), is_recovered=False,
                now=now, last_id=None,
            )  # fmt: skip

    # --- beside the bus: a thread and a database connection of its own ---

    def _beside(self, account: CitrineAccount, over: threading.Event) -> None:
        due = dict.fromkeys(("follow", "fill", "provision"), 0.0)
        pace = self._pace
        jobs: tuple[tuple[str, float, Callable[[CitrineAccount], None]], ...] = (
            ("provision", pace.provision_s, self._provision),
            ("follow", pace.follow_s, self._follow),
            ("fill", pace.fill_s, self._fill),
        )
        # What waits in the queue is no loss: first it is taken, unless that takes too long.
        self._drained.clear()
        patience = monotonic() + pace.fill_s
        while not (over.is_set() or self._drained.wait(0.2) or monotonic() > patience):
            pass
        try:
            while not over.is_set():
                for name, period_s, job in jobs:
                    if monotonic() >= due[name] and not over.is_set():
                        due[name] = monotonic() + period_s
                        self._try(job, account)
                over.wait(min(0.5, pace.wait_s))
        finally:
            connection.close()

    def _try(self, job: Callable[[CitrineAccount], None], account: CitrineAccount) -> None:
        try:
            with operator_context(self.schema_name):
                job(account)
        except (ExternalError, DatabaseError, OperatorMissing) as err:
            self._say(f"{type(err).__name__}: {err}")
        # The outer edge of one comparison: the next one may succeed.
        except Exception:
            logger.exception("comparison with citrineos failed operator=%s", self.schema_name)

    def _provision(self, account: CitrineAccount) -> None:
        if account.graphql_url:
            provision(account)

    def _follow(self, account: CitrineAccount) -> None:
        tables = tables_of(account)
        if tables is not None:
            stations_follow(tables, now=utc_now())

    def _fill(self, account: CitrineAccount) -> None:
        tables = tables_of(account)
        now = utc_now()
        if tables is not None:
            missed_fill(account, tables, now=now, grace=timedelta(seconds=self._pace.grace_s))
        messages_forget(now=now)

    def _say(self, trouble: str) -> None:
        """Trouble is logged once, and shown beside the server."""
        trouble = trouble[:300]
        if trouble == self._trouble:
            return
        self._trouble = trouble
        logger.warning("bridge to citrineos operator=%s error=%s", self.schema_name, trouble)
        try:
            with operator_context(self.schema_name):
                account = active_account()
                if account is not None:
                    bridge_note(account_id=account.pk, trouble=trouble)
        except DatabaseError:
            logger.warning("the trouble could not be kept operator=%s", self.schema_name)
