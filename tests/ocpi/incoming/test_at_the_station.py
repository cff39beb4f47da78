"""A partner's customer at a real socket: authorised, charged, billed to the partner."""

from datetime import timedelta

from apps.billing.services import cdr_issue
from apps.chargers.models import Session
from apps.ocpi.models import Party, RoamingSession, TokenAsk
from apps.ocpi.objects.fields import date_time_text
from apps.tenants.context import operator_context
from cariflex.common.time import utc_now
from tests.billing.cdrs.scene import component, tariff_of
from tests.chargers.conftest import PASSWORD_A, STATION_ID, csms, csms_server  # noqa: F401
from tests.chargers.events import event, meter
from tests.chargers.server import BOOT, Csms
from tests.contracts.ocpi_partner import ocpi_partner
from tests.ocpi.incoming.conftest import A
from tests.ocpi.incoming.objects import token
from tests.ocpi.server import partner_of

UID = "ABCD1234"
ID_TOKEN = {"idToken": {"idToken": UID, "type": "ISO14443"}}


def test_card_of_a_partner_charges_here(csms: Csms) -> None:  # noqa: F811
    """10 kWh at 0.30 for a card that only its provider knows."""
    with ocpi_partner(role="EMSP") as platform:
        platform.allowed[UID] = {
            "allowed": "ALLOWED", "authorization_reference": "REF1", "token": token(UID),
        }  # fmt: skip
        with operator_context(A):
            Party.objects.create(role="CPO", country_code="GP", party_id="CFG", name="CFG")
            tariff_of("all", [{"price_components": [component("ENERGY", "0.30")]}])
            partner = partner_of(platform)
        station = csms.connect(A, STATION_ID, PASSWORD_A)
        station.tell("BootNotification", BOOT)

        status = station.tell("Authorize", ID_TOKEN)["idTokenInfo"]["status"]

        assert status == "Accepted"
        began = utc_now()
        start, end = date_time_text(began), date_time_text(began + timedelta(hours=1))
        station.tell(
            "TransactionEvent",
            event(0, "Started", start, transaction_id="tx-1", id_token=UID, evse_id=1,
                  meter_values=[meter(start, register_wh="0")]),
        )  # fmt: skip
        station.tell(
            "TransactionEvent",
            event(1, "Ended", end, transaction_id="tx-1",
                  meter_values=[meter(end, register_wh="10000")]),
        )  # fmt: skip

    with operator_context(A):
        cdr = cdr_issue(session_id=Session.objects.get().pk)
        roaming = RoamingSession.objects.get()
        assert (roaming.partner, roaming.token["uid"]) == (partner, UID)
        assert (roaming.auth_method, roaming.authorization_reference) == ("AUTH_REQUEST", "REF1")
        assert (cdr.auth_method, cdr.total_excl_vat) == ("AUTH_REQUEST", 3)
        assert TokenAsk.objects.filter(outcome="answered", allowed="ALLOWED").exists()
