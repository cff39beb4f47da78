"""A row of any model, with values that its own constraints let pass."""

import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import models
from model_bakery import baker

from apps.assets.choices import DeviceKind
from apps.assets.models import Alarm, Device
from apps.billing.models import (
    BankLine,
    BookSettings,
    BookTaxAccounts,
    Dispute,
    ExchangeRate,
    Invoice,
    Issuer,
    MonthClosing,
    PartnerCdr,
    Payment,
    PaymentAllocation,
    Reminder,
    SepaItem,
    SessionCorrection,
)
from apps.flexibility.models import EnergyReport, GridRequest, PlanSlot
from apps.markets.models import (
    EmissionFactor,
    FallbackStep,
    FeedAccess,
    GeneratingUnit,
    PeakWindow,
    ScarcityAlert,
)
from apps.ocpi.models import OcpiSettings, Party

# No negative rating, no unknown field type.
baker.generators.add("django.db.models.FloatField", lambda: 50.0)
baker.generators.add("django.db.models.DecimalField", lambda: Decimal(0))
baker.generators.add("apps.tenants.fields.EncryptedTextField", lambda: "secret")


_numbers = itertools.count(1)
"""One open alarm of a kind is allowed for each of its sources."""


def row_make(model: type[models.Model]) -> Any:
    """A stored row of the model, with the rows it needs."""
    return baker.make(model, **_chosen(model))


# What has constraints of its own: an amount above zero, one of several sources and targets.
_VALUES: dict[type[models.Model], dict[str, Any]] = {
    BankLine: {"state": "bad"},
    BookSettings: {"pk": 1},
    BookTaxAccounts: {"percent": lambda: Decimal(next(_numbers)) / 1000},
    EmissionFactor: {"valid_to": None, "fuel": lambda: f"fuel-{next(_numbers)}"},
    EnergyReport: {"month": date(2026, 3, 1)},
    ExchangeRate: {"euros": Decimal(1)},
    FallbackStep: {"method": "earlier_days"},
    FeedAccess: {"area": lambda: f"area-{next(_numbers)}"},
    GeneratingUnit: {"capacity_mw": Decimal(1)},
    GridRequest: {
        "start": datetime(2026, 3, 10, 22, tzinfo=UTC),
        "end": datetime(2026, 3, 11, tzinfo=UTC),
    },
    Issuer: {"pk": 1},
    MonthClosing: {"month": lambda: date(2020, 1, 1) + timedelta(days=31 * next(_numbers))},
    OcpiSettings: {"pk": 1},
    Party: {"country_code": "GP", "party_id": lambda: f"{next(_numbers) % 1000:03}"},
    PeakWindow: {"start_minute": 0, "end_minute": 60},
    Payment: {"amount": Decimal(1), "method": "transfer"},
    PaymentAllocation: {"amount": Decimal(1)},
    Reminder: {"open_amount": Decimal(1)},
    ScarcityAlert: {
        "start": datetime(2026, 3, 10, 22, tzinfo=UTC),
        "end": datetime(2026, 3, 11, tzinfo=UTC),
    },
    SepaItem: {"amount": Decimal(1)},
    SessionCorrection: {"energy_kwh": Decimal(1)},
}
_NEEDED: dict[type[models.Model], dict[str, type[models.Model]]] = {
    Dispute: {"partner_cdr": PartnerCdr},
    PaymentAllocation: {"payment": Payment, "invoice": Invoice},
    PlanSlot: {"device": Device},
    SepaItem: {"invoice": Invoice},
}


def _chosen(model: type[models.Model], path: str = "") -> dict[str, Any]:
    """What must not be left to chance: a battery would need a capacity too."""
    if model is Alarm:
        return {f"{path}source": "station", f"{path}source_id": next(_numbers)}
    if model is Device:
        return {f"{path}kind": DeviceKind.PV}
    found: dict[str, Any] = {
        f"{path}{name}": value() if callable(value) else value
        for name, value in _VALUES.get(model, {}).items()
    }
    found |= {f"{path}{name}": row_make(row) for name, row in _NEEDED.get(model, {}).items()}
    for field in model._meta.fields:
        if isinstance(field, models.ForeignKey) and not field.null:
            inner = field.related_model
            assert isinstance(inner, type)
            if inner is not model:
                found |= _chosen(inner, f"{path}{field.name}__")
    return found
