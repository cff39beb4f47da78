"""Partners that are checked: a charge point operator and a mobility provider over real HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.utils import translation

from apps.ocpi import wire
from apps.ocpi.models import ConformanceReport, Partner, Party
from apps.ocpi.selectors.conformance import report_rows
from apps.ocpi.services.conformance import conformance_begin, conformance_run
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.time import utc_now
from tests.contracts.ocpi_partner import OcpiPartner, ocpi_partner
from tests.ocpi.incoming import objects
from tests.ocpi.server import partner_of

A, B = "guadeloupe", "martinique"
VERSIONS = ("2.1.1", "2.2.1", "2.3.0")
KINDS = {
    "locations": ("Location", objects.location),
    "sessions": ("Session", objects.session),
    "cdrs": ("Cdr", objects.cdr),
    "tariffs": ("Tariff", objects.tariff),
    "tokens": ("Token", objects.token),
}
COUNT = 4


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.OCPI_LOOPBACK_ALLOWED = True


def listed(module: str, version: str, count: int = COUNT) -> list[dict[str, Any]]:
    """Objects of a list, a day apart, the last on the day of the first, as a version says it."""
    kind, make = KINDS[module]
    rows = [make(f"{module[:3]}{nth}", at=f"2026-03-1{nth}T10:00:00Z") for nth in range(count)]
    rows.append(make(f"{module[:3]}late", at="2026-03-10T16:00:00Z"))
    return [_said(version, kind, row) for row in rows]


def _said(version: str, kind: str, row: dict[str, Any]) -> dict[str, Any]:
    inside = wire.to_inside("2.2.1", wire.decode("2.2.1", kind, json.dumps(row)))
    return json.loads(wire.encode(wire.from_inside(version, inside)))  # type: ignore[no-any-return]


@contextmanager
def connected(
    role: str, version: str = "2.2.1", schema: str = A, **fields: Any
) -> Iterator[OcpiPartner]:
    """A platform with full lists that is a partner of an operator."""
    with ocpi_partner(role=role, version=version, unencoded=version == "2.1.1") as platform:
        for module in ("locations", "sessions", "cdrs", "tariffs", "tokens"):
            platform.lists[module] = listed(module, version)
        with operator_context(schema):
            for own in ("CPO", "EMSP"):
                Party.objects.get_or_create(
                    role=own, country_code="GP", party_id="CFG", defaults={"name": "CFG"}
                )
            partner_of(platform, **fields)
        yield platform


@pytest.fixture
def cpo(live_operators: tuple[Operator, Operator]) -> Iterator[OcpiPartner]:
    """FR*ABC, a charge point operator that Guadeloupe roams with."""
    with connected("CPO") as platform:
        yield platform


def partner_row(platform: OcpiPartner) -> Partner:
    """Its row, in the current operator."""
    return Partner.objects.get(code=f"p{platform.port}")


def checked(platform: OcpiPartner, schema: str = A) -> ConformanceReport:
    """A whole check of a platform."""
    with operator_context(schema):
        begun = conformance_begin(partner=partner_row(platform), asked_by=None, now=utc_now())
        conformance_run(report_id=begun.pk, pause=lambda _seconds: None)
        return ConformanceReport.objects.select_related("partner").get(pk=begun.pk)


def rules(report: ConformanceReport, outcome: str) -> set[str]:
    """The rules that ended so in any module."""
    return {row.rule for row in report_rows(report) if row.outcome == outcome}


def told(report: ConformanceReport, rule: str, module: str = "") -> str:
    """What was seen of a rule, in English."""
    with translation.override("en"):
        rows = report_rows(report)
    return next(one.told for one in rows if one.rule == rule and module in ("", one.module))
