"""A past month of the demo's charging, so that there is a month to close.

Its sessions are told as stations tell what they did offline: by their own events, late. The rest
(CDRs, exceptions) is what the product makes of them.
"""

import json
import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from apps.billing.choices import AccountKind, PartnerCdrKind
from apps.billing.models import BillingAccount, PartnerCdr
from apps.billing.months import month_interval, month_of
from apps.billing.services import cdr_issue_when_complete
from apps.chargers.models import ChargingStation, Session
from apps.chargers.ocpp.v201 import mapping
from apps.chargers.services import session_event_apply
from apps.simulation.island import load_island
from cariflex.common.errors import DomainError
from cariflex.common.time import utc_now

SESSIONS = 36
PARTNER_CDRS = 4
MINUTES_A_SAMPLE = 15
BACKWARDS, EMPTY = 7, 19
"""Numbers of the session whose meter runs backwards, and of the one without energy."""


@dataclass(frozen=True)
class MonthReport:
    """What was made."""

    sessions: int
    cdrs: int
    partner_cdrs: int


def demo_month_make(*, operator: str, month: date) -> MonthReport:
    """The month's sessions with their CDRs, and CDRs of a partner; again changes nothing.

    DomainError when the month is not over.
    """
    island = load_island(operator)
    month = month_of(month)
    whole = month_interval(month, island.time_zone)
    if whole.end > utc_now():
        raise DomainError("demo.month_not_over", f"{month:%Y-%m} is not over.", field="month")
    chance = random.Random(f"{operator} {month}")  # noqa: S311 - a demo that is the same each time
    stations = list(ChargingStation.objects.order_by("station_id"))
    cards = [car.id_token for car in island.cars]
    room = (whole.end - whole.start) - timedelta(hours=12)
    cdrs = 0
    for number in range(SESSIONS):
        begin = whole.start + timedelta(hours=6) + chance.random() * (room - timedelta(hours=4))
        session = _session(
            stations[number % len(stations)],
            f"demo-{month:%Y%m}-{number:03d}",
            begin.replace(second=0, microsecond=0),
            cards[number % len(cards)],
            number,
            chance,
        )
        # One in doubt goes to the inbox instead.
        if cdr_issue_when_complete(session_id=session.pk, now=utc_now()) is not None:
            cdrs += 1
    return MonthReport(SESSIONS, cdrs, _partner_cdrs(month, whole.start, chance))


def _session(
    station: ChargingStation,
    transaction_id: str,
    begin: datetime,
    id_token: str,
    number: int,
    chance: random.Random,
) -> Session:
    """One to three hours at 7 to 20 kW, told in quarter hours."""
    samples = chance.randint(4, 12)
    power_kw = 0.0 if number == EMPTY else chance.uniform(7.0, 20.0)
    register_wh = float(1_000_000 + 40_000 * number)
    step_wh = power_kw * 1000 * MINUTES_A_SAMPLE / 60
    for sample in range(samples + 1):
        kind = "Started" if sample == 0 else "Ended" if sample == samples else "Updated"
        at = begin + timedelta(minutes=MINUTES_A_SAMPLE * sample)
        value_wh = register_wh + step_wh * sample
        if number == BACKWARDS and sample == samples - 1:
            value_wh = register_wh
        payload = _event(kind, sample, at, transaction_id, value_wh, power_kw)
        if sample == 0:
            payload["idToken"] = {"idToken": id_token, "type": "ISO14443"}
            payload["evse"] = {"id": 1, "connectorId": 1}
        if kind == "Ended":
            payload["transactionInfo"]["stoppedReason"] = "Local"
        text = json.dumps(payload)
        session = session_event_apply(
            station_pk=station.pk,
            event=mapping.transaction_event(mapping.loads(text)),
            payload_text=text,
            now=utc_now(),
        )
    return session


def _event(
    kind: str, number: int, at: datetime, transaction_id: str, register_wh: float, power_kw: float
) -> dict[str, Any]:
    """A TransactionEventRequest of OCPP 2.0.1 that was kept while the station was offline."""
    triggers = {"Started": "Authorized", "Ended": "StopAuthorized"}
    charging = "EVConnected" if kind == "Ended" else "Charging"
    return {
        "eventType": kind,
        "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "triggerReason": triggers.get(kind, "MeterValuePeriodic"),
        "seqNo": number,
        "offline": True,
        "transactionInfo": {"transactionId": transaction_id, "chargingState": charging},
        "meterValue": [
            {
                "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
                "sampledValue": [
                    {"value": round(register_wh, 1)},
                    {
                        "value": round(power_kw * 1000, 1),
                        "measurand": "Power.Active.Import",
                        "unitOfMeasure": {"unit": "W"},
                    },
                ],
            }
        ],
    }


def _partner_cdrs(month: date, start: datetime, chance: random.Random) -> int:
    """CDRs that the demo's partner sent for our customers at its stations."""
    partner = BillingAccount.objects.filter(kind=AccountKind.EMSP).order_by("pk").first()
    if partner is None:
        return 0
    for number in range(PARTNER_CDRS):
        begin = start + timedelta(days=5 * number + 2, hours=14)
        energy_kwh = Decimal(f"{chance.uniform(8, 30):.3f}")
        PartnerCdr.objects.get_or_create(
            account=partner,
            kind=PartnerCdrKind.RECEIVED,
            partner_reference=f"DEMO-{month:%Y%m}-{number}",
            defaults={
                "started_at": begin,
                "ended_at": begin + timedelta(hours=1),
                "energy_kwh": energy_kwh,
                "currency": "EUR",
                "net": (energy_kwh * Decimal("0.39")).quantize(Decimal("0.0001")),
                "received_at": begin + timedelta(days=1),
            },
        )
    return PARTNER_CDRS
