"""Charging stations, what they told us, and what we asked of them (one operator's schema)."""

from apps.chargers.models.ad_hoc import AdHocCharge, AdHocSettings, CostTold, TestPayment
from apps.chargers.models.charging_needs import ChargingNeeds, EvSchedule, SessionTerms
from apps.chargers.models.charging_profiles import ChargingProfile, LoadGroup, LoadGroupMember
from apps.chargers.models.citrineos import (
    CitrineAccount,
    CitrineCursor,
    CitrineMessage,
    CitrineTransaction,
)
from apps.chargers.models.customer_information import CustomerInformation
from apps.chargers.models.der import DerAlarm, DerControl
from apps.chargers.models.device_model import DeviceVariable, ReportRun
from apps.chargers.models.display_messages import DisplayMessage
from apps.chargers.models.event_streams import EventStream, StreamValue
from apps.chargers.models.local_lists import LocalList, TokenGroup
from apps.chargers.models.messages import Command, CommandBatch, StationMessage
from apps.chargers.models.notices import (
    ConnectionChange,
    ConnectorStatusChange,
    SecurityEvent,
    StationEvent,
)
from apps.chargers.models.reservations import Reservation
from apps.chargers.models.sessions import (
    IdToken,
    MeterValue,
    Session,
    SessionEvent,
    SignedMeterValue,
    mask_token,
)
from apps.chargers.models.stations import (
    STATION_ID_MAX_LENGTH,
    ChargingStation,
    Connector,
    Evse,
    RefusedConnection,
)
from apps.chargers.models.upkeep import (
    CertificateAuthority,
    FirmwareJob,
    LogJob,
    StationCertificate,
)
from apps.chargers.models.webhooks import (
    WebhookDelivery,
    WebhookEvent,
    WebhookSequence,
    WebhookSubscription,
)

__all__ = [
    "STATION_ID_MAX_LENGTH",
    "AdHocCharge",
    "AdHocSettings",
    "CertificateAuthority",
    "ChargingNeeds",
    "ChargingProfile",
    "ChargingStation",
    "CitrineAccount",
    "CitrineCursor",
    "CitrineMessage",
    "CitrineTransaction",
    "Command",
    "CommandBatch",
    "ConnectionChange",
    "Connector",
    "ConnectorStatusChange",
    "CostTold",
    "DerAlarm",
    "DerControl",
    "CustomerInformation",
    "DeviceVariable",
    "DisplayMessage",
    "EvSchedule",
    "EventStream",
    "Evse",
    "FirmwareJob",
    "IdToken",
    "LoadGroup",
    "LoadGroupMember",
    "LocalList",
    "LogJob",
    "MeterValue",
    "RefusedConnection",
    "ReportRun",
    "Reservation",
    "SecurityEvent",
    "Session",
    "SessionEvent",
    "SessionTerms",
    "SignedMeterValue",
    "StationCertificate",
    "StationEvent",
    "StationMessage",
    "TestPayment",
    "StreamValue",
    "TokenGroup",
    "WebhookDelivery",
    "WebhookEvent",
    "WebhookSequence",
    "WebhookSubscription",
    "mask_token",
]
