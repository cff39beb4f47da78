"""Values as they stand on the OCPP 2.0.1 wire (Part 2, enumerations) and our own states."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ConnectionState(TextChoices):
    """Whether a station's socket is open."""

    ONLINE = "online", _("Online")
    OFFLINE = "offline", _("Offline")


class RegistrationStatus(TextChoices):
    """Our answer to a BootNotification (RegistrationStatusEnumType)."""

    ACCEPTED = "Accepted", _("Accepted")
    PENDING = "Pending", _("Pending")
    REJECTED = "Rejected", _("Rejected")


class ConnectorStatus(TextChoices):
    """ConnectorStatusEnumType; Unknown until the station has told us."""

    AVAILABLE = "Available", _("Available")
    OCCUPIED = "Occupied", _("Occupied")
    RESERVED = "Reserved", _("Reserved")
    UNAVAILABLE = "Unavailable", _("Unavailable")
    FAULTED = "Faulted", _("Faulted")
    UNKNOWN = "Unknown", _("Unknown")


class ChargingState(TextChoices):
    """ChargingStateEnumType."""

    CHARGING = "Charging", _("Charging")
    EV_CONNECTED = "EVConnected", _("Car connected")
    SUSPENDED_EV = "SuspendedEV", _("Suspended by the car")
    SUSPENDED_EVSE = "SuspendedEVSE", _("Suspended by the station")
    IDLE = "Idle", _("Idle")


class SessionState(TextChoices):
    """A session is active until its Ended event is known; it never becomes active again."""

    ACTIVE = "active", _("Active")
    ENDED = "ended", _("Ended")


class TransactionEventType(TextChoices):
    """TransactionEventEnumType."""

    STARTED = "Started", _("Started")
    UPDATED = "Updated", _("Updated")
    ENDED = "Ended", _("Ended")


class TokenType(TextChoices):
    """IdTokenEnumType."""

    CENTRAL = "Central", _("Central")
    EMAID = "eMAID", _("Contract (eMAID)")
    ISO14443 = "ISO14443", _("RFID card (ISO 14443)")
    ISO15693 = "ISO15693", _("RFID card (ISO 15693)")
    KEY_CODE = "KeyCode", _("Key code")
    LOCAL = "Local", _("Local")
    MAC_ADDRESS = "MacAddress", _("MAC address")
    NO_AUTHORIZATION = "NoAuthorization", _("No authorization")


class TokenStatus(TextChoices):
    """The AuthorizationStatusEnumType values that a stored token can have."""

    ACCEPTED = "Accepted", _("Accepted")
    BLOCKED = "Blocked", _("Blocked")
    EXPIRED = "Expired", _("Expired")
    INVALID = "Invalid", _("Invalid")


class AuthorizationStatus(TextChoices):
    """AuthorizationStatusEnumType: the answer to "may this token charge here?"."""

    ACCEPTED = "Accepted", _("Accepted")
    BLOCKED = "Blocked", _("Blocked")
    CONCURRENT_TX = "ConcurrentTx", _("Already charging")
    EXPIRED = "Expired", _("Expired")
    INVALID = "Invalid", _("Invalid")
    NO_CREDIT = "NoCredit", _("No credit")
    NOT_ALLOWED_TYPE_EVSE = "NotAllowedTypeEVSE", _("Not allowed on this kind of station")
    NOT_AT_THIS_LOCATION = "NotAtThisLocation", _("Not at this place")
    NOT_AT_THIS_TIME = "NotAtThisTime", _("Not at this time")
    UNKNOWN = "Unknown", _("Unknown")


class MessageDirection(TextChoices):
    """Which way a frame went."""

    IN = "in", _("From the station")
    OUT = "out", _("To the station")


class RefusalReason(TextChoices):
    """Why a station's connection was refused."""

    UNKNOWN_STATION = "unknown_station", _("Unknown station")
    MISSING_PASSWORD = "missing_password", _("No password sent")
    BAD_PASSWORD = "bad_password", _("Wrong password")
    SUBPROTOCOL = "subprotocol", _("OCPP version not offered")


class CommandAction(TextChoices):
    """What we ask a station to do (CSMS-initiated actions)."""

    REMOTE_START = "RequestStartTransaction", _("Start remotely")
    REMOTE_STOP = "RequestStopTransaction", _("Stop remotely")


class CommandStatus(TextChoices):
    """The life of a command: queued, sent, then exactly one of the four ends."""

    QUEUED = "queued", _("Queued")
    SENT = "sent", _("Sent")
    ACCEPTED = "accepted", _("Accepted")
    REJECTED = "rejected", _("Rejected")
    TIMEOUT = "timeout", _("No answer")
    FAILED = "failed", _("Failed")
