"""What the apps below ask of roaming: may a partner's token charge, and who pays for it?"""

from apps.billing.ports import register_session_payers
from apps.chargers.ports import register_token_authorizer
from apps.ocpi.services.authorize import PartnerAuthorizer
from apps.ocpi.services.roaming_sessions import RoamingPayers

AUTHORIZER = PartnerAuthorizer()


def connect() -> None:
    """Fill the ports; called once, when the app is ready."""
    register_token_authorizer(AUTHORIZER)
    register_session_payers(RoamingPayers())
