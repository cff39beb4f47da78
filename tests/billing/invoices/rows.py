"""An issuer, accounts, and CDRs with any figures, stored as the service of CDRs would."""

import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from apps.assets.models import Site
from apps.billing.models import BillingAccount, Cdr, Issuer, PartnerCdr, TariffVersion
from apps.billing.services.accounts import account_add, issuer_save
from apps.billing.services.taxes import taxes_load
from apps.chargers.choices import SessionState
from apps.chargers.models import ChargingStation, Session
from cariflex.common.ids import new_id
from tests.billing.conftest import tariff_make

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
NOW = datetime(2026, 4, 2, 12, tzinfo=UTC)
"""March is over."""
SIREN, OTHER_SIREN = "552100554", "732829320"
"""Numbers with right check digits: of a carmaker, and INSEE's own example."""
_numbers = itertools.count(1)


def issuer_make(**fields: Any) -> Issuer:
    """An operator of Guadeloupe that may issue invoices."""
    taxes_load()
    known: dict[str, Any] = {
        "name": "Charge Gosier SAS", "street": "1 rue de la Marina", "postal_code": "97190",
        "city": "Le Gosier", "country_code": "FR", "territory": "GP", "siren": SIREN,
        "vat_number": "FR96552100554", "language": "fr",
    }  # fmt: skip
    return issuer_save(**{**known, **fields})


def account_make(code: str = "acme", **fields: Any) -> BillingAccount:
    """A company of Guadeloupe."""
    known: dict[str, Any] = {
        "kind": "company", "name": "Acme SARL", "street": "2 rue Frébault", "postal_code": "97110",
        "city": "Pointe-à-Pitre", "country_code": "FR", "territory": "GP", "siren": OTHER_SIREN,
        "language": "fr",
    }  # fmt: skip
    return account_add(code=code, **{**known, **fields})


def partner_make(code: str = "msp", **fields: Any) -> BillingAccount:
    """An eMSP that pays without VAT."""
    known: dict[str, Any] = {
        "kind": "emsp", "name": "Roam BV", "country_code": "NL", "territory": "",
        "siren": "", "party_country_code": "NL", "party_id": "RBV", "tax_treatment": "outside",
        "language": "en",
    }  # fmt: skip
    return account_make(code, **{**known, **fields})


def station_make(station_id: str = "CS-001", site: Site | None = None) -> ChargingStation:
    """A station, of a site or of none."""
    station, _created = ChargingStation.objects.get_or_create(
        station_id=station_id, defaults={"rated_power_kw": 22.0, "site": site, "name": station_id}
    )
    return station


def site_make(code: str = "marina") -> Site:
    """A site of Guadeloupe."""
    site, _created = Site.objects.get_or_create(code=code, defaults={"name": code.title()})
    return site


def cdr_make(account: BillingAccount | None, net: str, **more: Any) -> Cdr:
    """A stored CDR of March; `taxes`: [(percent or None, base)], one of 8.5 % if not given."""
    cdr = cdr_of(account, net, **more)
    Cdr.objects.bulk_create([cdr])
    return cdr


def cdr_of(
    account: BillingAccount | None,
    net: str,
    *,
    taxes: list[tuple[str | None, str]] | None = None,
    month: date = MARCH,
    energy_kwh: str = "10",
    currency: str = "EUR",
    station: ChargingStation | None = None,
    version: TariffVersion | None = None,
    ended_at: datetime | None = None,
) -> Cdr:
    """The same, not stored; its session is."""
    nth = next(_numbers)
    taxes = [("8.5", net)] if taxes is None else taxes
    total = Decimal(net)
    vat = sum(
        (Decimal(base) * Decimal(percent or 0) / 100 for percent, base in taxes), Decimal(0)
    ).quantize(Decimal("0.0001"))
    ended_at = ended_at or datetime(month.year, month.month, 10, 13, tzinfo=UTC)
    started_at = ended_at - timedelta(hours=1)
    session = Session.objects.create(
        station=station or station_make(),
        transaction_id=f"tx-{nth}",
        state=SessionState.ENDED,
        started_at=started_at,
        ended_at=ended_at,
        energy_kwh=Decimal(energy_kwh),
    )
    return Cdr(
        id=new_id(),
        reference=f"GP-CFG-{nth}",
        session=session,
        account=account,
        billing_month=month,
        station_id=session.station.station_id,
        time_zone="America/Guadeloupe",
        transaction_id=session.transaction_id,
        started_at=started_at,
        ended_at=ended_at,
        energy_kwh=Decimal(energy_kwh),
        charged_kwh=Decimal(energy_kwh),
        total_time_h=Decimal(1),
        tariff_version=version or TariffVersion.objects.first() or tariff_make(),
        tariff_name="Standard",
        tariff_content={},
        charging_periods=[],
        rating={
            "taxes": [
                {"name": "VAT", "percent": percent, "base": base, "amount": "0"}
                for percent, base in taxes
            ]
        },
        currency=currency,
        total_excl_vat=total,
        vat=vat,
        total_incl_vat=total + vat,
        issued_at=ended_at,
    )


def credit_make(cdr: Cdr, *, month: date | None = None) -> Cdr:
    """The credit CDR that takes one back."""
    credit = Cdr.objects.get(pk=cdr.pk)
    credit.pk = new_id()
    credit.reference = f"{cdr.reference}-C"
    credit.credit, credit.credit_reference = True, cdr
    credit.total_excl_vat, credit.vat = -cdr.total_excl_vat, -cdr.vat
    credit.total_incl_vat = -cdr.total_incl_vat
    credit.billing_month = month or cdr.billing_month
    credit.reason = "wrong meter"
    Cdr.objects.bulk_create([credit])
    return credit


def partner_cdr_make(account: BillingAccount, net: str, **fields: Any) -> PartnerCdr:
    """A CDR of a partner for a customer of ours, ended in March."""
    nth = next(_numbers)
    known: dict[str, Any] = {
        "kind": "received", "partner_reference": f"P-{nth}", "currency": "EUR",
        "started_at": datetime(2026, 3, 10, 12, tzinfo=UTC),
        "ended_at": datetime(2026, 3, 10, 13, tzinfo=UTC),
        "energy_kwh": Decimal(10), "tax": Decimal(0), "received_at": NOW,
    }  # fmt: skip
    return PartnerCdr.objects.create(account=account, net=Decimal(net), **{**known, **fields})
