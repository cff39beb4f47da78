"""The check in the console: begun, watched, read, taken along."""

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.roles import Role
from apps.accounts.services import roles_ensure, user_ensure
from apps.ocpi.models import ConformanceReport
from apps.ocpi.services.conformance import conformance_run
from apps.ocpi.services.conformance.report import SILENT_AFTER
from apps.tenants.context import operator_context
from cariflex.common.time import utc_now
from tests.contracts.ocpi_partner import Fault, OcpiPartner
from tests.ocpi.conformance.conftest import A, B, checked, connected, partner_row


def signed_in(role: Role = Role.OPERATOR_ADMIN, schema: str = A) -> Client:
    client = Client(headers={"host": f"{schema}.localhost", "accept-language": "en"})
    with operator_context(schema):
        roles_ensure()
        client.force_login(user_ensure(username=f"{role}", password="pw", role=role))
    return client


def text_of(client: Client, address: str, **headers: str) -> str:
    response = client.get(address, headers=headers)
    assert response.status_code == 200, (address, response.status_code)
    return response.content.decode()


def page_of(platform: OcpiPartner) -> str:
    return f"/roaming/p{platform.port}/"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The reports whose task was sent."""
    found: list[int] = []
    monkeypatch.setattr(
        "apps.console.views.roaming_conformance.conformance_run.enqueue", found.append
    )
    return found


def test_a_check_is_begun_watched_and_read(cpo: OcpiPartner, sent: list[int]) -> None:
    client, address = signed_in(), page_of(cpo)
    cpo.fault = Fault(breaks="limit", only=["tariffs"])
    before = text_of(client, address)

    begun = client.post(f"{address}check")
    running = text_of(client, address)
    with operator_context(A):
        report = ConformanceReport.objects.get()
        assert (report.asked_by and report.asked_by.username) == str(Role.OPERATOR_ADMIN)
        assert sent == [report.pk]
        conformance_run(report_id=report.pk)
        report.refresh_from_db()
    part = text_of(client, f"{address}checks/")
    whole = text_of(client, f"{address}checks/{report.pk}/")
    rows = text_of(client, f"{address}checks/{report.pk}/", **{"X-Fragment": "live-part"})

    assert "This partner was not checked yet." in before
    assert "Check this partner now?" in before
    assert (begun.status_code, begun["Location"]) == (302, f"{address}#conformance")
    assert "The partner is being checked." in running
    assert 'data-final="false"' in running
    assert f"0 of {report.planned} rules" in running
    assert "<html" not in part
    assert 'data-final="true"' in part
    for page in (part, whole, rows):
        assert "1 broken" in page
        assert "limit=1 gives one object" in page
        assert "OCPI 2.2.1 §4.1.4.1" in page
        assert "5 objects were given." in page
        assert "/roaming/log/" in page
    # The card has what is broken; the report all, the broken first.
    assert "X-Total-Count: 5." not in part
    assert "X-Total-Count: 5." in whole
    assert whole.index("5 objects were given.") < whole.index("X-Total-Count: 5.")
    assert "<html" in whole
    assert "<html" not in rows


def test_the_link_leads_to_the_exchange(cpo: OcpiPartner) -> None:
    cpo.fault = Fault(breaks="x_limit", only=["tariffs"])
    report = checked(cpo)
    address = f"{page_of(cpo)}checks/{report.pk}/"
    reader, billing = signed_in(), signed_in(Role.BILLING)

    text = text_of(reader, address)
    link = (
        "/roaming/log/"
        + text.split('class="row-bad"')[1].split('href="/roaming/log/')[1].split('"')[0]
    )

    assert "GET tariffs" in text_of(reader, link)
    # Who may not read the log is led nowhere.
    may_read = "/roaming/log/" in text_of(billing, address).split("<tbody>")[1]
    assert may_read == (billing.get(link).status_code == 200)


def test_a_report_is_taken_along_as_json(cpo: OcpiPartner) -> None:
    cpo.fault = Fault(breaks="dates", only=["cdrs"])
    report = checked(cpo)

    response = signed_in().get(
        f"{page_of(cpo)}checks/{report.pk}.json", headers={"accept-language": "fr"}
    )

    assert response["Content-Type"] == "application/json"
    assert f"ocpi-conformance-p{cpo.port}-" in response["Content-Disposition"]
    words = json.loads(response.content)
    assert (words["failed"], words["state"], words["version"]) == (1, "ended", "2.2.1")
    assert words["passed"] + words["not_tried"] + 1 == len(words["rules"])
    first = words["rules"][0]
    assert first == {
        "rule": "dates_utc",
        "title": "Every date is in UTC: no offset, three decimals at most",
        "section": "§16.2",
        "module": "cdrs",
        "outcome": "failed",
        "told": "1 of 5 objects. First FR/ABC/cdr0, last_updated: 2026-03-10T10:00:00+00:00.",
        "request_id": first["request_id"],
    }


def test_older_reports_can_be_chosen(cpo: OcpiPartner) -> None:
    cpo.fault = Fault(breaks="limit")
    older = checked(cpo)
    cpo.fault = Fault()
    newest = checked(cpo)

    text = text_of(signed_in(), page_of(cpo))

    assert "Keeps every rule" in text
    assert f"checks/{newest.pk}.json" in text
    assert f"checks/{older.pk}/" in text
    assert "4 broken" in text


def test_who_may_only_look_does_not_check(cpo: OcpiPartner, sent: list[int]) -> None:
    report = checked(cpo)
    address = page_of(cpo)
    analyst, nobody = signed_in(Role.ANALYST), Client(headers={"host": f"{A}.localhost"})

    assert analyst.post(f"{address}check").status_code == 403
    assert nobody.post(f"{address}check").status_code == 302
    assert "Check this partner" not in text_of(analyst, address)
    for page in (f"checks/{report.pk}/", f"checks/{report.pk}.json", "checks/"):
        assert analyst.get(address + page).status_code == 200
        assert nobody.get(address + page).status_code == 302
    assert analyst.get(f"{address}check").status_code == 405
    assert sent == []
    with operator_context(A):
        assert ConformanceReport.objects.count() == 1


def test_a_second_check_is_refused_in_words(cpo: OcpiPartner, sent: list[int]) -> None:
    client, address = signed_in(), page_of(cpo)
    client.post(f"{address}check")

    again = client.post(f"{address}check", follow=True).content.decode()

    assert "This partner is being checked already." in again
    assert len(sent) == 1


def test_an_interrupted_check_is_told(cpo: OcpiPartner, sent: list[int]) -> None:
    client, address = signed_in(), page_of(cpo)
    client.post(f"{address}check")
    with operator_context(A):
        ConformanceReport.objects.update(heard_at=utc_now() - SILENT_AFTER)

    text = text_of(client, address)

    assert "Interrupted" in text
    assert "the check can be begun again" in text
    assert 'data-final="true"' in text
    client.post(f"{address}check")
    assert len(sent) == 2


def test_reports_of_others_are_not_found(cpo: OcpiPartner) -> None:
    report = checked(cpo)
    with connected("CPO") as other, connected("CPO", schema=B) as theirs:
        here, there = signed_in(), signed_in(schema=B)
        for platform, client in ((other, here), (theirs, there)):
            for page in (f"checks/{report.pk}/", f"checks/{report.pk}.json"):
                assert client.get(page_of(platform) + page).status_code == 404
        assert there.get(f"{page_of(cpo)}checks/").status_code == 404
        assert "This partner was not checked yet." in text_of(there, page_of(theirs))
        with operator_context(B):
            assert partner_row(theirs).conformance_reports.count() == 0


def test_the_pages_ask_no_more_for_more_reports(cpo: OcpiPartner) -> None:
    cpo.fault = Fault(breaks="limit")
    report = checked(cpo)
    client = signed_in()
    addresses = (page_of(cpo), f"{page_of(cpo)}checks/", f"{page_of(cpo)}checks/{report.pk}/")
    text_of(client, page_of(cpo))
    few = [queries_of(client, address) for address in addresses]
    for _nth in range(3):
        checked(cpo)

    many = [queries_of(client, address) for address in addresses]

    assert many == few
    # Operator, session, user, rights 3, partner; reports, rows, exchanges.
    assert many[1] <= 10
    assert many[2] <= 10


def queries_of(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        text_of(client, address)
    return sum("SET search_path" not in query["sql"] for query in captured)


def test_what_a_partner_says_is_text_and_no_markup(cpo: OcpiPartner) -> None:
    cpo.lists["tariffs"][0] |= {"id": "<script>x</script>", "currency": "<b>"}

    report = checked(cpo)

    text = text_of(signed_in(), f"{page_of(cpo)}checks/{report.pk}/")
    assert "<script>x" not in text
    assert "&lt;script&gt;x" in text
