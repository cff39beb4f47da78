"""The CSV export: the same rows as the slow way, harmless in a spreadsheet, for billing only."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import user_ensure
from apps.billing import export
from apps.billing.export import COLUMNS, cdr_csv
from apps.billing.models import Cdr, TariffVersion
from apps.billing.services import cdr_issue
from apps.chargers.models import ChargingStation
from apps.chargers.services import station_register
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from tests.billing.conftest import session_make, station_make, tariff_make

LIST_URL = "/admin/billing/cdr/"
NASTY = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\tTAB", "  =cmd", "%x", "|x", "＝1", 'a"b', "a,b", "a\nb",
    "é - ü", "", "1-2", "x=y",
]  # fmt: skip


def slow_cell(cdr: Cdr, name: str) -> str:
    """What Python makes of a field: the reference for the SELECT."""
    value = getattr(cdr, name)
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, Decimal):
        money = name in {"total_excl_vat", "vat", "total_incl_vat"}
        return f"{value:.2f}" if money else f"{value.normalize():f}"
    text = str(value)
    harmful = text.lstrip()[:1] in tuple("=+-@|%＝＋－＠") and text.strip() != ""
    return "'" + text if harmful or text[:1] in tuple("\t\r\n") else text


def rows_of(chunks: Iterator[bytes]) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(b"".join(chunks).decode(), newline="")))


@pytest.fixture
def cdrs(tariff: TariffVersion, operator_a: Operator) -> list[Cdr]:
    """One CDR for each nasty text, in every text column that a stranger can fill."""
    for nth, text in enumerate(NASTY):
        station = station_register(
            station_id=f"CS-{nth:03}", name=text, commune=text, rated_power_kw=22.0
        )
        token = text.strip() if text.strip().isprintable() else "X"
        session = session_make(station, f"tx-{nth}", id_token=token, energy_wh=str(nth * 1000.5))
        cdr_issue(session_id=session.pk)
    return list(Cdr.objects.order_by("issued_at", "id"))


def test_the_export_is_row_by_row_what_the_slow_way_gives(cdrs: list[Cdr]) -> None:
    rows = rows_of(cdr_csv(Cdr.objects.all()))

    names = [name for name, _kind in COLUMNS]
    assert rows == [{name: slow_cell(cdr, name) for name in names} for cdr in cdrs]
    assert len(rows) == len(NASTY)


def test_no_cell_starts_a_formula(cdrs: list[Cdr]) -> None:
    names = {row["station_name"] for row in rows_of(cdr_csv(Cdr.objects.all()))}

    assert {"'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tTAB", "'  =cmd", "'＝1"} <= names
    assert {'a"b', "a,b", "a\nb", "é - ü", "1-2", "x=y"} <= names


def test_chunks_join_without_gap_or_double(
    cdrs: list[Cdr], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = b"".join(cdr_csv(Cdr.objects.all()))
    for first, later in ((1, 1), (3, 5), (len(NASTY), 2), (len(NASTY) - 1, 1)):
        monkeypatch.setattr(export, "FIRST_CHUNK_ROWS", first)
        monkeypatch.setattr(export, "CHUNK_ROWS", later)

        assert b"".join(cdr_csv(Cdr.objects.all())) == whole


def test_an_empty_selection_is_a_header(operator_a: Operator) -> None:
    assert b"".join(cdr_csv(Cdr.objects.none())) == b"".join(cdr_csv(Cdr.objects.all()))
    assert rows_of(cdr_csv(Cdr.objects.all())) == []


def test_the_mark_for_excel_is_optional(operator_a: Operator) -> None:
    assert b"".join(cdr_csv(Cdr.objects.all(), with_bom=True)).startswith(b"\xef\xbb\xbfreference,")
    assert b"".join(cdr_csv(Cdr.objects.all())).startswith(b"reference,")


def test_the_export_runs_in_the_operator_it_was_asked_for(
    tariff: TariffVersion, station: ChargingStation, operator_b: Operator
) -> None:
    cdr_issue(session_id=session_make(station, "ours").pk)
    chunks = cdr_csv(Cdr.objects.all())
    with operator_context("martinique"):
        tariff_make()
        cdr_issue(session_id=session_make(station_make(), "theirs").pk)

        rows = rows_of(chunks)

    assert [row["transaction_id"] for row in rows] == ["ours"]


# --- the admin ---


def client_of(role: Role, *, export: bool = False) -> Client:
    user: User = user_ensure(username=role.name.lower(), password="x", role=role)
    if export:
        user.user_permissions.add(Permission.objects.get(codename="export_cdr"))
    client = Client(headers={"host": "guadeloupe.localhost"})
    client.force_login(user)
    return client


def body(answer: Any) -> str:
    return b"".join(answer.streaming_content).decode()


def test_the_list_shows_totals_of_what_is_filtered(cdrs: list[Cdr]) -> None:
    client = client_of(Role.BILLING, export=True)

    listed = client.get(LIST_URL, {"station_id": "CS-002"})

    (totals,) = listed.context_data["cdr_totals"]
    assert totals.count == 1
    assert totals.energy_kwh == Decimal("2.001")
    page = listed.content.decode()
    assert f"{LIST_URL}export.csv?station_id=CS-002" in page
    assert "04A2B3C4" not in page


def test_the_export_respects_the_filters_of_the_list(cdrs: list[Cdr]) -> None:
    client = client_of(Role.BILLING, export=True)

    answer = client.get(LIST_URL + "export.csv", {"station_id": "CS-002", "o": "-2"})

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="cdrs-guadeloupe-' in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(StringIO(body(answer), newline="")))
    assert [row["station_id"] for row in rows] == ["CS-002"]
    searched = client.get(LIST_URL + "export-excel.csv", {"q": "tx-3"})
    assert body(searched).startswith("\ufeffreference,")


@pytest.mark.parametrize("role", [Role.OPERATIONS, Role.ANALYST])
def test_who_may_only_look_may_not_export(cdrs: list[Cdr], role: Role) -> None:
    client = client_of(role)

    listed = client.get(LIST_URL)

    assert listed.status_code == 200
    assert "export.csv" not in listed.content.decode()
    assert client.get(LIST_URL + "export.csv").status_code == 403
    assert client.get(LIST_URL + "export-excel.csv").status_code == 403


@pytest.mark.parametrize("role", [Role.BILLING, Role.OPERATOR_ADMIN])
def test_a_cdr_is_read_only_in_the_admin(cdrs: list[Cdr], role: Role) -> None:
    client = client_of(role)
    row = f"{LIST_URL}{cdrs[0].pk}/"

    assert client.get(row + "change/").status_code == 200
    assert client.post(row + "change/", {"reference": "x"}).status_code == 403
    assert client.post(row + "delete/", {"post": "yes"}).status_code == 403
    assert client.get(LIST_URL + "add/").status_code == 403


def test_a_tariff_that_rated_a_cdr_keeps_its_price(cdrs: list[Cdr], tariff: TariffVersion) -> None:
    client = client_of(Role.BILLING)
    form = {"name": "Renamed", "type": "REGULAR", "note": "", "content": "{}"}

    answer = client.post(f"/admin/billing/tariff/{tariff.tariff_id}/change/", form)

    assert answer.status_code == 302
    tariff.refresh_from_db()
    assert tariff.tariff.name == "Renamed"
    assert tariff.content["elements"][0]["price_components"][0]["price"] == Decimal("0.3012")
