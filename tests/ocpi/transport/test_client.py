"""The client of partners against a platform with faults, and the log that it writes."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from apps.ocpi.clients.ocpi import PartnerRefused, call_partner, endpoint
from apps.ocpi.models import Exchange, OcpiSettings, Partner
from apps.ocpi.server import PartyRef
from apps.ocpi.services.exchanges import Said, exchange_log, exchanges_prune, redacted
from apps.ocpi.services.parties import parties_ensure
from apps.tenants.models import Operator
from cariflex.common.errors import DomainError, ExternalError
from cariflex.common.http import AddressRefused
from cariflex.common.time import utc_now
from tests.contracts.ocpi_partner import Fault, OcpiPartner, ocpi_partner
from tests.ocpi.server import partner_of


@pytest.fixture
def platform(operator_a: Operator) -> Iterator[OcpiPartner]:
    with ocpi_partner(role="CPO") as served:
        yield served


@pytest.fixture
def partner(platform: OcpiPartner) -> Partner:
    parties_ensure()
    return partner_of(platform, timeout_s=2.0)


def tariffs(partner: Partner) -> str:
    return endpoint(partner, "tariffs", "SENDER")


def test_list_with_its_next_page(platform: OcpiPartner, partner: Partner) -> None:
    platform.lists["tariffs"] = [{"id": "T1", "price": 0.1}, {"id": "T2"}, {"id": "T3"}]

    answer = call_partner(
        partner, "GET", tariffs(partner), module="tariffs", params={"limit": "2"},
        correlation_id="walk-1",
    )  # fmt: skip

    assert answer.is_success
    assert str(answer.data[0]["price"]) == "0.1"
    assert answer.rows() == [b'{"id": "T1", "price": 0.1}', b'{"id": "T2"}']
    assert answer.next_url == f"{tariffs(partner)}?limit=2&offset=2"
    assert answer.headers["x-total-count"] == "3"
    seen = platform.requests[-1]
    assert seen.headers["x-correlation-id"] == "walk-1"
    assert (seen.headers["ocpi-from-country-code"], seen.headers["ocpi-from-party-id"]) == (
        "GP", "CFG",
    )  # fmt: skip
    assert (seen.headers["ocpi-to-country-code"], seen.headers["ocpi-to-party-id"]) == ("FR", "ABC")
    row = Exchange.objects.get()
    assert (row.direction, row.partner, row.http_status, row.status_code) == (
        "out", partner, 200, 1000,
    )  # fmt: skip
    assert row.path == f"{tariffs(partner)}?limit=2"
    assert row.from_party == "GP*CFG"
    partner.refresh_from_db()
    assert partner.last_out_at == row.at


def test_open_routing_when_the_partner_has_several_parties(
    platform: OcpiPartner, partner: Partner
) -> None:
    partner.roles.create(role="CPO", country_code="FR", party_id="XYZ")
    call_partner(partner, "GET", tariffs(partner), module="tariffs")
    assert "ocpi-to-party-id" not in platform.requests[-1].headers
    call_partner(partner, "GET", tariffs(partner), module="tariffs", receiver=PartyRef("FR", "XYZ"))
    assert platform.requests[-1].headers["ocpi-to-party-id"] == "XYZ"


@pytest.mark.parametrize(
    ("fault", "is_retryable"),
    [
        (Fault(slow_s=2.5), True),
        (Fault(drop=True), True),
        (Fault(truncated=True), True),
        (Fault(no_envelope=True), False),
        (Fault(huge_bytes=10_000_000), False),
    ],
)
def test_no_whole_answer(
    platform: OcpiPartner, partner: Partner, fault: Fault, is_retryable: bool
) -> None:
    platform.lists["tariffs"] = [{"id": "T1"}]
    platform.fault = fault
    if not fault.slow_s:
        # A busy machine must not turn what is told into what came too late.
        partner.timeout_s = 60
    with pytest.raises(ExternalError) as error:
        call_partner(partner, "GET", tariffs(partner), module="tariffs")
    assert error.value.retryable is is_retryable
    assert not isinstance(error.value, PartnerRefused)
    row = Exchange.objects.get()
    assert row.error
    assert len(row.response_body) <= 20_000


def test_errors_of_http(platform: OcpiPartner, partner: Partner) -> None:
    platform.fault = Fault(retry_after_s=7)
    with pytest.raises(PartnerRefused) as error:
        call_partner(partner, "GET", tariffs(partner), module="tariffs")
    assert (error.value.status, error.value.retryable, error.value.retry_after_s) == (429, True, 7)

    platform.fault = Fault(random_500=1.0)
    with pytest.raises(PartnerRefused) as error:
        call_partner(partner, "GET", tariffs(partner), module="tariffs")
    assert (error.value.status, error.value.retryable) == (500, True)

    platform.fault = Fault()
    with pytest.raises(PartnerRefused) as error:
        call_partner(partner, "GET", f"{tariffs(partner)}/none", module="tariffs")
    assert (error.value.answer.http, error.value.answer.status_code) == (404, 2000)
    assert error.value.retryable is False


def test_status_code_of_an_error_is_an_answer(platform: OcpiPartner, partner: Partner) -> None:
    platform.fault = Fault(status_code=2001)
    answer = call_partner(partner, "GET", tariffs(partner), module="tariffs")
    assert (answer.http, answer.status_code, answer.is_success) == (200, 2001, False)
    with pytest.raises(PartnerRefused) as error:
        answer.expect_success(partner)
    assert error.value.retryable is False


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1/x", "http://169.254.169.254/", "ftp://a/", "http://[", "http://8.8.8.8/"],
)
def test_hostile_addresses_are_not_called(partner: Partner, url: str) -> None:
    with pytest.raises(ExternalError):
        call_partner(partner, "GET", url, module="tariffs")
    assert Exchange.objects.get().error


def test_loopback_is_for_trials(partner: Partner, settings: object) -> None:
    settings.OCPI_LOOPBACK_ALLOWED = False  # type: ignore[attr-defined]
    with pytest.raises(AddressRefused):
        call_partner(partner, "GET", tariffs(partner), module="tariffs")


def test_partner_without_the_module(partner: Partner) -> None:
    with pytest.raises(DomainError, match="does not serve tokens"):
        endpoint(partner, "tokens", "SENDER")


@pytest.mark.parametrize(
    ("module", "body", "kept"),
    [
        ("commands", b'{"token":{"uid":"1"},"x":1}', '{"token":{"uid":"1"},"x":1}'),
        ("locations", b'{"token" : "se\\"cret", "x":1}', '{"token" : "***", "x":1}'),
        ("locations", b'{"Token":"secret', '{"Token":"***"'),
        ("credentials", b'{"data":{"tok\\u0065n":"secret"}}', '{"data": {"token": "***"}}'),
        ("credentials", b'{"token":"secr', "(14 bytes)"),
        ("locations", b"a\x00b\xff", "a\ufffdb\ufffd"),
        ("locations", b"x" * 30_000, "x" * 20_000),
    ],
)
def test_bodies_in_the_log(module: str, body: bytes, kept: str) -> None:
    assert redacted(module, body) == kept


def test_old_exchanges_are_pruned(operator_a: Operator) -> None:
    OcpiSettings.objects.create(pk=1, keep_exchanges_days=30)
    now = utc_now()
    for days in (0, 29, 31, 90):
        exchange_log(Said("in", now - timedelta(days=days), "GET", "/x"))  # type: ignore[arg-type]
    assert exchanges_prune(now=now) == 2
    assert Exchange.objects.count() == 2
