"""Partners, what they told us, what we publish, what was said (one operator's schema)."""

from apps.ocpi.models.conformance import ConformanceReport, ConformanceState
from apps.ocpi.models.copies import (
    PartnerLocation,
    PartnerSession,
    PartnerTariff,
    PartnerToken,
    Pull,
)
from apps.ocpi.models.exchanges import Exchange, RemoteCommand, RemoteProfile, TokenAsk
from apps.ocpi.models.partners import OcpiSettings, Partner, PartnerEndpoint, PartnerRole, Party
from apps.ocpi.models.published import (
    Published,
    PublishedCount,
    RoamingSession,
    StationDetails,
)

__all__ = [
    "ConformanceReport",
    "ConformanceState",
    "Exchange",
    "OcpiSettings",
    "Partner",
    "PartnerEndpoint",
    "PartnerLocation",
    "PartnerRole",
    "PartnerSession",
    "PartnerTariff",
    "PartnerToken",
    "Party",
    "Published",
    "PublishedCount",
    "Pull",
    "RemoteCommand",
    "RemoteProfile",
    "RoamingSession",
    "StationDetails",
    "TokenAsk",
]
