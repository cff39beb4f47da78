"""Values as they stand on the OCPP 2.0.1 wire (Part 2, enumerations) and our own states."""

from django.db.models import IntegerChoices, TextChoices
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
    TLS_REQUIRED = "tls_required", _("Connection without TLS")
    MISSING_CERTIFICATE = "missing_certificate", _("No client certificate sent")
    BAD_CERTIFICATE = "bad_certificate", _("Wrong client certificate")


class CommandStatus(TextChoices):
    """The life of a command: queued, sent, then exactly one of the four ends."""

    QUEUED = "queued", _("Queued")
    SENT = "sent", _("Sent")
    ACCEPTED = "accepted", _("Accepted")
    REJECTED = "rejected", _("Rejected")
    TIMEOUT = "timeout", _("No answer")
    FAILED = "failed", _("Failed")


class BackEnd(TextChoices):
    """Which CSMS holds a station's socket."""

    NATIVE = "native", _("Cariflex")
    CITRINEOS = "citrineos", "CitrineOS"


class SecurityProfile(IntegerChoices):
    """2.0.1 Part 2 A00, table "Security profiles"."""

    BASIC = 1, _("1: password")
    TLS = 2, _("2: password over TLS")
    MUTUAL_TLS = 3, _("3: client certificate over TLS")


class ReservationStatus(TextChoices):
    """The life of a reservation."""

    REQUESTED = "requested", _("Requested")
    ACCEPTED = "accepted", _("Accepted")
    REFUSED = "refused", _("Refused by the station")
    USED = "used", _("Used")
    CANCELLED = "cancelled", _("Cancelled")
    EXPIRED = "expired", _("Expired")
    REMOVED = "removed", _("Removed by the station")


class LocalListStatus(TextChoices):
    """Whether a station holds the list it should."""

    UNKNOWN = "unknown", _("Unknown")
    CURRENT = "current", _("Up to date")
    SENDING = "sending", _("On its way")
    FAILED = "failed", _("Failed")
    UNSUPPORTED = "none", _("Not supported")


class ProfilePurpose(TextChoices):
    """ChargingProfilePurposeEnumType (2.0.1, and the two of 2.1)."""

    EXTERNAL = "ChargingStationExternalConstraints", _("External limits")
    STATION_MAX = "ChargingStationMaxProfile", _("Most of the station")
    TX_DEFAULT = "TxDefaultProfile", _("Default of sessions")
    TX = "TxProfile", _("One session")
    PRIORITY = "PriorityCharging", _("Priority charging")
    LOCAL_GENERATION = "LocalGeneration", _("Local generation")


class ProfileKind(TextChoices):
    """ChargingProfileKindEnumType."""

    ABSOLUTE = "Absolute", _("Absolute")
    RECURRING = "Recurring", _("Recurring")
    RELATIVE = "Relative", _("Relative")
    DYNAMIC = "Dynamic", _("Dynamic")


class RecurrencyKind(TextChoices):
    """RecurrencyKindEnumType."""

    DAILY = "Daily", _("Daily")
    WEEKLY = "Weekly", _("Weekly")


class ProfileSource(TextChoices):
    """Who wants a charging profile."""

    OPERATOR = "operator", _("Operator")
    LOAD_GROUP = "load_group", _("Load group")
    PLAN = "plan", _("Plan")
    PARTNER = "partner", _("Partner")
    STATION = "station", _("Station")


class ProfileStatus(TextChoices):
    """The life of a charging profile at a station."""

    REQUESTED = "requested", _("Requested")
    ACCEPTED = "accepted", _("In force")
    REJECTED = "rejected", _("Rejected")
    CLEARED = "cleared", _("Cleared")
    ENDED = "ended", _("Ended")


class UpkeepStatus(TextChoices):
    """The life of a job at a station."""

    REQUESTED = "asked", _("Requested")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    ENDED = "ended", _("Ended")


class CertificateUse(TextChoices):
    """What a certificate is for (InstallCertificateUseEnumType, CertificateSigningUseEnumType)."""

    CHARGING_STATION = "ChargingStationCertificate", _("Identity of the station")
    V2G_STATION = "V2GCertificate", _("Identity towards cars")
    V2G_STATION_20 = "V2G20Certificate", _("Identity towards cars (ISO 15118-20)")
    V2G_CHAIN = "V2GCertificateChain", _("Chain of the identity towards cars")
    CSMS_ROOT = "CSMSRootCertificate", _("Root of the CSMS")
    MANUFACTURER_ROOT = "ManufacturerRootCertificate", _("Root of the manufacturer")
    MO_ROOT = "MORootCertificate", _("Root of mobility operators")
    V2G_ROOT = "V2GRootCertificate", _("Root of V2G")
    OEM_ROOT = "OEMRootCertificate", _("Root of a car maker")


class PaymentState(TextChoices):
    """How a payment stands at its provider."""

    PENDING = "pending", _("Waiting for the person")
    AUTHORISED = "authorised", _("Authorised")
    REFUSED = "refused", _("Refused")
    CAPTURED = "captured", _("Taken")
    VOIDED = "voided", _("Released")
    REFUNDED = "refunded", _("Given back")


class AdHocState(TextChoices):
    """The life of a stay without a contract."""

    PAYING = "paying", _("Waiting for the payment")
    STARTING = "starting", _("Starting")
    CHARGING = "charging", _("Charging")
    SETTLING = "settling", _("Payment on its way")
    PAID = "paid", _("Paid")
    REFUNDED = "refunded", _("Given back")
    RELEASED = "released", _("Nothing taken")

    @classmethod
    def open_states(cls) -> "tuple[AdHocState, ...]":
        """Those in which the station may still charge."""
        return cls.PAYING, cls.STARTING, cls.CHARGING


class AdHocEnd(TextChoices):
    """Why a stay without a contract ended with nothing taken."""

    REFUSED = "refused", _("The payment was refused")
    EXPIRED = "expired", _("Nobody paid in time")
    PROVIDER = "provider", _("The payment provider did not answer")
    BUSY = "busy", _("Somebody else was faster")
    STATION = "station", _("The station did not start")
    NO_CAR = "no_car", _("No car was plugged in")
    CANCELLED = "cancelled", _("Cancelled before the start")
    NO_ENERGY = "no_energy", _("Nothing to pay")


class NeedsAnswer(TextChoices):
    """NotifyEVChargingNeedsStatusEnumType: what a car is told of its needs."""

    ACCEPTED = "Accepted", _("A schedule follows")
    PROCESSING = "Processing", _("A schedule is being made")
    NO_PROFILE = "NoChargingProfile", _("No schedule of its own")
    REJECTED = "Rejected", _("Rejected")


class DerControlStatus(TextChoices):
    """The life of a DER control at a station."""

    REQUESTED = "requested", _("Requested")
    ACCEPTED = "accepted", _("Held by the station")
    REJECTED = "rejected", _("Rejected")
    CLEARED = "cleared", _("Cleared")
    ENDED = "ended", _("Ended")


class DisplayPriority(TextChoices):
    """MessagePriorityEnumType."""

    ALWAYS_FRONT = "AlwaysFront", _("Always in front")
    IN_FRONT = "InFront", _("In front")
    NORMAL_CYCLE = "NormalCycle", _("In turn")


class DisplayState(TextChoices):
    """MessageStateEnumType (2.0.1, and the last two of 2.1)."""

    CHARGING = "Charging", _("Charging")
    FAULTED = "Faulted", _("Faulted")
    IDLE = "Idle", _("Idle")
    UNAVAILABLE = "Unavailable", _("Unavailable")
    SUSPENDED = "Suspended", _("Suspended")
    DISCHARGING = "Discharging", _("Discharging")


class DisplayFormat(TextChoices):
    """MessageFormatEnumType (2.0.1, and QRCODE of 2.1)."""

    ASCII = "ASCII", "ASCII"
    HTML = "HTML", "HTML"
    URI = "URI", "URI"
    UTF8 = "UTF8", "UTF-8"
    QR_CODE = "QRCODE", _("QR code")


class DisplaySource(TextChoices):
    """Who put a message on a display."""

    OPERATOR = "operator", _("Operator")
    STATION = "station", _("Station")


class DisplayStatus(TextChoices):
    """The life of a message on a display; it is shown only as far as the station keeps its word."""

    REQUESTED = "requested", _("Requested")
    SHOWN = "shown", _("At the station")
    REJECTED = "rejected", _("Rejected")
    FAILED = "failed", _("Failed")
    REPLACED = "replaced", _("Replaced")
    CLEARED = "cleared", _("Cleared")
    REMOVED = "removed", _("Removed by the station")
    ENDED = "ended", _("Ended")


class CustomerReference(TextChoices):
    """By what a customer is named in CustomerInformation."""

    ID_TOKEN = "idToken", _("Token")
    IDENTIFIER = "customerIdentifier", _("Identifier")
    CERTIFICATE = "customerCertificate", _("Certificate")
