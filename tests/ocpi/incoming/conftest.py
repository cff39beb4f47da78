"""A CPO and an eMSP that are registered at Guadeloupe, over real HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from apps.billing.services.accounts import account_add
from apps.chargers.services import token_register
from apps.ocpi.models import Partner, Party
from apps.tenants.context import operator_context
from tests.chargers.conftest import TOKEN
from tests.contracts.ocpi_partner import OcpiPartner, ocpi_partner
from tests.ocpi.server import Site, connect, partner_of

A, B = "guadeloupe", "martinique"


@pytest.fixture(autouse=True)
def _loopback(settings: Any) -> None:
    settings.OCPI_LOOPBACK_ALLOWED = True


@contextmanager
def registered(site: Site, role: str, schema: str = A, **options: Any) -> Iterator[OcpiPartner]:
    """A platform that is a partner of an operator, with an account of its own."""
    with ocpi_partner(role=role, **options) as platform:
        with operator_context(schema):
            if not Party.objects.exists():
                for own in ("CPO", "EMSP"):
                    Party.objects.create(role=own, country_code="GP", party_id="CFG", name="CFG")
            token_register(id_token=TOKEN)
            account = account_add(
                code=f"p{platform.port}", name="Partner", kind=role.lower(),
                party_country_code=platform.party[0], party_id=platform.party[1],
            )  # fmt: skip
            partner_of(platform, account=account)
        connect(platform, site, schema)
        yield platform


@pytest.fixture
def cpo(site: Site) -> Iterator[OcpiPartner]:
    """FR*ABC, a charge point operator that Guadeloupe roams with."""
    with registered(site, "CPO") as platform:
        yield platform


@pytest.fixture
def emsp(site: Site) -> Iterator[OcpiPartner]:
    """FR*ABC, a mobility provider that Guadeloupe roams with."""
    with registered(site, "EMSP") as platform:
        yield platform


def the_partner() -> Partner:
    """The only partner of the current operator."""
    return Partner.objects.get()
