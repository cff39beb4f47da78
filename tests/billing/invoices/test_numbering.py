"""Eight issuers at once, some of whom fail: every number once, none missing."""

import random
from threading import Barrier, Thread

from django.db import connections, transaction

from apps.billing.models import Invoice, InvoiceSeries
from apps.billing.services.drafts import invoice_draft_make
from apps.billing.services.invoices import invoice_issue
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.billing.invoices.rows import MARCH, NOW, account_make, cdr_make, issuer_make

ISSUERS, EACH, ROLLED_BACK = 8, 2, 0.5


class Killed(Exception):
    """The process ended before its transaction was committed."""


def test_eight_issuers_with_rollbacks_leave_no_gap_and_no_double(
    live_operators: tuple[Operator, Operator],
) -> None:
    schema = live_operators[0].schema_name
    with operator_context(schema):
        issuer_make()
        for nth in range(ISSUERS * EACH):
            cdr_make(account_make(f"account-{nth}"), "10")
        drafts = [draft.pk for draft in invoice_draft_make(month=MARCH)]
    together = Barrier(ISSUERS)
    failures: list[BaseException] = []
    rolled_back: list[int] = []

    def work(nth: int) -> None:
        chance = random.Random(nth)
        mine = drafts[nth * EACH : (nth + 1) * EACH]
        # Somebody else's too: two issue the same draft at once.
        mine += drafts[(nth + 1) % ISSUERS * EACH :][:1]
        try:
            together.wait(20)
            with operator_context(schema):
                while mine:
                    pk = mine[0]
                    try:
                        with transaction.atomic():
                            invoice_issue(invoice_id=pk, by=None, now=NOW)
                            if chance.random() < ROLLED_BACK:
                                raise Killed
                        mine.pop(0)
                    except Killed:
                        rolled_back.append(pk)
        except BaseException as err:  # noqa: BLE001 - told by the test itself
            failures.append(err)
        finally:
            connections.close_all()

    threads = [Thread(target=work, args=(nth,)) for nth in range(ISSUERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failures == []
    assert len(rolled_back) >= ISSUERS // 2
    with operator_context(schema):
        numbers = sorted(Invoice.objects.values_list("number", flat=True))
        assert numbers == list(range(1, ISSUERS * EACH + 1))
        assert InvoiceSeries.objects.get().last_number == ISSUERS * EACH
        assert Invoice.objects.filter(state="draft").count() == 0


def test_who_makes_the_same_draft_at_once_makes_one(
    live_operators: tuple[Operator, Operator],
) -> None:
    schema = live_operators[0].schema_name
    with operator_context(schema):
        issuer_make()
        account = account_make()
        for _nth in range(3):
            cdr_make(account, "10")
    together, made = Barrier(4), list[int]()

    def work() -> None:
        try:
            together.wait(20)
            with operator_context(schema):
                made.extend(draft.pk for draft in invoice_draft_make(month=MARCH))
        finally:
            connections.close_all()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    with operator_context(schema):
        draft = Invoice.objects.get()
        assert made == [draft.pk] * 4
        assert (draft.net, draft.lines.get().sessions_count) == (30, 3)
