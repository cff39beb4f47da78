"""Our own check of partners, over real HTTP, finds nothing at the simulated ones."""

from pathlib import Path

import pytest

from apps.billing.models import PartnerCdr
from apps.ocpi.choices import PartnerState
from apps.ocpi.models import ConformanceReport, Partner, PartnerSession
from apps.ocpi.selectors.conformance import report_rows
from apps.ocpi.services.conformance import conformance_begin, conformance_run
from apps.simulation.clock import ManualClock
from cariflex.common.time import utc_now
from tests.chargers.conftest import TOKEN, csms, csms_server  # noqa: F401
from tests.chargers.server import A, at, eventually
from tests.ocpi.conftest import site  # noqa: F401
from tests.ocpi.server import Site
from tests.simulation.test_roaming import Partners, running, seeded  # noqa: F401

LISTS_OF_A_CPO = {"locations", "sessions", "cdrs", "tariffs"}
LINKS = {"link_next", "link_absolute", "link_filters", "link_moves"}


def checked(name: str) -> ConformanceReport:
    """A whole check of a partner of Guadeloupe's."""
    partner = Partner.objects.get(name=name)
    begun = conformance_begin(partner=partner, asked_by=None, now=utc_now())
    conformance_run(report_id=begun.pk, pause=lambda _seconds: None)
    return ConformanceReport.objects.get(pk=begun.pk)


def rules(report: ConformanceReport, outcome: str) -> set[tuple[str, str]]:
    """Module and rule of what ended so."""
    return {(row.module, row.rule) for row in report_rows(report) if row.outcome == outcome}


def charge_three_times(partners: Partners, clock: ManualClock) -> None:
    """Two sessions that are billed, told at different instants, and one that goes on."""
    eventually(lambda: partners.state("cpo")["tokens"] == [TOKEN])
    for _nth in range(2):
        assert partners.ask("cpo/card", uid=TOKEN)["session"]
        clock.move(10)
    # Both have left by then, and the next customer is there.
    clock.move(200)
    eventually(lambda: at(A, PartnerCdr.objects.count) == 2)
    eventually(lambda: at(A, PartnerSession.objects.count) == 3)


@pytest.mark.usefixtures("seeded")
def test_both_simulated_partners_keep_every_rule(
    site: Site,  # noqa: F811
    tmp_path: Path,
) -> None:
    # It stands during the check: no session goes on while its window is asked for.
    clock = ManualClock(utc_now().replace(microsecond=0))

    with running(site.port, tmp_path, clock=clock, speed=1.0) as partners:
        eventually(lambda: at(A, Partner.objects.filter(state=PartnerState.REGISTERED).count) == 2)
        charge_three_times(partners, clock)
        provider = at(A, lambda: checked("Karib Mobility"))
        network = at(A, lambda: checked("Réseau Antilles"))

    assert [rules(report, "failed") for report in (provider, network)] == [set(), set()]
    assert [(one.state, one.note_code) for one in (provider, network)] == [("ended", "")] * 2
    assert {module for module, _rule in rules(provider, "passed")} == {"versions", "tokens"}
    assert {module for module, _rule in rules(network, "passed")} == {"versions", *LISTS_OF_A_CPO}
    assert rules(provider, "skipped") == set()
    # There is one tariff, so no next page.
    assert rules(network, "skipped") == {("tariffs", rule) for rule in LINKS}
