"""Each rule is told from all others: a partner that breaks one breaks it alone."""

import pytest

from apps.ocpi.selectors.conformance import report_rows
from apps.ocpi.services.conformance.rules import RULES, VERSIONS, rules_of
from apps.tenants.models import Operator
from tests.contracts.ocpi_partner import BREAKS, Fault, OcpiPartner
from tests.ocpi.conformance.conftest import VERSIONS as SPOKEN
from tests.ocpi.conformance.conftest import checked, connected, rules, told

BROKEN = {
    "timestamp": "envelope",
    "status_code": "envelope",
    "content_type": "content_type",
    "request_id": "message_ids",
    "correlation_id": "message_ids",
    "routing": "routing_swapped",
    "routing_swap": "routing_swapped",
    "routing_versions": "routing_absent",
    "version": "version_listed",
    "endpoints": "endpoints_same",
    "token": "wrong_token",
    "method": "method",
    "object": "objects",
    "dates": "dates_utc",
    "total": "total_count",
    "x_limit": "x_limit",
    "limit": "limit",
    "link": "link_next",
    "link_relative": "link_absolute",
    "link_filters": "link_filters",
    "link_circle": "link_moves",
    "link_last": "link_last",
    "date_from": "date_from",
    "date_to": "date_to",
    "date_from_excluded": "window_gives",
    "date_to_included": "date_to_excluded",
    "day": "window_inside",
    "bad_date_500": "invalid_date",
    "bad_date_ignored": "invalid_date",
    "unknown": "unknown_object",
}


def test_every_rule_has_a_partner_that_breaks_it() -> None:
    assert set(BROKEN) == set(BREAKS)
    assert {rule.code for rule in RULES} - set(BROKEN.values()) == {"answered"}


def test_every_rule_names_its_place_in_each_version() -> None:
    sections = {
        (version, module, rule.code): rule.section(version, module)
        for version in SPOKEN
        for rule in RULES
        for module in rule.modules
        if version in rule.versions
    }

    assert [place for place, text in sections.items() if not text] == []
    assert sections["2.2.1", "tokens", "date_from"] == "§12.2.2.1"
    assert sections["2.1.1", "locations", "objects"] == "mod_locations: 3.1"
    assert sections["2.3.0", "cdrs", "routing_swapped"] == "§4.1.9"


@pytest.mark.parametrize("role", ["CPO", "EMSP", "HUB"])
@pytest.mark.parametrize("version", SPOKEN)
def test_a_good_partner_keeps_every_rule(
    live_operators: tuple[Operator, Operator], version: str, role: str
) -> None:
    with connected(role, version) as platform:
        report = checked(platform)

    rows = report_rows(report)
    assert [row for row in rows if row.outcome != "passed"] == []
    assert (report.state, report.note_code, report.version) == ("ended", "", version)
    assert (report.passed, report.failed, report.skipped) == (len(rows), 0, 0)
    assert report.planned == len(rows)
    assert report.requests == len(platform.requests) <= 60
    lists = {"CPO": 4, "EMSP": 1, "HUB": 5}[role]
    assert len({row.module for row in rows}) == lists + 1
    expected = {rule.code for module in (VERSIONS, "tokens") for rule in rules_of(version, module)}
    assert expected <= rules(report, "passed") | ({"unknown_object"} if role == "EMSP" else set())
    # Nothing that could write was sent.
    assert {one.method for one in platform.requests} == {"GET", "DELETE"}
    deleted = [one.path for one in platform.requests if one.method == "DELETE"]
    assert deleted == ["/versions"]


# 2.1.1 does not say whether date_from itself is included.
CASES = [
    (name, version)
    for name, code in BROKEN.items()
    for rule in RULES
    for version in rule.versions
    if rule.code == code and (name, version) != ("date_from_excluded", "2.1.1")
]


@pytest.mark.parametrize(("name", "version"), CASES)
def test_a_broken_rule_is_broken_alone(
    live_operators: tuple[Operator, Operator], name: str, version: str
) -> None:
    with connected("CPO", version) as platform:
        platform.fault = Fault(breaks=name)

        report = checked(platform)

    assert rules(report, "failed") == {BROKEN[name]}
    assert (report.state, report.note_code) == ("ended", "")
    assert report.passed + report.failed + report.skipped == report.planned


def test_what_was_seen_is_told_in_words(cpo: OcpiPartner) -> None:
    cpo.fault = Fault(breaks="object", only=["tariffs"])
    wrong_object = checked(cpo)
    cpo.fault = Fault(breaks="dates", only=["cdrs"])
    wrong_date = checked(cpo)
    cpo.fault = Fault(breaks="day")
    wide = checked(cpo)
    cpo.fault = Fault(foreign_link="http://127.0.0.2:1/elsewhere?offset=2")
    foreign = checked(cpo)

    assert told(wrong_object, "objects", "tariffs") == (
        "1 of 5 objects. First FR/ABC/tar0: currency: required."
    )
    assert told(wrong_object, "objects", "cdrs") == "5 objects read."
    assert told(wrong_date, "dates_utc", "cdrs") == (
        "1 of 5 objects. First FR/ABC/cdr0, last_updated: 2026-03-10T10:00:00+00:00."
    )
    assert "FR/ABC/loc3 of 2026-03-13T10:00:00Z was given" not in told(wide, "window_inside")
    assert "127.0.0.2:1" in told(foreign, "link_absolute", "cdrs")
    # Our token goes to nobody else: the link was not followed.
    assert told(foreign, "link_moves", "cdrs").startswith("It rests on")
