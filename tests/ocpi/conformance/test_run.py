"""A check as a whole: bounded, one at a time, cut off, polite; of one operator only."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from apps.ocpi.choices import PartnerState
from apps.ocpi.models import ConformanceReport, Exchange, PartnerEndpoint
from apps.ocpi.selectors.conformance import report_note, report_rows, report_state
from apps.ocpi.selectors.exchanges import ExchangeSearch, exchanges_found, partners_health
from apps.ocpi.services.conformance import conformance_begin, conformance_run
from apps.ocpi.services.conformance import line as asking
from apps.ocpi.services.conformance.report import DEAD_AFTER, KEPT, SILENT_AFTER
from apps.ocpi.tasks.conformance import conformance_run as task
from apps.tenants.context import operator_context
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now
from tests.contracts.ocpi_partner import Fault, OcpiPartner
from tests.ocpi.conformance.conftest import (
    A,
    B,
    checked,
    connected,
    partner_row,
    rules,
    told,
)


class Killed(BaseException):
    """What no code of ours catches."""


def begun(platform: OcpiPartner) -> ConformanceReport:
    return conformance_begin(partner=partner_row(platform), asked_by=None, now=utc_now())


def test_every_row_leads_to_its_exchange(cpo: OcpiPartner) -> None:
    report = checked(cpo)

    asked = {row.request_id for row in report_rows(report)}
    with operator_context(A):
        logged = set(Exchange.objects.values_list("request_id", flat=True))
        assert Exchange.objects.count() == report.requests
        assert not Exchange.objects.exclude(partner=report.partner).exists()
    assert asked <= logged
    assert "" not in asked


def test_what_a_check_asks_is_no_trouble_of_the_partner(cpo: OcpiPartner) -> None:
    checked(cpo)

    with operator_context(A):
        refused = Exchange.objects.filter(http_status__gte=400)
        assert refused.exists()
        assert not refused.filter(is_check=False).exists()
        assert not exchanges_found(ExchangeSearch(has_error=True)).exists()
        assert partners_health(since=utc_now() - timedelta(hours=1)) == {}
        Exchange.objects.update(is_check=False)
        (health,) = partners_health(since=utc_now() - timedelta(hours=1)).values()
        assert health.failed > 0


def test_an_empty_list_is_not_held_against_the_partner(cpo: OcpiPartner) -> None:
    cpo.lists["sessions"] = []

    report = checked(cpo)

    assert report.failed == 0
    assert told(report, "window_gives", "sessions") == "The list is empty."
    assert told(report, "total_count", "sessions") == "X-Total-Count: 0."
    assert {row.module for row in report_rows(report) if row.outcome == "skipped"} == {"sessions"}
    assert report.passed + report.skipped == report.planned


def test_a_list_of_one_has_no_next_page(cpo: OcpiPartner) -> None:
    del cpo.lists["tariffs"][1:]

    report = checked(cpo)

    assert report.failed == 0
    assert rules(report, "skipped") == {"link_next", "link_absolute", "link_filters", "link_moves"}


def test_a_list_of_many_pages_is_asked_a_few(cpo: OcpiPartner) -> None:
    cpo.lists["tariffs"] = [
        {**cpo.lists["tariffs"][0], "id": f"T{nth}", "last_updated": f"2026-02-10T10:{nth:02}:00Z"}
        for nth in range(60)
    ]
    cpo.page_limit = 10

    report = checked(cpo)

    assert report.failed == 0
    assert told(report, "total_count", "tariffs") == "X-Total-Count: 60."
    assert told(report, "objects", "tariffs") == "10 objects read."
    assert report.requests <= 60


def test_sessions_are_asked_for_from_an_instant_on(cpo: OcpiPartner) -> None:
    checked(cpo)

    asked = [one for one in cpo.requests if one.path.endswith("/sessions")]
    assert asked
    assert all("date_from" in one.query for one in asked)


def test_a_list_that_cannot_be_read_breaks_one_rule(cpo: OcpiPartner) -> None:
    cpo.fault = Fault(status=500, only=["cdrs"])
    page_of_html = checked(cpo)
    cpo.fault = Fault(status_code=3000, only=["cdrs"])
    server_error = checked(cpo)
    cpo.fault = Fault(no_envelope=True, only=["cdrs"])
    bare = checked(cpo)
    cpo.fault = Fault(truncated=True, only=["cdrs"])
    cut = checked(cpo)
    cpo.fault = Fault(huge_bytes=6_000_000, only=["cdrs"])
    huge = checked(cpo)

    for report, rule, words in (
        (page_of_html, "answered", "HTTP 500 without an envelope."),
        (server_error, "answered", "HTTP 200, status code 3000."),
        (bare, "envelope", "The answer is no JSON object."),
        (cut, "envelope", "The answer is no JSON object."),
        (huge, "answered", "No whole answer: answered more than 5000000 bytes"),
    ):
        assert rules(report, "failed") == {rule}, words
        assert told(report, rule, "cdrs") == words
        assert told(report, "date_to", "cdrs") == "The list could not be read."
        assert told(report, "date_to", "tariffs") == "Nothing was given."
        assert report.state == "ended"


def test_a_partner_that_asks_to_wait_is_left_alone(cpo: OcpiPartner) -> None:
    cpo.fault = Fault(retry_after_s=30, only=["sessions"])

    report = checked(cpo)

    with translation.override("en"):
        assert report_note(report) == "The partner asked to wait 30 s; nothing more was asked."
    assert report.state == "ended"
    assert cpo.requests[-1].path.endswith("/sessions")
    assert report.failed == 0
    assert report.passed + report.skipped == report.planned
    assert rules(report, "passed") >= {"window_gives"}
    # As the standard of HTTP has it for a server that is away.
    assert told(report, "limit", "tariffs").startswith("The partner asked to wait")


def test_a_partner_that_dies_in_the_middle_leaves_what_was_seen(cpo: OcpiPartner) -> None:
    cpo.fault = Fault(answers_left=15)

    report = checked(cpo)

    assert report.state == "failed"
    assert report.note_code == "partner_gone"
    assert rules(report, "failed") == {"answered"}
    assert report.failed == 1
    assert report.passed > 20
    assert report.passed + report.failed + report.skipped == report.planned
    # Tried twice, and looked for elsewhere.
    assert report.requests == 18


def test_one_answer_that_is_lost_is_asked_for_again(cpo: OcpiPartner) -> None:
    cpo.fault = Fault(drop=True, only=["tariffs"], times=1)

    report = checked(cpo)

    assert (report.state, report.failed, report.skipped) == ("ended", 0, 0)


def test_a_list_without_answer_does_not_end_the_check(cpo: OcpiPartner) -> None:
    cpo.fault = Fault(drop=True, only=["sessions"])

    report = checked(cpo)

    assert (report.state, report.failed) == ("ended", 1)
    assert told(report, "answered", "sessions").startswith("No whole answer")
    assert told(report, "objects", "tariffs") == "5 objects read."


def test_the_requests_of_a_check_are_bounded(
    cpo: OcpiPartner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MOST_REQUESTS", 12)

    report = checked(cpo)

    assert (report.requests, len(cpo.requests)) == (12, 12)
    assert (report.state, report.note_code) == ("ended", "most_requests")


def test_a_check_takes_its_time_and_no_more(cpo: OcpiPartner) -> None:
    with operator_context(A):
        report = begun(cpo)
        at = utc_now()
        instants = iter([at] * 20 + [at + timedelta(minutes=11)] * 40)

        conformance_run(report_id=report.pk, clock=lambda: next(instants))

        report.refresh_from_db()
        assert (report.state, report.note_code) == ("failed", "most_time")


def test_two_at_once_are_one(cpo: OcpiPartner) -> None:
    def ask(_nth: int) -> str:
        with operator_context(A):
            try:
                return str(begun(cpo).pk)
            except DomainError as err:
                return err.code

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, range(4)))

    assert sorted(found)[1:] == ["ocpi.conformance_running"] * 3
    with operator_context(A):
        report = ConformanceReport.objects.get()

        def fill(_nth: int) -> None:
            with operator_context(A):
                task(report.pk)

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(fill, range(3)))
        report.refresh_from_db()
        assert (report.state, report.requests) == ("ended", len(cpo.requests))
        assert begun(cpo).pk != report.pk


def test_a_killed_check_is_shown_as_interrupted(
    cpo: OcpiPartner, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = asking.hear_partner
    calls = 0

    def hear(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 9:
            raise Killed
        return heard(*given, **named)

    monkeypatch.setattr(asking, "hear_partner", hear)
    with operator_context(A):
        report = begun(cpo)
        with pytest.raises(Killed):
            task(report.pk)
        report.refresh_from_db()
        now = utc_now()
        later = now + SILENT_AFTER + timedelta(seconds=1)

        assert report.state == "running"
        # What was seen until then is kept.
        assert report.passed > 10
        assert report_state(report, now) == "running"
        assert report_state(report, later) == "interrupted"
        # The broker gives the task to another worker: the check is not begun again.
        task(report.pk)
        assert calls == 9
        with pytest.raises(DomainError, match="already"):
            begun(cpo)

        again = conformance_begin(partner=partner_row(cpo), asked_by=None, now=later)

        report.refresh_from_db()
        assert (report.state, report.note_code) == ("failed", "interrupted")
        assert report_state(report, later) == "interrupted"
        conformance_run(report_id=again.pk)
        again.refresh_from_db()
        assert (again.state, again.failed) == ("ended", 0)


def test_a_check_that_was_given_up_writes_nothing_more(cpo: OcpiPartner) -> None:
    with operator_context(A):
        report = begun(cpo)
        instants = iter([utc_now()] * 10)

        def clock() -> Any:
            at = next(instants, None)
            if at is None:
                ConformanceReport.objects.filter(pk=report.pk).update(state="failed")
                return utc_now()
            return at

        conformance_run(report_id=report.pk, clock=clock)

        report.refresh_from_db()
        assert (report.state, report.ended_at) == ("failed", None)
        assert len(cpo.requests) < 12


def test_a_check_that_nobody_took_up_is_dead_in_the_end(cpo: OcpiPartner) -> None:
    with operator_context(A):
        report = begun(cpo)

        assert report_state(report, report.started_at + timedelta(minutes=14)) == "running"
        assert report_state(report, report.started_at + DEAD_AFTER) == "interrupted"


def test_the_last_reports_are_kept(cpo: OcpiPartner) -> None:
    with operator_context(A):
        for nth in range(KEPT + 3):
            ConformanceReport.objects.create(
                partner=partner_row(cpo), state="ended",
                started_at=utc_now() - timedelta(days=30 - nth),
            )  # fmt: skip

        newest = begun(cpo)

        assert ConformanceReport.objects.count() == KEPT
        assert ConformanceReport.objects.first() == newest


def test_a_partner_that_is_not_registered_is_not_checked(cpo: OcpiPartner) -> None:
    with operator_context(A):
        report = begun(cpo)
        partner = partner_row(cpo)
        partner.state = PartnerState.SUSPENDED
        partner.save()
        conformance_run(report_id=report.pk)
        with pytest.raises(DomainError, match="not registered"):
            begun(cpo)

        report.refresh_from_db()
        assert (report.state, report.note_code) == ("failed", "not_registered")
    assert cpo.requests == []


def test_a_partner_without_lists_has_its_versions_checked(cpo: OcpiPartner) -> None:
    with operator_context(A):
        PartnerEndpoint.objects.all().delete()

    report = checked(cpo)

    assert {row.module for row in report_rows(report)} == {"versions"}
    assert (report.failed, report.requests) == (0, 4)


def test_reports_of_one_operator_are_not_seen_by_another(
    live_operators: tuple[Operator, Operator],
) -> None:
    with connected("CPO") as ours, connected("CPO", schema=B) as theirs:
        theirs.fault = Fault(breaks="limit")
        first, second = checked(ours), checked(theirs, B)

        assert (first.failed, rules(second, "failed")) == (0, {"limit"})
        for schema, platform in ((A, ours), (B, theirs)):
            with operator_context(schema):
                assert ConformanceReport.objects.get().partner == partner_row(platform)
        tokens = {one.headers["authorization"] for one in ours.requests}
        assert not tokens & {one.headers["authorization"] for one in theirs.requests}


def test_no_token_is_in_a_report_or_the_log(cpo: OcpiPartner) -> None:
    report = checked(cpo)

    assert cpo.token_in not in str(report.rows)
    with operator_context(A):
        for one in Exchange.objects.all():
            assert cpo.token_in not in f"{one.request_body}{one.response_body}{one.path}"


def command(platform: OcpiPartner, **options: Any) -> tuple[str, int]:
    out, code = StringIO(), 0
    try:
        call_command(
            "ocpi_conformance", operator=A, partner=f"p{platform.port}", stdout=out, **options
        )
    except SystemExit as ended:
        code = int(ended.code or 0)
    return out.getvalue(), code


def test_the_command_tells_what_is_broken_by_its_exit_code(cpo: OcpiPartner) -> None:
    good, code = command(cpo)
    cpo.fault = Fault(breaks="x_limit", only=["tariffs"])
    broken, broken_code = command(cpo)
    as_json, json_code = command(cpo, json=True)
    cpo.fault = Fault(retry_after_s=5)
    _unfinished, unfinished_code = command(cpo)

    assert (code, broken_code, json_code, unfinished_code) == (0, 1, 1, 1)
    assert "failed: 0" in good
    line = next(one for one in broken.splitlines() if one.startswith("failed tariffs"))
    assert line == (
        "failed tariffs x_limit (§4.1.4.1): X-Limit is there and not less than the objects given."
        " X-Limit is missing."
    )
    assert '"outcome": "failed", "told": "X-Limit is missing."' in as_json
    with pytest.raises(CommandError, match="There is no partner"):
        call_command("ocpi_conformance", operator=A, partner="nobody")


def test_slow_answers_keep_the_partners_time(cpo: OcpiPartner) -> None:
    with operator_context(A):
        partner = partner_row(cpo)
        partner.timeout_s = 0.5
        partner.save()
    cpo.fault = Fault(slow_s=2)
    started = time.monotonic()

    report = checked(cpo)

    assert report.state == "failed"
    assert time.monotonic() - started < 15
