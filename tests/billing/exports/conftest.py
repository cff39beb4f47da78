"""CDRs with texts that would harm a spreadsheet, and a folder for files."""

import csv
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.billing.models import Cdr
from apps.billing.services import cdr_issue
from apps.chargers.models import ChargingStation, Session
from cariflex.common.ids import new_id
from tests.billing.conftest import session_make

NASTY = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\tTAB", "  =cmd", "%x", "|x", "＝1", 'a"b', "a,b", "a;b",
    "a\nb", "é - ü", "", "1-2", "x=y",
]  # fmt: skip


def rows_of(content: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    """The lines of a CSV by the names of their columns."""
    text = content.decode("utf-8-sig")
    return list(csv.DictReader(StringIO(text, newline=""), delimiter=delimiter))


def joined(chunks: Iterable[bytes]) -> bytes:
    return b"".join(chunks)


@pytest.fixture
def media(settings: Any, tmp_path: Path) -> Path:
    """Where files are kept during the test."""
    settings.MEDIA_ROOT = tmp_path
    # The storage remembers the folder until this one is set.
    settings.MULTITENANT_RELATIVE_MEDIA_ROOT = "%s"
    return tmp_path


@pytest.fixture
def cdrs(tariff: Any, station: ChargingStation) -> list[Cdr]:
    """One CDR for each nasty text, in every text column that a stranger can fill.

    Copies of one that was issued: it is the writing that is tested, not the pricing.
    """
    session = session_make(station, "tx", energy_wh="1000.5")
    issued = cdr_issue(session_id=session.pk)
    values = {field.attname: getattr(issued, field.attname) for field in Cdr._meta.fields}
    sessions = {field.attname: getattr(session, field.attname) for field in Session._meta.fields}
    kept = Session.objects.bulk_create(
        Session(**{**sessions, "id": None, "transaction_id": f"tx-{nth}"})
        for nth in range(len(NASTY))
    )
    made = [
        Cdr(
            **{
                **values,
                "id": new_id(),
                "reference": f"{issued.reference}-{nth}",
                "session_id": kept[nth].pk,
                "station_id": f"CS-{nth:03}",
                "station_name": text,
                "commune": text,
                "transaction_id": f"tx-{nth}",
                "id_token": text,
                "start_meter_kwh": None if nth == 2 else nth,
                "total_excl_vat": Decimal(nth) / 8,
                "total_incl_vat": Decimal(nth) / 8 + issued.vat,
                "issued_at": issued.issued_at - timedelta(seconds=len(NASTY) - nth),
            }
        )
        for nth, text in enumerate(NASTY)
    ]
    Cdr.objects.bulk_create(made)
    with connection.cursor() as cursor:
        # An issued CDR cannot be deleted: the one that was copied is moved out of the way.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE billing_cdr DISABLE TRIGGER billing_cdr_immutable")
        cursor.execute("DELETE FROM billing_cdr WHERE id = %s", [issued.pk])
        cursor.execute("ALTER TABLE billing_cdr ENABLE TRIGGER billing_cdr_immutable")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    return list(Cdr.objects.order_by("issued_at", "id"))


@pytest.fixture
def biller(operator_a: object) -> User:
    """Somebody of the billing staff."""
    user: User = user_ensure(username="biller", password="pw", role=Role.BILLING)
    return user
