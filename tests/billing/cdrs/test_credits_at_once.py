"""Several people credit the same CDR in the same moment."""

from threading import Barrier, Thread

from django.db import connections

from apps.billing.models import Cdr
from apps.billing.services import cdr_issue
from apps.billing.services.credits import cdr_credit
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from tests.billing.conftest import session_make, station_make, tariff_make


def test_two_clicks_at_once_make_one_credit(live_operators: tuple[Operator, Operator]) -> None:
    schema = live_operators[0].schema_name
    with operator_context(schema):
        tariff_make()
        cdr = cdr_issue(session_id=session_make(station_make(), "tx-1").pk)
    together, codes = Barrier(4), list[str]()

    def click() -> None:
        try:
            together.wait(10)
            with operator_context(schema):
                cdr_credit(cdr_id=cdr.pk, reason="Wrong", by=None, reissue=True)
            codes.append("done")
        except DomainError as refused:
            codes.append(refused.code)
        finally:
            connections.close_all()

    threads = [Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(codes) == ["billing.cdr_credited"] * 3 + ["done"]
    with operator_context(schema):
        assert [(one.revision, one.credit) for one in Cdr.objects.order_by("issued_at")] == [
            (1, False), (1, True), (2, False),
        ]  # fmt: skip
