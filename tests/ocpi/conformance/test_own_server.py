"""Two operators of ours that are registered with each other: each keeps every rule."""

from datetime import timedelta
from typing import Any

import pytest

from apps.chargers.services import token_register
from apps.ocpi.access import token_make
from apps.ocpi.models import Partner
from apps.ocpi.selectors.conformance import report_rows
from apps.ocpi.services.conformance import conformance_begin, conformance_run
from apps.ocpi.services.publish_cdrs import cdr_publish
from apps.ocpi.services.publish_locations import location_publish
from apps.ocpi.services.publish_sessions import session_publish
from apps.ocpi.services.publish_tariffs import tariffs_publish
from apps.ocpi.services.publish_tokens import tokens_publish
from apps.tenants.context import operator_context
from cariflex.common.time import utc_now
from tests.ocpi.conformance.conftest import VERSIONS, A, B
from tests.ocpi.out import world
from tests.ocpi.out.world import NOW
from tests.ocpi.server import Site
from tests.ocpi.transport.test_registration import command


@pytest.fixture(autouse=True)
def _addresses(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "apps.ocpi.selectors.partners.operator_address",
        lambda one: f"http://{one.schema_name}.localhost:{site.port}",
    )


def joined(site: Site, version: str, role: str) -> None:
    """Guadeloupe registers with Martinique, to which it is a partner of `role`."""
    is_raw = version == "2.1.1"
    other = "CPO" if role == "EMSP" else "EMSP"
    invitation = command(
        "ocpi_invite", operator=B, role=role, name="Guadeloupe", accept_unencoded=is_raw
    )
    with operator_context(A):
        command(
            "ocpi_register", operator=A, versions_url=invitation["versions_url"],
            token=invitation["token"], name="Martinique", role=other, ocpi_version=version,
            send_unencoded=is_raw,
        )  # fmt: skip


def fill(schema: str) -> None:
    """Places, prices, and sessions of the partner's customers, told as they happened."""
    with operator_context(schema):
        partner = Partner.objects.get()
        world.tariff_everywhere()
        for nth in range(3):
            at = NOW + timedelta(minutes=nth)
            station = world.station_make(f"CS-00{nth}")
            session = world.session_of(station, partner, f"tx-{nth}")
            cdr = world.cdr_of(session)
            token_register(id_token=f"04A2B3C4D5E6{nth:02}")
            tariffs_publish(now=at)
            location_publish(station.pk, at)
            session_publish(session.pk, at)
            cdr_publish(cdr.pk, at)
            tokens_publish(now=at)


def check(schema: str) -> Any:
    with operator_context(schema):
        begun = conformance_begin(partner=Partner.objects.get(), asked_by=None, now=utc_now())
        conformance_run(report_id=begun.pk)
        begun.refresh_from_db()
        return begun


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("role", ["EMSP", "CPO"])
def test_our_own_server_keeps_every_rule(site: Site, version: str, role: str) -> None:
    joined(site, version, role)
    fill(B)

    report = check(A)

    rows = report_rows(report)
    assert [row for row in rows if row.outcome == "failed"] == []
    assert (report.state, report.note_code, report.version) == ("ended", "", version)
    modules = {row.module for row in rows}
    if version == "2.1.1":
        ours = {"tokens"} if role == "CPO" else {"locations", "sessions", "cdrs", "tariffs"}
    else:
        ours = {"locations", "sessions", "cdrs", "tariffs", "tokens"}
    assert modules == ours | {"versions"}
    # There is one tariff.
    untried = {(row.module, row.rule) for row in rows if row.outcome == "skipped"}
    assert {module for module, _rule in untried} <= {"tariffs"}, untried
    assert {rule for _module, rule in untried} <= {
        "link_next", "link_absolute", "link_filters", "link_moves",
    }  # fmt: skip


def test_both_check_each_other(site: Site) -> None:
    joined(site, "2.2.1", "EMSP")
    for schema in (A, B):
        fill(schema)

    reports = [check(schema) for schema in (A, B)]

    assert [report.failed for report in reports] == [0, 0]
    assert [report.state for report in reports] == ["ended", "ended"]


def test_a_token_of_ours_can_be_given_to_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    made = iter(["-nS5sqPytu0C5KcPf", "nS5sqPytu0C5KcPf-"])
    monkeypatch.setattr("secrets.token_urlsafe", lambda _bytes: next(made))

    assert token_make() == "nS5sqPytu0C5KcPf-"
