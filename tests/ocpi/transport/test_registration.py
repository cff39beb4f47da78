"""Registration over real HTTP, asked by a partner and by us, at two operators (2.2.1 §7)."""

import json
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.ocpi.access import token_hash
from apps.ocpi.choices import PartnerState
from apps.ocpi.models import Exchange, Partner, PartnerEndpoint, PartnerRole
from apps.tenants.context import operator_context
from tests.contracts.ocpi_partner import Fault, OcpiPartner, ocpi_partner
from tests.ocpi.server import Site

A, B = "guadeloupe", "martinique"
OPERATORS = pytest.mark.parametrize("operator", [A, B])
ROLES = pytest.mark.parametrize("role", ["EMSP", "CPO"])
VERSIONS = pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])


def command(which: str, **options: Any) -> dict[str, Any]:
    out = StringIO()
    call_command(which, json=True, stdout=out, **options)
    return json.loads(out.getvalue())  # type: ignore[no-any-return]


def invited(operator: str, role: str = "EMSP", **options: Any) -> str:
    """A token of ours, as the command prints it."""
    words = command("ocpi_invite", operator=operator, role=role, name="Lagon", **options)
    assert set(words) == {"token", "versions_url"}
    return str(words["token"])


def only_partner(operator: str) -> Partner:
    with operator_context(operator):
        return Partner.objects.get()


@OPERATORS
@ROLES
@VERSIONS
def test_partner_registers(site: Site, operator: str, role: str, version: str) -> None:
    token = invited(operator, role)
    with ocpi_partner(role=role, version=version) as platform:
        reply = platform.register(site.versions_url(operator), token)

        assert (reply.http, reply.status_code) == (200, 1000), reply.body
        partner = only_partner(operator)
        assert partner.state == PartnerState.REGISTERED
        assert partner.version == version
        assert partner.token_in_hash == token_hash(platform.token_out)
        assert partner.token_out == platform.token_in
        assert platform.token_out != token
        # It was read with its own token while its request was open.
        assert [r.path for r in platform.requests] == ["/versions", f"/{version}"]
        with operator_context(operator):
            assert [str(one) for one in PartnerRole.objects.all()] == [f"{role} FR*ABC"]
            url = platform.address("locations", "RECEIVER" if role == "EMSP" else "SENDER")
            assert PartnerEndpoint.objects.filter(identifier="locations", url=url).exists()
        # The invitation is dead.
        assert platform.call("GET", site.versions_url(operator), token=token).http == 401
        told = reply.data
        assert told["url"] == site.versions_url(operator)
        assert {one["role"] for one in told["roles"]} == {"CPO", "EMSP"}


@OPERATORS
def test_registered_partner_of_2_1_1_sends_raw_tokens(site: Site, operator: str) -> None:
    token = invited(operator, "EMSP", accept_unencoded=True)
    with ocpi_partner(role="EMSP", version="2.1.1", unencoded=True) as platform:
        reply = platform.register(site.versions_url(operator), token)

        assert (reply.http, reply.status_code) == (200, 1000), reply.body
        partner = only_partner(operator)
        assert partner.version == "2.1.1"
        assert partner.sends_unencoded_token
        assert partner.accepts_unencoded_token
        with operator_context(operator):
            rows = PartnerEndpoint.objects.values_list("identifier", "role")
            assert ("locations", "RECEIVER") in rows
            assert ("tokens", "SENDER") in rows
        assert reply.data["party_id"] in ("CFG", "CFM")


@OPERATORS
@pytest.mark.parametrize("version", ["2.2.1", "2.3.0", "2.1.1"])
def test_we_register(site: Site, operator: str, version: str) -> None:
    raw = version == "2.1.1"
    with (
        ocpi_partner(role="CPO", version=version, unencoded=raw) as platform,
        operator_context(operator),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(
            "apps.ocpi.selectors.partners.operator_address",
            lambda _one: f"http://{operator}.localhost:{site.port}",
        )
        token = platform.invite()

        words = command(
            "ocpi_register", operator=operator, versions_url=platform.versions_url, token=token,
            name="Plage", send_unencoded=raw,
        )  # fmt: skip

        assert words["state"] == "registered"
        assert words["version"] == version
        assert words["roles"] == ["CPO FR*ABC"]
        partner = Partner.objects.get()
        assert partner.token_out == platform.token_in
        assert partner.token_in_hash == token_hash(platform.token_out)
        # The token that it was told opens everything now.
        assert platform.call("GET", site.versions_url(operator)).http == 200

        if version == "2.1.1":
            return
        command("ocpi_rotate", operator=operator, partner="plage")
        rotated = Partner.objects.get()
        assert rotated.token_in_hash != partner.token_in_hash
        assert rotated.token_out != partner.token_out
        assert platform.call("GET", site.versions_url(operator)).http == 200

        command("ocpi_suspend", operator=operator, partner="plage")
        reply = platform.call("GET", site.versions_url(operator))
        assert (reply.http, reply.status_code) == (401, 2000)
        command("ocpi_suspend", operator=operator, partner="plage", resume=True)
        assert platform.call("GET", site.versions_url(operator)).http == 200

        command("ocpi_suspend", operator=operator, partner="plage", unregister=True)
        assert platform.credentials is None
        assert platform.count("DELETE", "/credentials") == 1


def test_lost_answer_to_our_registration_can_be_repeated(site: Site) -> None:
    with (
        ocpi_partner(role="CPO") as platform,
        operator_context(A),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(
            "apps.ocpi.selectors.partners.operator_address",
            lambda _one: f"http://{A}.localhost:{site.port}",
        )
        asked = {"operator": A, "versions_url": platform.versions_url, "name": "Plage"}
        platform.fault = Fault(drop=True, only=["credentials"])
        with pytest.raises(CommandError, match="no whole answer"):
            command("ocpi_register", token=platform.invite(), **asked)
        assert Partner.objects.get().state == PartnerState.INVITED

        platform.fault = Fault()
        words = command("ocpi_register", token=platform.invite(), **asked)

        assert words["state"] == "registered"
        assert Partner.objects.count() == 1


@OPERATORS
@ROLES
def test_rotation_asked_by_the_partner(site: Site, operator: str, role: str) -> None:
    token = invited(operator, role)
    with ocpi_partner(role=role) as platform:
        platform.register(site.versions_url(operator), token)
        before = platform.token_out
        read = len(platform.requests)

        reply = platform.rotate()

        assert (reply.http, reply.status_code) == (200, 1000)
        # Read anew, even for the same version.
        assert [r.path for r in platform.requests[read:]] == ["/versions", "/2.2.1"]
        assert platform.token_out != before
        assert only_partner(operator).token_out == platform.token_in
        assert platform.call("GET", site.versions_url(operator), token=before).http == 401
        assert platform.call("GET", site.versions_url(operator)).http == 200


@OPERATORS
@ROLES
def test_methods_of_credentials_before_and_after(site: Site, operator: str, role: str) -> None:
    token = invited(operator, role)
    with ocpi_partner(role=role) as platform:
        url = f"{site.root_url(operator)}/2.2.1/credentials"
        for method in ("PUT", "DELETE"):
            reply = platform.call(method, url, platform.own_credentials(), token=token)
            assert (reply.http, reply.status_code) == (405, 2000)
            assert reply.headers["allow"] == "GET, POST"
        assert platform.call("GET", url, token=token).data["token"] == token

        platform.register(site.versions_url(operator), token)
        reply = platform.call("POST", url, platform.own_credentials())
        assert (reply.http, reply.status_code) == (405, 2000)
        assert reply.headers["allow"] == "DELETE, GET, PUT"
        assert platform.call("PATCH", url, {}).http == 405
        assert platform.call("GET", url).data["token"] == platform.token_out

        assert platform.unregister().status_code == 1000
        assert platform.call("GET", url).http == 401
        partner = only_partner(operator)
        assert partner.state == PartnerState.GONE
        assert (partner.token_in_hash, partner.token_out) == ("", "")


def failing(platform: OcpiPartner, site: Site, token: str) -> tuple[int, int]:
    url = f"{site.root_url(A)}/2.2.1/credentials"
    reply = platform.call("POST", url, platform.own_credentials(), token=token)
    return reply.http, reply.status_code


@pytest.mark.parametrize(
    ("fault", "status_code"),
    [
        (Fault(status=500), 3001),
        (Fault(truncated=True), 3001),
        (Fault(no_envelope=True), 3001),
        (Fault(drop=True), 3001),
        (Fault(status_code=2000), 3001),
        (Fault(retry_after_s=3), 3001),
    ],
)
def test_unusable_pages_of_the_partner_are_3001(site: Site, fault: Fault, status_code: int) -> None:
    token = invited(A)
    with ocpi_partner() as platform:
        platform.fault = fault
        assert failing(platform, site, token) == (200, status_code)
        assert only_partner(A).state == PartnerState.INVITED

        # Nothing was stored: it may try again.
        platform.fault = Fault()
        assert failing(platform, site, token) == (200, 1000)


def test_huge_versions_of_the_partner_are_3001(site: Site) -> None:
    token = invited(A)
    with ocpi_partner() as platform:
        platform.versions = ["2.2.1"] * 20_000
        assert failing(platform, site, token) == (200, 3001)


def test_partner_without_the_version_is_3002(site: Site) -> None:
    token = invited(A)
    with ocpi_partner() as platform:
        platform.versions = ["2.1.1"]
        assert failing(platform, site, token) == (200, 3002)


def test_partner_without_credentials_endpoint_is_3003(site: Site) -> None:
    token = invited(A)
    with ocpi_partner() as platform:
        platform.hidden_modules = {"credentials"}
        assert failing(platform, site, token) == (200, 3003)


@pytest.mark.parametrize(
    ("change", "status_code"),
    [
        ({"token": "with space"}, 2001),
        ({"token": "x" * 65}, 2001),
        ({"url": "not a url"}, 2001),
        ({"roles": []}, 2001),
        ({"roles": None}, 2001),
        ({"url": "http://10.0.0.1/versions"}, 3001),
        ({"url": "http://169.254.169.254/latest"}, 3001),
    ],
)
def test_bad_credentials(site: Site, change: dict[str, Any], status_code: int) -> None:
    token = invited(A)
    with ocpi_partner() as platform:
        body = {**platform.own_credentials(), **change}
        url = f"{site.root_url(A)}/2.2.1/credentials"
        reply = platform.call("POST", url, body, token=token)
        assert (reply.http, reply.status_code) == (200, status_code), reply.body
        less = {name: value for name, value in platform.own_credentials().items() if name != "url"}
        assert platform.call("POST", url, less, token=token).status_code == 2002


def test_partner_is_what_it_was_invited_as(site: Site) -> None:
    token = invited(A, "EMSP")
    with ocpi_partner(role="CPO") as platform:
        assert failing(platform, site, token) == (200, 2001)


@OPERATORS
def test_no_token_is_kept_or_logged(
    site: Site, operator: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = invited(operator)
    with ocpi_partner() as platform:
        platform.register(site.versions_url(operator), token)
        platform.rotate()
        platform.call("PUT", platform.ours("credentials"), platform.own_credentials(), token="bad")
        secrets = {token, platform.token_in, platform.token_out}
        secrets |= {one.json()["token"] for one in platform.requests if one.body}

    with operator_context(operator):
        rows = [str(row) for row in Exchange.objects.values_list()]
        partners = str(list(Partner.objects.values_list("token_in_hash", "note", "code")))
    assert len(rows) >= 9
    for secret in secrets:
        assert not any(secret in row for row in rows)
        assert secret not in partners
        assert secret not in caplog.text


def test_token_of_one_operator_is_nothing_at_the_other(site: Site) -> None:
    token = invited(A)
    with ocpi_partner() as platform:
        assert platform.call("GET", site.versions_url(B), token=token).http == 401
        assert platform.call("GET", site.versions_url(A), token=token).http == 200


@pytest.mark.parametrize("version", ["", "2.1.1", "2.2.1", "2.3.0"])
def test_two_operators_register_with_each_other(
    site: Site, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours against ours: the one invites, the other registers, both rotate, one leaves."""
    monkeypatch.setattr(
        "apps.ocpi.selectors.partners.operator_address",
        lambda one: f"http://{one.schema_name}.localhost:{site.port}",
    )
    raw = version == "2.1.1"
    given = command("ocpi_invite", operator=A, role="EMSP", name="B", accept_unencoded=raw)
    words = command(
        "ocpi_register", operator=B, versions_url=given["versions_url"], token=given["token"],
        name="A", ocpi_version=version, send_unencoded=raw,
    )  # fmt: skip

    at_a, at_b = only_partner(A), only_partner(B)
    assert words["state"] == at_a.state == "registered"
    assert at_a.version == at_b.version == (version or "2.3.0")
    assert (at_a.role, at_b.role) == ("EMSP", "CPO")
    for one, other in ((at_a, at_b), (at_b, at_a)):
        assert one.token_in_hash == token_hash(other.token_out)
    if raw:
        assert words["roles"] == ["CPO GP*CFG"]
        assert "locations SENDER" in words["modules"]
        assert "tokens RECEIVER" in words["modules"]
    else:
        assert words["roles"] == ["CPO GP*CFG", "EMSP GP*CFG"]
        assert {"tokens SENDER", "tokens RECEIVER"} <= set(words["modules"])

    for operator, name in ((A, "b"), (B, "a")):
        before = only_partner(A).token_in_hash, only_partner(B).token_in_hash
        command("ocpi_rotate", operator=operator, partner=name)
        at_a, at_b = only_partner(A), only_partner(B)
        assert at_a.token_in_hash != before[0]
        assert at_b.token_in_hash != before[1]
        assert at_a.token_in_hash == token_hash(at_b.token_out)
        assert at_b.token_in_hash == token_hash(at_a.token_out)

    command("ocpi_suspend", operator=B, partner="a", unregister=True)
    assert only_partner(A).state == only_partner(B).state == "gone"


def test_of_two_registrations_at_once_one_wins(site: Site) -> None:
    token = invited(A)
    with ocpi_partner() as platform, ThreadPoolExecutor(2) as pool:
        platform.fault = Fault(slow_s=0.5)
        url = f"{site.root_url(A)}/2.2.1/credentials"

        def post(_nth: int) -> tuple[int, int]:
            reply = platform.call("POST", url, platform.own_credentials(), token=token)
            return reply.http, reply.status_code

        assert sorted(pool.map(post, range(2))) == [(200, 1000), (401, 2000)]


def test_lost_answer_to_a_partner_is_mended_by_a_new_invitation(site: Site) -> None:
    token = invited(A)
    with ocpi_partner() as platform:
        platform.register(site.versions_url(A), token)
        # The platform never got to see the answer: all it has is the invitation.
        again = command("ocpi_invite", operator=A, name="Lagon", again=True)["token"]
        assert platform.call("GET", site.versions_url(A)).http == 401
        assert platform.register(site.versions_url(A), again).status_code == 1000
        assert only_partner(A).state == PartnerState.REGISTERED


def test_lost_answer_to_our_rotation_leaves_both_tokens_good(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = invited(A, "CPO")
    monkeypatch.setattr(
        "apps.ocpi.selectors.partners.operator_address",
        lambda _one: f"http://{A}.localhost:{site.port}",
    )
    with ocpi_partner(role="CPO") as platform:
        platform.register(site.versions_url(A), token)
        before = platform.token_out
        platform.fault = Fault(drop=True, only=["credentials"])
        with pytest.raises(CommandError, match="no whole answer"):
            command("ocpi_rotate", operator=A, partner="lagon")

        assert platform.token_out != before
        for one in (before, platform.token_out):
            assert platform.call("GET", site.versions_url(A), token=one).http == 200
